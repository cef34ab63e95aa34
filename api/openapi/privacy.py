"""What is answered of a person's data as a whole: all of it, and that it is erased."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from api.openapi.history import HistoryEntry, Subject
from api.openapi.shapes import Address, Customer, Id, Moment, Order, User


class Receipt(Struct):
    """`events` of the customer and of these users can't be read any more by anybody."""

    customer_id: Id
    erased_at: Moment
    erased_by: Annotated[str, Meta(examples=["admin"])]
    request_id: str
    reason: Annotated[str, Meta(examples=["asked by the customer"])]
    events: Annotated[int, Meta(ge=0, examples=[12])]
    users: list[Id]
    position: Id


class Erased(Struct):
    erasure: Receipt


class HeldClaim(Struct):
    """A value that nobody else can have meanwhile."""

    kind: Annotated[str, Meta(examples=["customer-email"])]
    value: Annotated[str, Meta(examples=["jane.smith@example.com"])]


class KeptAnswer(Struct):
    """Kept for 24 hours for the Idempotency-Key, by its digest, that its request came with."""

    actor: Annotated[str, Meta(examples=["admin"])]
    key: str
    answered_at: str
    status: Annotated[int, Meta(examples=[200])]
    body: dict[str, Any]


class HeldKey(Struct):
    """That versions from `since` to before `until` are sealed with a key."""

    subject: Subject
    since: Id
    until: int | None
    is_destroyed: bool


class Held(Struct):
    """Events newest first."""

    customer: Customer
    addresses: list[Address]
    users: list[User]
    orders: list[Order]
    events: list[HistoryEntry]
    events_of_users: list[HistoryEntry]
    claims: list[HeldClaim]
    kept_answers: list[KeptAnswer]
    keys: list[HeldKey]


class Exported(Struct):
    export: Held
