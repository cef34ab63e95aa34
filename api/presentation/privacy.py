"""What is held about a person, and the receipt of an erasure, as clients and the command line see them."""

from typing import Annotated, Any

from msgspec import Meta, Struct, json
from msgspec.structs import asdict

from api.presentation.addresses import ShownAddress, address
from api.presentation.customers import ShownCustomer, customer
from api.presentation.events import HistoryEntry, Subject, history_entry
from api.presentation.labels import carried_label
from api.presentation.orders import ShownOrder, whole_order
from api.presentation.users import ShownUser, user
from api.presentation.values import Id, Moment, Row
from eventstore.postgres.answers import unpack
from eventstore.postgres.stream_ids import from_uuid
from projections.history.person import Export
from projections.history.receipt import Receipt
from projections.tables.projection import utc
from service.values import shown


class ShownTold(Struct):
    """A webhook that was sent anything about the customer, and where it leads to; it is sent the erasure until it takes
    it. Null: not yet.
    """

    webhook_id: Id
    host: Annotated[str, Meta(examples=["crm.example.com"])]
    sent_at: Moment | None
    acknowledged_at: Moment | None


class ShownReceipt(Struct):
    """`events` of the customer, of its orders and of these users can't be read any more by anybody, or their words.
    `told` are webhooks.
    """

    customer_id: Id
    erased_at: Moment
    erased_by: Annotated[str, Meta(examples=["admin"])]
    request_id: str
    reason: Annotated[str, Meta(examples=["asked by the customer"])]
    events: Annotated[int, Meta(ge=0, examples=[12])]
    users: list[Id]
    position: Id
    told: list[ShownTold]


class Erased(Struct):
    erasure: ShownReceipt


def receipt(found: Receipt) -> ShownReceipt:
    told = [
        ShownTold(each.webhook_id, each.host, *(shown(at and utc(at)) for at in (each.sent_at, each.acknowledged_at)))
        for each in found.told
    ]
    as_sent = {"erased_at": str(utc(found.erased_at)), "users": list(found.users), "told": told}
    return ShownReceipt(**asdict(found) | as_sent)


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

    customer: ShownCustomer
    addresses: list[ShownAddress]
    users: list[ShownUser]
    orders: list[ShownOrder]
    events: list[HistoryEntry]
    events_of_users: list[HistoryEntry]
    claims: list[HeldClaim]
    kept_answers: list[KeptAnswer]
    keys: list[HeldKey]


class Exported(Struct):
    export: Held


def held(found: Export, store_url: str) -> Held:
    made = customer(found.customer, store_url)
    made.labels = list(map(carried_label, found.labels))
    return Held(
        customer=made,
        addresses=list(map(address, found.addresses)),
        users=list(map(user, found.users)),
        orders=list(map(whole_order, found.orders)),
        events=list(map(history_entry, found.events)),
        events_of_users=list(map(history_entry, found.of_users)),
        claims=[HeldClaim(**row) for row in found.claims],
        kept_answers=list(map(_kept, found.answers)),
        keys=list(map(_key, found.keys)),
    )


def _key(row: Row) -> HeldKey:
    """That there is one, and never more."""
    stream = from_uuid(row["originator_id"])
    return HeldKey(Subject(stream.category, stream.id), row["since"], row["until"], row["is_destroyed"])


def _kept(row: Row) -> KeptAnswer:
    body = json.decode(unpack(row["body"]))
    return KeptAnswer(row["actor"], row["key"], shown(row["answered_at"]), row["status"], body)
