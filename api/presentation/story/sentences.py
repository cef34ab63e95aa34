"""A sentence for whatever happened."""

from collections.abc import Sequence
from typing import NamedTuple

from eventsourcing.persistence import MapperDeserialisationError

from api.presentation.story.customers import customer_sentence
from api.presentation.story.orders import order_sentence
from api.presentation.story.webhooks import webhook_sentence
from api.presentation.story.words import moved, one_line, otherwise, quoted, value_before
from domain.event import Event, Forgotten, Stream
from domain.label import LabelCreated, LabelDeleted, LabelRenamed
from domain.order import OrderPlaced
from domain.user import UserDeleted, UserErased, UserProfile, UserProfileChanged, UserRegistered
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from projections.history.changes import Changes
from projections.history.pages import Entry, Unreadable
from projections.queries.lookups import currencies_of, label_values


class Names(NamedTuple):
    """What events call by an id alone."""

    currencies: dict[int, str]  # of orders
    labels: dict[int, str]


async def names_of(on: Connection, log: Log, entries: Sequence[Entry]) -> Names:
    """For sentences of these. The currency of an order that is deleted is where it was placed."""
    orders = {each.recorded.stream.id for each in entries if each.recorded.stream.category == "order"}
    currencies = await currencies_of(on, orders)
    for id_ in orders - currencies.keys():
        currencies[id_] = await _currency(on, log, id_)
    return Names(currencies, await label_values(on))


async def _currency(on: Connection, log: Log, order_id: int) -> str:
    """Nothing where that can't be read."""
    try:
        first = await log.stream(on, Stream("order", order_id), until=1)
    except MapperDeserialisationError:
        return ""
    return next((each.event.terms.currency for each in first if isinstance(each.event, OrderPlaced)), "")


def sentence(entry: Entry, names: Names) -> str:
    """Begins with a capital, ends with a full stop, and is one line."""
    stream, event, changes = entry.recorded.stream, entry.recorded.event, entry.changes or {}
    if isinstance(event, Unreadable):
        return f"Something happened that can't be read here: {one_line(entry.type)}."
    if isinstance(event, Forgotten) or (entry.data is None and not event.outlives_erasure):
        return f"Something happened that is forgotten: {one_line(entry.type)}."
    return event_sentence(stream, event, changes, names)


def event_sentence(stream: Stream, event: Event, changes: Changes, names: Names) -> str:
    match stream.category:
        case "order":
            return order_sentence(stream.id, event, changes, names.currencies.get(stream.id, ""))
        case "user":
            return _user_sentence(stream.id, event, changes)
        case "label":
            return _label_sentence(event, changes)
        case "webhook":
            return webhook_sentence(stream.id, event, changes)
        case _:
            return customer_sentence(event, changes, names.labels)


def _user_sentence(id_: int, event: Event, changes: Changes) -> str:
    match event:
        case UserRegistered(profile=profile):
            return f"User {id_} was registered: {one_line(profile.user_login)} <{one_line(profile.user_email)}>."
        case UserProfileChanged():
            return f"The profile of user {id_} changed: {moved(changes, UserProfile.__struct_fields__)}."
        case UserDeleted():
            return f"User {id_} was deleted."
        case UserErased():
            return f"User {id_} was erased for good."
        case _:
            return otherwise(event, changes)


def _label_sentence(event: Event, changes: Changes) -> str:
    former = str(value_before(changes, "value") or "")
    match event:
        case LabelCreated(value=value):
            return f"The label {quoted(value)} was created."
        case LabelRenamed(value=value):
            return f"The label {quoted(former)} was renamed to {quoted(value)}."
        case LabelDeleted():
            return f"The label {quoted(former)} was deleted."
        case _:
            return otherwise(event, changes)
