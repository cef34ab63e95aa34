"""Lines of a timeline: what each event means to a person, with the few changes that are worth a chip."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import asdict

from api.console.filters import money
from api.presentation.story.sentences import Names
from domain import address, customer, label, order, user, webhook
from domain.event import Event, Forgotten, Stream, tag
from domain.terms import ItemWords, OrderWords
from projections.history.changes import Changes
from projections.history.pages import Entry, Unreadable
from service.values import shown

# The icon and the title of each kind of event.
_HEADS: Mapping[type[Event], tuple[str, str]] = {
    customer.CustomerRegistered: ("person", "Registered"),
    customer.CustomerRenamed: ("person", "Renamed"),
    customer.CustomerEmailChanged: ("person", "Email changed"),
    customer.CustomerMoved: ("home", "Location changed"),
    customer.CustomerNotesChanged: ("note", "Notes changed"),
    customer.CustomerStatusChanged: ("person", "Status changed"),
    customer.CustomerRelabelled: ("tag", "Labels changed"),
    customer.UserAttached: ("person", "User attached"),
    customer.UserDetached: ("person", "User detached"),
    customer.OrderDetailsRecorded: ("note", "Details recorded"),
    customer.CustomerErased: ("shield", "Erased"),
    address.AddressAdded: ("home", "Address added"),
    address.AddressChanged: ("home", "Address changed"),
    address.AddressRetyped: ("home", "Type of address changed"),
    address.PrimaryAddressSet: ("home", "Primary address set"),
    address.AddressRemoved: ("home", "Address removed"),
    order.OrderPlaced: ("bag", "Order placed"),
    order.PaymentRecorded: ("coin", "Payment"),
    order.RefundRecorded: ("back", "Refund"),
    order.OrderStatusChanged: ("bag", "Status of order changed"),
    order.PaymentStatusChanged: ("coin", "Payment status changed"),
    order.OrderTransferred: ("swap", "Order transferred"),
    order.OrderDeleted: ("bag", "Order deleted"),
    user.UserRegistered: ("person", "User registered"),
    user.UserProfileChanged: ("person", "User changed"),
    user.UserDeleted: ("person", "User deleted"),
    user.UserErased: ("shield", "User erased"),
    label.LabelCreated: ("tag", "Label created"),
    label.LabelRenamed: ("tag", "Label renamed"),
    label.LabelDeleted: ("tag", "Label deleted"),
    webhook.WebhookCreated: ("feed", "Webhook created"),
    webhook.WebhookChanged: ("feed", "Webhook changed"),
    webhook.WebhookPaused: ("feed", "Webhook paused"),
    webhook.WebhookResumed: ("feed", "Webhook resumed"),
    webhook.WebhookSecretRotated: ("feed", "Secret of webhook rotated"),
    webhook.WebhookTested: ("feed", "Webhook tested"),
    webhook.WebhookReplayed: ("feed", "Events replayed to webhook"),
    webhook.WebhookDeleted: ("feed", "Webhook deleted"),
}
HEADS = {tag(kind): head for kind, head in _HEADS.items()}
# Types of events with their titles, for people who choose some.
TITLES = sorted(((type_, title) for type_, (_icon, title) in HEADS.items()), key=lambda each: each[1])
# What a new row says first; all else is on the event's own page.
SALIENT: Mapping[str, tuple[str, ...]] = {
    tag(customer.CustomerRegistered): ("email", "first_name", "last_name", "country"),
    tag(address.AddressAdded): ("type", "address_1", "city", "country"),
    tag(order.OrderPlaced): ("payment_status", "status"),
    tag(order.PaymentRecorded): ("payment_status", "total_paid"),
    tag(order.RefundRecorded): ("payment_status", "total_refund"),
}
MOST = 6  # chips where none is salient
BOOKKEEPING = frozenset({
    "id", "uuid", "customer_id", "config", "created_at", "completed_at", "refunded_at", "items", "transactions",
})  # fmt: skip
MONEY = frozenset({
    "subtotal", "discount_tax", "manual_discount_total", "coupon_discount_total", "shipping_tax", "shipping_total",
    "fee_total", "tax_total", "total_amount", "total_paid", "total_refund",
})  # fmt: skip
NAMED = {"address_1": "street", "address_2": "street, continued", "is_primary": "primary", "user_id": "user"}
# Of orders and their items; see domain/terms.py.
WORDS = frozenset({*OrderWords.__struct_fields__, *ItemWords.__struct_fields__})
LONG = 120  # characters of a value in a chip

Direction: TypeAlias = Literal["", "up", "down"]
# "forgotten" of an erased customer, "unreadable" of another version, "hidden" from who may not see personal data.
Lack: TypeAlias = Literal["", "forgotten", "unreadable", "hidden"]


class Chip(NamedTuple):
    """A field that changed; None is where there was nothing, or is nothing any more."""

    name: str
    before: str | None
    after: str | None


class EventLine(NamedTuple):
    """`lack` is why an event has no chips; `more` is how many fields have none. Amounts have their sign."""

    position: int
    type: str
    icon: str
    title: str
    subject: Stream
    amount: str
    direction: Direction
    actor: str
    request_id: str
    occurred_at: datetime
    recorded_at: datetime
    chips: list[Chip]
    more: int
    lack: Lack

    @property
    def order_id(self) -> int | None:
        return self.subject.id if self.subject.category == "order" else None


def event_line(entry: Entry, names: Names, *, of: int | None = None, sees_personal: bool = True) -> EventLine:
    """A line for an event, in the timeline of the customer `of`, or in the store's."""
    recorded = entry.recorded
    icon, title = HEADS.get(entry.type, ("dot", words(entry.type)))
    lack = lack_of(entry, sees_personal=sees_personal)
    amount, direction = _amount(recorded.event, names, recorded.stream)
    chips, more = ([], 0) if lack else _chips(entry, names)
    return EventLine(
        position=recorded.position,
        type=entry.type,
        icon=icon,
        title=_transferred(recorded.event, of) or title,
        subject=recorded.stream,
        amount=amount,
        direction=direction,
        actor=recorded.actor,
        request_id=recorded.request_id,
        occurred_at=recorded.occurred_at,
        recorded_at=recorded.recorded_at or recorded.occurred_at,
        chips=chips,
        more=more,
        lack=lack,
    )


def lack_of(entry: Entry, *, sees_personal: bool) -> Lack:
    event = entry.recorded.event
    if isinstance(event, Unreadable):
        return "unreadable"
    if isinstance(event, Forgotten) or entry.data is None:
        return "forgotten"
    return "hidden" if event.personal and not sees_personal else ""


def every_field(entry: Entry, names: Names, *, sees_personal: bool = True) -> list[Chip]:
    """All that the event changed, also within items and transactions; what is free text may be personal."""
    currency = _currency(entry, names)
    pairs = ((name, pair) for name, pair in (entry.changes or {}).items())
    flat = [each for name, pair in pairs for each in _flattened(name, *pair)]
    if not sees_personal:
        flat = [(name, pair) for name, pair in flat if name.rpartition(".")[2] not in WORDS]
    chips = (_chip(name, pair, currency, names) for name, pair in flat)
    return [chip for chip in chips if chip.before != chip.after]


def words(name: str) -> str:
    """`order-placed` and `first_name` as words, with a capital."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def label_of(name: str) -> str:
    *within, last = name.split(".")
    said = NAMED.get(last, last.replace("_", " "))
    return said if not within else f"{' '.join(within).replace('_', ' ').replace('addresses', 'address')} · {said}"


def value_text(name: str, value: Any, currency: str, names: Names) -> str | None:
    """A field's value for people; None where it is empty."""
    if value in (None, "", [], {}, ()):
        return None
    field = name.rpartition(".")[2]
    if field in MONEY and currency:
        return money(value, currency)
    if field == "labels":
        return ", ".join(names.labels.get(id_, f"label {id_}") for id_ in value)
    if field == "is_primary":
        return "yes" if value else "no"
    if isinstance(value, dict):
        value = ", ".join(str(each) for each in value.values() if each)
    text = str(shown(value))
    return _cut(text.replace("_", " ") if field.endswith("status") else text)


def _cut(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def _chips(entry: Entry, names: Names) -> tuple[list[Chip], int]:
    """The chips, and how many fields have none."""
    changes = entry.changes or {}
    if entry.type == tag(customer.CustomerRelabelled):
        return [*_labels(changes, names)], 0
    shown = [name for name, pair in changes.items() if any(pair) and name.partition(".")[0] not in BOOKKEEPING]
    first = [name for name in SALIENT.get(entry.type, shown[:MOST]) if name in shown]
    currency = _currency(entry, names)
    chips = [_chip(name, changes[name], currency, names) for name in first]
    return chips, len(set(shown).difference(first))


def _chip(name: str, pair: tuple[Any, Any], currency: str, names: Names) -> Chip:
    before, after = pair
    return Chip(label_of(name), value_text(name, before, currency, names), value_text(name, after, currency, names))


def _labels(changes: Changes, names: Names) -> Iterator[Chip]:
    before, after = (set(each or ()) for each in changes.get("labels", ((), ())))
    name = partial(value_text, "labels", currency="", names=names)
    yield from (Chip("label", name([id_]), None) for id_ in sorted(before - after))
    yield from (Chip("label", None, name([id_])) for id_ in sorted(after - before))


def _flattened(name: str, before: Any, after: Any) -> Iterator[tuple[str, tuple[Any, Any]]]:
    """The fields of a row, and of the rows in a list, which go by their ids."""
    there = after or before
    if isinstance(there, msgspec.Struct):
        olds, news = ({} if row is None else asdict(row) for row in (before, after))
        yield from ((f"{name}.{field}", (olds.get(field), news.get(field))) for field in {**olds, **news})
    elif isinstance(there, list) and isinstance(there[0], msgspec.Struct):
        olds, news = ({row.id: row for row in rows or ()} for rows in (before, after))
        for id_ in {**olds, **news}:
            yield from _flattened(f"{name}.{id_}", olds.get(id_), news.get(id_))
    else:
        yield name, (before, after)


def _currency(entry: Entry, names: Names) -> str:
    event, stream = entry.recorded.event, entry.recorded.stream
    if isinstance(event, order.OrderPlaced):
        return event.terms.currency
    return names.currencies.get(stream.id, "") if stream.category == "order" else ""


def _amount(event: Event, names: Names, stream: Stream) -> tuple[str, Direction]:
    currency = names.currencies.get(stream.id, "")
    match event:
        case order.OrderPlaced(terms=terms):
            return money(terms.total_paid or terms.total_amount, terms.currency), "up" if terms.total_paid else ""
        case order.PaymentRecorded(amount=amount) if currency:
            return money(amount, currency, "+"), "up"
        case order.RefundRecorded(amount=amount) if currency:
            return money(-amount, currency), "down"
        case _:
            return "", ""


def _transferred(event: Event, of: int | None) -> str:
    """The title of a transfer, from where the customer `of` is; nothing for any other event."""
    match event:
        case order.OrderTransferred(customer_id=id_) if of is not None and id_ != of:
            return f"Order given to customer {id_}"
        case order.OrderTransferred(former_customer_id=id_) if of is not None:
            return f"Order received from customer {id_}"
        case _:
            return ""
