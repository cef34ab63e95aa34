"""The rows of which history says what changed. Each follows from the events of a single stream."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from domain.customer import OrderDetailsRecorded
from domain.event import Recorded
from domain.terms import OrderDetails, known_and
from projections.models.addresses import ADDRESSES
from projections.models.customers import CUSTOMERS
from projections.models.labels import LABELS
from projections.models.orders import ORDERS
from projections.models.users import USERS
from projections.models.webhooks import WEBHOOKS
from projections.tables.projection import Projection

BOOKKEEPING = frozenset({"updated_at"})


class Shown(NamedTuple):
    """Rows of which history says what changed. `version` changes when `evolve` does; `hidden` fields are left out."""

    name: str
    row_type: type[Any]
    keys: Callable[[Recorded], Iterable[int]]
    evolve: Callable[[int, Any, Recorded], Any]
    version: str
    hidden: frozenset[str] = BOOKKEEPING


class Key(NamedTuple):
    """One row of a stream."""

    name: str
    id: int


class Touched(NamedTuple):
    """A row before and after an event."""

    key: Key
    shown: Shown
    before: Any
    after: Any


# None stands for a row that is not there, or no more.
Rows: TypeAlias = dict[Key, Any]


def _details_keys(recorded: Recorded) -> tuple[int, ...]:
    return (recorded.event.order_id,) if isinstance(recorded.event, OrderDetailsRecorded) else ()


def _evolve_details(_id: int, row: OrderDetails | None, recorded: Recorded) -> OrderDetails | None:
    return known_and(row, recorded.event.details) if isinstance(recorded.event, OrderDetailsRecorded) else row


def _of(projection: Projection[Any], hidden: frozenset[str] = BOOKKEEPING) -> Shown:
    version = f"{projection.table.create} {projection.version}"
    return Shown(
        projection.name, projection.table.row_type, projection.keys, projection.evolve, version, hidden
    )  # fmt: skip


# What an order says about the person is in the customer's stream (see the decisions), and so it is a customer's event
# that changes it, never an order's. Nor is said twice what was bought.
_DETAILS = Shown("order_details", OrderDetails, _details_keys, _evolve_details, f"{OrderDetails.__struct_fields__} 1")
_ORDERS = _of(ORDERS, BOOKKEEPING | {"variations", "words_of", *OrderDetails.__struct_fields__})

SHOWN: dict[str, tuple[Shown, ...]] = {
    "customer": (_of(CUSTOMERS), _of(ADDRESSES), _DETAILS),
    "order": (_ORDERS,),
    "user": (_of(USERS),),
    "label": (_of(LABELS),),
    "webhook": (_of(WEBHOOKS, BOOKKEEPING | {"version"}),),
}


def _fingerprint(shown: Sequence[Shown]) -> str:
    return hashlib.sha256("\n".join(each.version for each in shown).encode()).hexdigest()[:16]


# Of the code that makes the rows of a category's streams.
FINGERPRINTS = {category: _fingerprint(shown) for category, shown in SHOWN.items()}


def keys(recorded: Recorded) -> Iterator[tuple[Key, Shown]]:
    """The rows of the event's stream that it may change."""
    for shown in SHOWN[recorded.stream.category]:
        for id_ in shown.keys(recorded):
            yield Key(shown.name, id_), shown


def evolve(rows: Rows, recorded: Recorded, *, is_whole: bool = False) -> list[Touched]:
    """Bring those rows up to date, in place, that are among these, or all; each that the event touches."""
    touched = [
        Touched(key, shown, rows.get(key), shown.evolve(key.id, rows.get(key), recorded))
        for key, shown in keys(recorded)
        if is_whole or key in rows
    ]
    rows.update((each.key, each.after) for each in touched)
    return touched
