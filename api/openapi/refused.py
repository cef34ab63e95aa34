"""Answers to requests that are not carried out, made from the very refusals that the handlers raise."""

from collections.abc import Iterable
from typing import Any

from msgspec import to_builtins

from api.http.refusals import HttpRefusal
from service.fields.kinds import REFERENCE, Schema

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
    names = sorted({type(refusal.body).__name__ for refusal in refusals})
    shapes: list[Schema] = [{"$ref": REFERENCE + name} for name in names]
    examples = {
        f"{number}": {"summary": each.body.message, "value": to_builtins(each.body)}
        for number, each in enumerate(refusals, 1)
    }
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
