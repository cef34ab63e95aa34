"""Answers to requests that are not carried out, made from the very refusals that the handlers raise."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from api.http.refusals import (
    BadEncoding,
    BadIfMatch,
    CustomerGone,
    Fault,
    Forbidden,
    HttpRefusal,
    Invalid,
    InvalidJson,
    Late,
    NoPrimary,
    OtherTransaction,
    Rule,
    Slow,
    Stale,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unknown,
)
from api.openapi.kinds import Schema
from api.openapi.shapes import Cents, Id, NoText
from service.reasons import Reason

_RULES = Meta(extra_json_schema={"propertyNames": {"$ref": "#/components/schemas/FieldRule"}})


class Refused(Struct):
    """`code` is the HTTP status."""

    code: int
    message: str
    data: NoText
    reason: Reason


class InvalidFields(Struct):
    """`errors` maps each field that does not fit to rules, and these to sentences for people."""

    code: Literal["rest_request_validation"]
    message: str
    errors: dict[str, Annotated[dict[str, str], _RULES]]
    reason: Reason


class DoorData(Struct):
    status: int


class RefusedAtTheDoor(Struct):
    """Refused before anything was done."""

    code: Literal["rest_forbidden", "rest_invalid_json", "rest_invalid_header", "rest_no_route"]
    message: str
    data: DoorData
    reason: Reason


class Unattached(Struct):
    """The customer is linked to a user already."""

    message: str
    reason: Reason


class Recorded(Struct):
    order_id: Id
    type: Literal["payment", "refund"]
    amount: Cents


class BothTransactions(Struct):
    transaction_id: str
    recorded: Recorded
    sent: Recorded


class TransactionRefused(Struct):
    """What is recorded under the id of the transaction, and what was sent."""

    code: Literal[409]
    message: str
    data: BothTransactions
    reason: Reason


class NoSuchCustomer(Struct):
    message: str
    back_text: str
    back_url: str
    reason: Reason


class StaleData(Struct):
    version: int


class StaleVersion(Struct):
    """`version` is the current one."""

    code: Literal[412]
    message: str
    data: StaleData
    reason: Reason


class FaultData(Struct):
    request_id: str


class OurFault(Struct):
    """The log tells more, under the same request id."""

    code: Literal[500]
    message: str
    data: FaultData
    reason: Reason


SHAPES: dict[type[HttpRefusal], type[Struct]] = {
    HttpRefusal: Unattached,
    Rule: Refused,
    TooLarge: Refused,
    TooMany: Refused,
    BadEncoding: Refused,
    Slow: Refused,
    Late: Refused,
    NoPrimary: Refused,
    OtherTransaction: TransactionRefused,
    Unknown: Refused,
    Invalid: InvalidFields,
    Unauthenticated: RefusedAtTheDoor,
    Forbidden: RefusedAtTheDoor,
    InvalidJson: RefusedAtTheDoor,
    BadIfMatch: RefusedAtTheDoor,
    CustomerGone: NoSuchCustomer,
    Stale: StaleVersion,
    Fault: OurFault,
}
ABOUT = {
    400: "The request cannot be carried out as it is",
    401: "Who asks is unknown",
    403: "Not allowed",
    404: "Not found",
    408: "The body did not arrive in time",
    409: "In the way of something else",
    410: "About somebody who is erased",
    412: "The customer has changed since the version in If-Match",
    413: "Too large",
    415: "The body is compressed",
    422: "Fields that do not fit, all of them",
    429: "Too many requests; see Retry-After",
    500: "A fault of ours",
    503: "The database is away, or this took too long; see Retry-After",
}


def responses(refusals: Iterable[HttpRefusal]) -> dict[str, Any]:
    """Answers by status, each with every body that it may have and an example of it."""
    by_status: dict[int, list[HttpRefusal]] = {}
    for refusal in refusals:
        by_status.setdefault(refusal.status, []).append(refusal)
    return {str(status): _response(status, by_status[status]) for status in sorted(by_status)}


def _response(status: int, refusals: list[HttpRefusal]) -> dict[str, Any]:
    names = sorted({SHAPES[type(refusal)].__name__ for refusal in refusals})
    shapes: list[Schema] = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    examples = {f"{number}": {"summary": r.body["message"], "value": r.body} for number, r in enumerate(refusals, 1)}
    content = {"schema": shapes[0] if len(shapes) == 1 else {"anyOf": shapes}, "examples": examples}
    headers = {name: _header(value) for refusal in refusals for name, value in refusal.headers.items()}
    return {
        "description": ABOUT[status],
        "content": {"application/json": content},
        **({"headers": headers} if headers else {}),
    }


def _header(example: str) -> dict[str, Any]:
    kind = "integer" if example.isdigit() else "string"
    return {"required": True, "schema": {"type": kind}, "example": int(example) if kind == "integer" else example}
