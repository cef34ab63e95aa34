"""Writes the read models in the transaction of the events that they show."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import asyncpg

from domain.address import AddressAdded
from domain.customer import CustomerErased, CustomerRegistered, UserAttached
from domain.event import Event, Recorded, Stream
from domain.order import OrderPlaced, OrderTransferred
from domain.refusals import AmountTooLarge
from domain.user import UserErased
from domain.value import MAX_CENTS, Figures, OrderValue, figures
from eventstore.log.log import Session
from eventstore.postgres.answers import FORGET_ANSWERS
from eventstore.postgres.sql import Statement
from eventstore.postgres.stream_ids import to_uuid
from eventstore.postgres.view import View
from eventstore.store import Conflict
from projections.live.rows import Rows
from projections.live.words import holders
from projections.models import PROJECTIONS
from projections.models.addresses import ADDRESSES
from projections.models.figures import FIGURES, FiguresRow, with_figures
from projections.models.order_rows import OrderRow
from projections.models.orders import ORDERS, value_of
from projections.tables.projection import Change, Envelope, Ids, envelope

OF_PEOPLE = {projection.name: projection.erased for projection in PROJECTIONS if projection.erased}

VALUE = "value"  # of all of a customer's orders, in memory
MOST = 100  # orders of a customer, or parts of an order, that are remembered: beyond, they are read again

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
VALUES = """
    SELECT id, customer_id, payment_status, total_paid, total_refund, rate, currency, created_at
    FROM orders WHERE customer_id = ANY($1)"""


class Touch(NamedTuple):
    """What an event does to rows of one table."""

    table: str
    ids: Sequence[int]
    change: Change
    envelope: Envelope


class Touched(NamedTuple):
    recorded: Recorded
    touches: list[Touch]


class Kept:
    """The rows of a transaction, in memory. `values` are those of all orders of customers some of whose orders change.

    `touched` goes by the identity of events: of two that stand for the same version of a stream, one will be refused.
    """

    def __init__(self, view: View) -> None:
        self.rows = Rows(view, PROJECTIONS)
        self.touched: dict[int, Touched] = {}
        self.values: dict[int, dict[int, OrderValue]] = {}
        self._memory = view.memory

    async def save(self) -> None:
        await self.rows.save()

    def statement(self) -> Statement:
        return self.rows.statement()

    def recall(self, customer_id: int) -> dict[int, OrderValue] | None:
        """The values of the customer's orders. Whoever changes an order changes its customer's figures."""
        known = self._memory.get(VALUE, customer_id)
        if known is None or known.mark != self.rows.mark(FIGURES.name, customer_id):
            return None
        return dict(known.row)

    def remember(self, mark: int) -> None:
        for id_ in self.rows.changed(FIGURES.name):
            values = self.values[id_] if id_ in self.values else self.recall(id_)
            if values is None or len(values) > MOST:
                self._memory.drop(VALUE, id_)
            else:
                self._memory.keep(VALUE, id_, values, mark)
        self.rows.remember(mark)
        for id_, order in self.rows.now[ORDERS.name].items():
            if order and len(order.items) + len(order.transactions) > MOST:
                self._memory.drop(ORDERS.name, id_)


async def project(on: Session, events: Sequence[Recorded]) -> None:
    """Apply the events to every read model, and forget stored answers and copies of those who are erased.

    Raises Conflict when an order's customer or a customer's user is gone, an address's id taken, or there is another
    order of the erased; AmountTooLarge when a customer's figures would be. On a view, rows are written when somebody
    asks for what they show, or at its end.
    """
    view = on if isinstance(on, View) else View(on, events)
    _apply(await _kept(view, events), events)
    if view is not on:
        try:
            await view.flush()
        except asyncpg.UniqueViolationError as error:  # someone else has just made the same row
            raise Conflict from error
    await _refuse_users_that_are_gone(view, events)
    erased = {recorded.stream.id: recorded.event for recorded in events if isinstance(recorded.event, CustomerErased)}
    users = [recorded.stream.id for recorded in events if isinstance(recorded.event, UserErased)]
    if erased or users:
        await _refuse_orders_that_are_left(view, erased)
        told = list(await holders(view, erased))
        await view.execute(FORGET_ANSWERS, told, users)
        await view.execute(FORGET_ERRORS, told, users)
        orders = [id_ for event in erased.values() for id_ in event.orders]
        await _forget_copies(view, {"customers": list(erased), "users": users, "orders": orders})


async def _refuse_orders_that_are_left(connection: Session, erased: Mapping[int, CustomerErased]) -> None:
    """That came since the erasure was decided on: in this transaction, or before anybody held the customer."""
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


async def _refuse_users_that_are_gone(connection: Session, events: Sequence[Recorded]) -> None:
    linked = {
        recorded.event.user_id
        for recorded in events
        if isinstance(recorded.event, CustomerRegistered | UserAttached) and recorded.event.user_id is not None
    }
    standing = {row["id"] for row in await connection.fetch(STANDING_USERS, list(linked))} if linked else set()
    # A user that was never here is another matter: an import keeps the link that it finds.
    missing = [to_uuid(Stream("user", user_id)) for user_id in linked - standing]
    if missing and await connection.fetchval(ONCE_REGISTERED, missing):
        raise Conflict


async def _kept(view: View, events: Sequence[Recorded]) -> Kept:
    """With all rows that the events touch."""
    if view.kept is None:
        view.kept = Kept(view)
        await _load(view, view.kept, view.expected)
    assert isinstance(view.kept, Kept)
    if events is not view.expected:
        await _load(view, view.kept, events)
    return view.kept


async def _load(view: View, kept: Kept, events: Iterable[Recorded]) -> None:
    unknown = [recorded for recorded in events if id(recorded) not in kept.touched]
    if not unknown:
        return
    keys: dict[str, set[int]] = {}
    made: dict[str, set[int]] = {}
    for recorded in unknown:
        kept.touched[id(recorded)] = touched = Touched(recorded, _touches(recorded))
        for touch in touched.touches:
            keys.setdefault(touch.table, set()).update(touch.ids)
            if touch.change.makes:
                made.setdefault(touch.table, set()).update(touch.ids)
        if isinstance(recorded.event, CustomerRegistered) and recorded.version == 1:
            kept.values[recorded.stream.id] = {}
    await kept.rows.load(keys, made)
    new = {id_ for id_ in _whose_orders_change(kept, unknown) if id_ not in kept.values}
    recalled = {id_: kept.recall(id_) for id_ in new}
    kept.values |= {id_: values or {} for id_, values in recalled.items()}
    if unread := [id_ for id_ in new if recalled[id_] is None and id_ in kept.rows.found[FIGURES.name]]:
        # After their figures are locked, or read: if an order changes now, they do, too, and that is noticed.
        for id_, customer_id, *value in await view.connection.fetch(VALUES, unread):
            kept.values[customer_id][id_] = OrderValue(*value)


def _touches(recorded: Recorded) -> list[Touch]:
    event, about = recorded.event, envelope(recorded)
    return [Touch(name, tuple(change.keys(event, about)), change, about) for name, change in _changes_by(type(event))]


@cache
def _changes_by(event: type[Event]) -> list[tuple[str, Change]]:
    return [(each.name, each.changes[event]) for each in PROJECTIONS if event in each.changes]


def _whose_orders_change(kept: Kept, events: Iterable[Recorded]) -> set[int]:
    return {
        id_
        for recorded in events
        if recorded.stream.category == "order"
        for touch in kept.touched[id(recorded)].touches
        if touch.table == FIGURES.name
        for id_ in touch.ids
    }


def _apply(kept: Kept, events: Sequence[Recorded]) -> None:
    changed: dict[str, dict[int, Any]] = {}
    for recorded in events:
        for touch in kept.touched[id(recorded)].touches:
            now, rows = kept.rows.now[touch.table], changed.setdefault(touch.table, {})
            for id_ in touch.ids:
                row = rows[id_] if id_ in rows else now[id_]
                # An address's id is unique among all customers, of which its stream knows one.
                if row is not None and isinstance(recorded.event, AddressAdded) and touch.table == ADDRESSES.name:
                    raise Conflict
                rows[id_] = touch.change.evolve(id_, row, recorded.event, touch.envelope)
    of_customers = changed.get(FIGURES.name, {})
    _refuse_orders_of_nobody(of_customers, events)
    for id_, order in changed.get(ORDERS.name, {}).items():
        _change_value(kept, id_, order)
    for id_ in _whose_orders_change(kept, events):
        if row := of_customers.get(id_):
            of_customers[id_] = with_figures(row, _kept_exact(figures(kept.values[id_].values())))
    kept.rows.change(changed)


def _change_value(kept: Kept, id_: int, order: OrderRow | None) -> None:
    before: OrderRow | None = kept.rows.now[ORDERS.name].get(id_)
    if before is not None and before.customer_id in kept.values:
        kept.values[before.customer_id].pop(id_, None)
    if order is not None and order.customer_id in kept.values:
        kept.values[order.customer_id][id_] = value_of(order)


def _refuse_orders_of_nobody(of_customers: Mapping[int, FiguresRow | None], events: Sequence[Recorded]) -> None:
    for recorded in events:
        gone = of_customers.get(recorded.customer_id or 0) is None
        if gone and isinstance(recorded.event, OrderPlaced | OrderTransferred):
            raise Conflict


def _kept_exact(figures: Figures) -> Figures:
    largest = max(figures.ltv, *figures.purchase_value.values(), 0)
    if largest > MAX_CENTS:
        raise AmountTooLarge(largest, MAX_CENTS)
    return figures
