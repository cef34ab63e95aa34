"""Writes the read models in the transaction of the events that they show."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import asyncpg
import msgspec

from domain.address import AddressAdded
from domain.customer import CustomerErased, CustomerRegistered, UserAttached
from domain.event import Event, Recorded, Stream
from domain.order import OrderPlaced, OrderTransferred
from domain.refusals import AmountTooLarge
from domain.user import UserErased
from domain.value import MAX_CENTS, Figures, OrderValue, figures
from eventstore.log.log import Log
from eventstore.postgres.answers import FORGET_ANSWERS
from eventstore.postgres.connection import Connection, Session
from eventstore.postgres.sql import Statement
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Conflict, NeedsLocks
from projections.history.snapshots import keep
from projections.live.row_cache import Marked, RowCache
from projections.live.rows import Rows
from projections.live.words import holders
from projections.models import PROJECTIONS
from projections.models.addresses import ADDRESSES
from projections.models.figures import FIGURES, FiguresRow, with_figures
from projections.models.order_rows import OrderRow
from projections.models.orders import ORDERS, value_of
from projections.tables.projection import Change, Envelope, Ids, envelope
from projections.tables.view import View

OF_PEOPLE = {projection.name: projection.erased for projection in PROJECTIONS if projection.erased}

VALUES = "values"  # of all of a customer's orders, in the cache
MOST = 100  # orders of a customer, or parts of an order, that are cached: beyond, they are read again

STANDING_USERS = "SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR SHARE"
ONCE_REGISTERED = "SELECT EXISTS (SELECT FROM stored_events WHERE originator_id = ANY($1))"
# What a replay builds, or keeps for a rollback, holds people too.
COPIES = r"SELECT nspname FROM pg_namespace WHERE nspname ~ '^(replay|former)_\d+$'"
# What an event says that can't be applied may be in the error.
FORGET_ERRORS = """
    UPDATE replay_poison SET error = 'What it says is erased.'
    WHERE part = 'customer' AND ids && $1 OR part = 'user' AND ids && $2"""
ORDERS_WITH_WORDS = """
    SELECT customer_id, id FROM orders WHERE customer_id = ANY($1)
    UNION ALL
    SELECT w.value::bigint, o.id FROM orders AS o CROSS JOIN LATERAL json_each_text(o.words_of) AS w
    WHERE o.words_of IS NOT NULL AND w.value::bigint = ANY($1)"""
READ_VALUES = """
    (SELECT json_agg(f) FROM (
        SELECT id, xmin::text::bigint AS mark, (
            SELECT json_agg(json_build_array(
                o.id, o.payment_status, o.total_paid, o.total_refund, o.rate, o.currency, o.created_at))
            FROM orders AS o WHERE o.customer_id = figures.id) AS orders
        FROM figures WHERE id = ANY(${})) AS f)"""


class ReadValues(msgspec.Struct, gc=False):
    """The orders of a customer, each with its id and then the fields of its value, and the mark of their figures."""

    id: int
    mark: int
    orders: list[tuple[int, str, int, int, Decimal, str, datetime]] | None


_decode_values = msgspec.json.Decoder(list[ReadValues]).decode


class Touch(NamedTuple):
    """What an event does to rows of one table."""

    table: str
    ids: Sequence[int]
    change: Change
    envelope: Envelope


class ReadModels:
    """Writes the read models in the transaction of the events that they show, and snapshots for history."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def new_cache(self) -> RowCache:
        return RowCache()

    async def begin(
        self, on: Connection, events: Sequence[Recorded], cache: RowCache, *, is_locked: bool
    ) -> "BatchView":
        """Read the rows that all events of a batch touch: under locks from the database, or else from the cache."""
        view = BatchView(on, self._log, cache, events, is_locked=is_locked)
        await view.load()
        return view


class BatchView(View):
    """The read models in one attempt at a batch (see `Projecting`)."""

    def __init__(
        self, on: Connection, log: Log, cache: RowCache, events: Sequence[Recorded], *, is_locked: bool
    ) -> None:
        super().__init__(on)
        self._log = log
        self._events = events
        self._cache = cache
        self._is_locked = is_locked
        self._rows = Rows(on, PROJECTIONS, cache, is_locked=is_locked)
        self._values: dict[int, dict[int, OrderValue]] = {}  # by customer, of all orders
        self._applied: list[Recorded] = []

    async def load(self) -> None:
        keys: dict[str, set[int]] = {}
        made: dict[str, set[int]] = {}
        ordering: set[int] = set()
        for recorded in self._events:
            for touch in _touches(recorded):
                keys.setdefault(touch.table, set()).update(touch.ids)
                if touch.change.makes:
                    made.setdefault(touch.table, set()).update(touch.ids)
            if isinstance(recorded.event, CustomerRegistered) and recorded.version == 1:
                self._values[recorded.stream.id] = {}
            ordering.update(_whose_orders_change(recorded))
        known = {id_: values for id_ in keys.get(FIGURES.name, ()) if (values := self._cache.get(VALUES, id_))}
        unread = ordering - self._values.keys() - (set() if self._is_locked else known.keys())
        if read := await self._rows.load(keys, made, READ_VALUES, unread):
            known |= {each.id: Marked(dict(map(_value, each.orders or ())), each.mark) for each in _decode_values(read)}
        # Whoever changes an order changes its customer's figures, and with them their mark.
        for id_, (values, mark) in known.items():
            if mark == self._rows.mark(FIGURES.name, id_):
                self._values.setdefault(id_, dict(values))
        if ordering & self._rows.found[FIGURES.name].keys() - self._values.keys():
            raise asyncpg.SerializationError("figures have changed meanwhile")

    def row(self, table: str, id_: int) -> Any:
        return self._rows.now[table].get(id_)

    def require_log(self) -> None:
        if self._events:
            raise Conflict

    async def flush(self) -> None:
        if not self._is_locked:
            raise NeedsLocks
        await self._rows.flush()

    async def apply(self, events: Sequence[Recorded]) -> None:
        """Change the rows, and clear stored answers and copies that are about erased people.

        Raises Conflict if an order's customer or a customer's user is gone, an address's id is in use, or an erased
        customer has one more order; AmountTooLarge if a figure would be too large.
        """
        self._change_rows(events)
        self._applied += events
        # The log does not have the events of this batch yet.
        await _refuse_users_that_are_gone(self, events, self._applied)
        await _forget_erased(self, events, self._applied)

    async def save(self) -> Statement:
        await keep(self._log, self, self._applied)
        return await self._rows.statement()

    def written(self, mark: int) -> None:
        self._rows.settle(mark)
        self._rows.keep()
        for id_, row in self._rows.now[FIGURES.name].items():
            values = self._values.get(id_)
            if row is None or values is None or len(values) > MOST:
                self._cache.drop(VALUES, id_)
            else:
                self._cache.put(VALUES, id_, values, self._rows.mark(FIGURES.name, id_) or mark)
        for id_, order in self._rows.now[ORDERS.name].items():
            if order and len(order.items) + len(order.transactions) > MOST:
                self._cache.drop(ORDERS.name, id_)

    def _change_rows(self, events: Sequence[Recorded]) -> None:
        changed: dict[str, dict[int, Any]] = {}
        for recorded in events:
            for touch in _touches(recorded):
                now, rows = self._rows.now[touch.table], changed.setdefault(touch.table, {})
                for id_ in touch.ids:
                    row = rows[id_] if id_ in rows else now[id_]
                    # An address's id is unique among all customers, of which its stream knows one.
                    if row is not None and isinstance(recorded.event, AddressAdded) and touch.table == ADDRESSES.name:
                        raise Conflict
                    rows[id_] = touch.change.evolve(id_, row, recorded.event, touch.envelope)
        of_customers = changed.get(FIGURES.name, {})
        _refuse_orders_of_nobody(of_customers, events)
        for id_, order in changed.get(ORDERS.name, {}).items():
            self._change_value(id_, order)
        for id_ in {id_ for recorded in events for id_ in _whose_orders_change(recorded)}:
            if row := of_customers.get(id_):
                of_customers[id_] = with_figures(row, _exact(figures(self._values[id_].values())))
        self._rows.change(changed)

    def _change_value(self, id_: int, order: OrderRow | None) -> None:
        before: OrderRow | None = self._rows.now[ORDERS.name].get(id_)
        if before is not None and before.customer_id in self._values:
            self._values[before.customer_id].pop(id_, None)
        if order is not None and order.customer_id in self._values:
            self._values[order.customer_id][id_] = value_of(order)


async def project(on: Connection, log: Log, events: Sequence[Recorded]) -> None:
    """Apply events to the read models in the connection's own transaction. Raises as `BatchView.apply`."""
    view = await ReadModels(log).begin(on, events, RowCache(), is_locked=True)
    try:
        await view.apply(events)
        await view.flush()
    except (asyncpg.UniqueViolationError, asyncpg.SerializationError) as error:  # someone else has just written it
        raise Conflict from error


async def _forget_erased(connection: Session, events: Iterable[Recorded], unwritten: Sequence[Recorded]) -> None:
    erased = {recorded.stream.id: recorded.event for recorded in events if isinstance(recorded.event, CustomerErased)}
    users = [recorded.stream.id for recorded in events if isinstance(recorded.event, UserErased)]
    if not (erased or users):
        return
    await _refuse_orders_that_are_left(connection, erased)
    named = list(await holders(connection, erased, unwritten))
    await connection.execute(FORGET_ANSWERS, named, users)
    await connection.execute(FORGET_ERRORS, named, users)
    orders = [id_ for event in erased.values() for id_ in event.orders]
    await _forget_copies(connection, {"customers": list(erased), "users": users, "orders": orders})


async def _refuse_orders_that_are_left(connection: Session, erased: Mapping[int, CustomerErased]) -> None:
    """Raises Conflict for orders that came after the erasure was decided: in this batch, or before the locks."""
    for customer_id, order_id in await connection.fetch(ORDERS_WITH_WORDS, list(erased)):
        if order_id not in erased[customer_id].orders:
            raise Conflict


async def _forget_copies(connection: Session, ids: Mapping[Ids, list[int]]) -> None:
    """Raises Conflict when a copy vanishes meanwhile."""
    for (schema,) in await connection.fetch(COPIES):
        for name, erased in OF_PEOPLE.items():
            table = f"{schema}.{name}"
            if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", table):
                try:
                    await connection.execute(erased.delete_from(table), ids[erased.ids])
                except asyncpg.UndefinedTableError as error:
                    raise Conflict from error


async def _refuse_users_that_are_gone(
    connection: Session, events: Sequence[Recorded], unwritten: Sequence[Recorded]
) -> None:
    linked = {
        recorded.event.user_id
        for recorded in events
        if isinstance(recorded.event, CustomerRegistered | UserAttached) and recorded.event.user_id is not None
    }
    standing = {row["id"] for row in await connection.fetch(STANDING_USERS, list(linked))} if linked else set()
    # A user that was never here is another matter: an import keeps the link that it finds.
    missing = {Stream("user", user_id) for user_id in linked - standing}
    if missing and (
        not missing.isdisjoint(recorded.stream for recorded in unwritten)
        or await connection.fetchval(ONCE_REGISTERED, [to_uuid(stream) for stream in missing])
    ):
        raise Conflict


def _value(order: tuple[Any, ...]) -> tuple[int, OrderValue]:
    id_, *value = order
    return id_, OrderValue(*value)


def _touches(recorded: Recorded) -> list[Touch]:
    event, about = recorded.event, envelope(recorded)
    return [Touch(name, tuple(change.keys(event, about)), change, about) for name, change in _changes_by(type(event))]


@cache
def _changes_by(event: type[Event]) -> list[tuple[str, Change]]:
    return [(each.name, each.changes[event]) for each in PROJECTIONS if event in each.changes]


def _whose_orders_change(recorded: Recorded) -> Sequence[int]:
    if recorded.stream.category != "order":
        return ()
    return [id_ for touch in _touches(recorded) if touch.table == FIGURES.name for id_ in touch.ids]


def _refuse_orders_of_nobody(of_customers: Mapping[int, FiguresRow | None], events: Sequence[Recorded]) -> None:
    for recorded in events:
        gone = of_customers.get(recorded.customer_id or 0) is None
        if gone and isinstance(recorded.event, OrderPlaced | OrderTransferred):
            raise Conflict


def _exact(figures: Figures) -> Figures:
    largest = max(figures.ltv, *figures.purchase_value.values(), 0)
    if largest > MAX_CENTS:
        raise AmountTooLarge(largest, MAX_CENTS)
    return figures
