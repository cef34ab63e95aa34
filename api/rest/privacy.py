"""Everything that is held about a person: shown, or erased with a receipt for whoever asks later."""

from typing import Annotated, Any

from litestar.params import FromPath
from msgspec import Meta, Struct

from api.handling.serving import AnyRequest, customer_in_path, serving
from api.handling.writes import carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read
from api.openapi.operation import delete, get
from api.presentation.addresses import ShownAddress, address
from api.presentation.customers import ShownCustomer, customer
from api.presentation.events import HistoryEntry, Subject, history_entry
from api.presentation.labels import carried_label
from api.presentation.orders import ShownOrder, whole_order
from api.presentation.users import ShownUser, user
from api.presentation.values import Done, Id, Moment, Row
from domain.refusals import CustomerNotFound
from eventstore.postgres.stream_ids import from_uuid
from projections.history.person import Export
from projections.history.receipt import Receipt
from projections.tables.projection import utc
from service import privacy
from service.fields.input import Input
from service.fields.kinds import Text
from service.privacy import NotErased
from service.values import shown

GROUP = "Privacy"


class ShownReceipt(Struct):
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
    erasure: ShownReceipt


class Erasure(Input, forbid_unknown_fields=True):
    reason: Annotated[
        str,
        Text(
            privacy.MAX_REASON,
            example="asked by the customer",
            about="Why customers are deleted. It stays, so it must name nobody. It may be left out, but not be blank.",
            never_blank="is required.",
        ),
    ] = ""


@delete(
    "/customers/{customer_id:str}", "Erase a customer", "Customers", "customers/delete", takes=Erasure, answers=Done,
    refuses=CustomerNotFound, versioned="unless erased",
)  # fmt: skip
async def delete_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """For good: whatever says who it was can be read by nobody any more, and its orders leave the lists. The same as
    the bulk action, and it needs `customers/manage`, too. The answer holds no customer; a receipt stays at `erasure`.
    """
    id_, wanted = customer_in_path(customer_id), await read(request, Erasure)
    request.user.require("customers/manage")  # as for the bulk action that does the same
    done = just(Done("Customer has been deleted permanently"))
    return await carry_out(request, lambda unit: privacy.erase(unit, [id_], wanted.reason), done, customer_id=id_)


@get(
    "/customers/{customer_id:str}/erasure", "The receipt of an erasure", GROUP, "history/view", answers=Erased,
    refuses=(CustomerNotFound, NotErased),
)  # fmt: skip
async def get_erasure(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Who erased the customer, when and why, and how many events are sealed for good."""
    found = await privacy.find_receipt(serving(request).store, customer_in_path(customer_id))
    return answer(Erased(receipt(found)))


def receipt(found: Receipt) -> ShownReceipt:
    return ShownReceipt(
        customer_id=found.customer_id,
        erased_at=str(utc(found.erased_at)),
        erased_by=found.erased_by,
        request_id=found.request_id,
        reason=found.reason,
        events=found.events,
        users=list(found.users),
        position=found.position,
    )


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


@get(
    "/customers/{customer_id:str}/export", "All that is held about a customer", GROUP, "users/view", answers=Exported,
    refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def get_export(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Its own and its users' data, orders, events with what each said, kept answers. Needs `customers/view`, too."""
    service, id_ = serving(request), customer_in_path(customer_id)
    request.user.require("customers/view")
    found = await privacy.export(service.store, id_)
    return answer(Exported(held(found, service.settings.store_url)), version=found.customer["version"])


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
        kept_answers=[KeptAnswer(**{name: shown(row[name]) for name in row.keys()}) for row in found.answers],  # noqa: SIM118 - a record
        keys=list(map(_key, found.keys)),
    )


def _key(row: Row) -> HeldKey:
    """That there is one, and never more."""
    stream = from_uuid(row["originator_id"])
    return HeldKey(Subject(stream.category, stream.id), row["since"], row["until"], row["is_destroyed"])


HANDLERS: list[Any] = [delete_customer, get_erasure, get_export]
