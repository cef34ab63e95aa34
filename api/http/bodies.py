"""Bodies of answers to requests that are not carried out: the contract's, with a machine's word beside it."""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

from api.http.reasons import Reason
from api.presentation.values import Cents, Id, NoText
from service.fields.choices import FIELD_RULE
from service.fields.rules import FieldRule

DoorCode: TypeAlias = Literal["rest_forbidden", "rest_invalid_json", "rest_invalid_header", "rest_no_route"]
_RULES = Meta(extra_json_schema={"propertyNames": FIELD_RULE.schema})


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
    errors: dict[str, Annotated[dict[FieldRule, str], _RULES]]
    reason: Reason


class DoorData(Struct):
    status: int


class RefusedAtTheDoor(Struct):
    """Refused before anything was done."""

    code: DoorCode
    message: str
    data: DoorData
    reason: Reason


class Unattached(Struct):
    """The customer is linked to a user already."""

    message: str
    reason: Reason


class RecordedMove(Struct):
    order_id: Id
    type: Literal["payment", "refund"]
    amount: Cents


class BothTransactions(Struct):
    transaction_id: str
    recorded: RecordedMove
    sent: RecordedMove


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


Body: TypeAlias = (
    Refused
    | InvalidFields
    | RefusedAtTheDoor
    | Unattached
    | TransactionRefused
    | NoSuchCustomer
    | StaleVersion
    | OurFault
)
