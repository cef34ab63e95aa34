"""Figures from events alone, without any other row: only what an order's value needs is read, and no key."""

import asyncio
from collections import Counter
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from domain.customer import CustomerErased, CustomerRegistered
from domain.event import Event, tag
from domain.events import EVENTS
from domain.order import (
    OrderDeleted,
    OrderPlaced,
    OrderTransferred,
    PaymentRecorded,
    PaymentStatusChanged,
    RefundRecorded,
    payment_status,
)
from domain.value import ONE, OrderValue, PaymentStatus, figures
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor
from eventstore.postgres.sql import stored_as
from projections.fold.fold import GROUPS_IN_ONE_GO, Folded, Poison, fold_range, fold_some
from projections.fold.ranges import Range
from projections.models.figures import FIGURES, FiguresRow
from projections.models.orders import ORDERS, value_of
from projections.tables.projection import utc

# The kinds of events that change an order's value, of which a new version has to be understood here, too.
VALUED: tuple[type[Event], ...] = (
    OrderPlaced, PaymentRecorded, RefundRecorded, PaymentStatusChanged, OrderTransferred, OrderDeleted,
)  # fmt: skip
_VALUED = stored_as(*VALUED)
# What is not JSON of these kinds, an event of an order that was not placed, and a sum or a time beyond all bounds.
UNFIT = (msgspec.MsgspecError, AttributeError, ArithmeticError, ValueError)
# Of a type or version that this code does not know: nobody can tell what it does to an order.
_UNKNOWN = f"count(*) FILTER (WHERE topic NOT IN {stored_as(*EVENTS)})"
# A customer is one row, whose orders are one JSON text: rows cost more here than what is in them.
OF_CUSTOMERS = f"""
    SELECT customer_id, sum(events) AS events, string_agg(stream, ',') AS orders,
        max(registered) > max(erased) AS is_registered, max(unknown) AS unknown
    FROM (
        SELECT customer_id, count(*)::int AS events,
            count(*) FILTER (WHERE topic IN {stored_as(CustomerRegistered)}) AS registered,
            count(*) FILTER (WHERE topic IN {stored_as(CustomerErased)}) AS erased,
            {_UNKNOWN} AS unknown,
            '[' || string_agg(state, ',' ORDER BY originator_version)
                FILTER (WHERE topic IN {_VALUED} AND originator_id <> ALL(${{moved}})) || ']' AS stream
        FROM stored_events WHERE customer_id {{within}} AND notification_id <= $1
        GROUP BY customer_id, originator_id
    ) AS streams
    GROUP BY customer_id"""
# There are few, and their index holds no others.
TRANSFERS = """
    SELECT originator_id, former_customer_id FROM stored_events
    WHERE former_customer_id IS NOT NULL AND (former_customer_id {within} OR customer_id {within})
        AND notification_id <= $1"""
OF_MOVED = f"""
    SELECT (array_agg(customer_id ORDER BY originator_version DESC))[1] AS customer_id,
        '[' || string_agg(state, ',' ORDER BY originator_version) FILTER (WHERE topic IN {_VALUED}) || ']' AS orders,
        {_UNKNOWN} AS unknown
    FROM stored_events WHERE originator_id = ANY($2) AND notification_id <= $1
    GROUP BY originator_id"""


class _Terms(msgspec.Struct, gc=False):
    """What is read of an order's terms. Events that follow change it in place."""

    currency: str
    created_at: datetime
    total_amount: int
    total_paid: int = 0
    total_refund: int = 0
    payment_status: PaymentStatus = "pending"
    rate: Decimal | None = None

    def value(self) -> OrderValue:
        rate, at = ONE if self.rate is None else self.rate, utc(self.created_at)
        return OrderValue(self.payment_status, self.total_paid, self.total_refund, rate, self.currency, at)


class _Valued(msgspec.Struct, tag_field="event", gc=False):
    """What is read of an event. `on` gives the order's terms after it; None is an order that is deleted."""


class _Placed(_Valued, tag=tag(OrderPlaced)):
    terms: _Terms

    def on(self, _none: None) -> _Terms:
        return self.terms


class _Paid(_Valued, tag=tag(PaymentRecorded)):
    amount: int

    def on(self, terms: _Terms) -> _Terms:
        terms.total_paid += self.amount
        return _moved(terms)


class _Refunded(_Valued, tag=tag(RefundRecorded)):
    amount: int

    def on(self, terms: _Terms) -> _Terms:
        terms.total_refund += self.amount
        return _moved(terms)


class _StatusChanged(_Valued, tag=tag(PaymentStatusChanged)):
    payment_status: PaymentStatus

    def on(self, terms: _Terms) -> _Terms:
        terms.payment_status = self.payment_status
        return terms


class _Transferred(_Valued, tag=tag(OrderTransferred)):
    def on(self, terms: _Terms) -> _Terms:
        return terms


class _Deleted(_Valued, tag=tag(OrderDeleted)):
    def on(self, _terms: _Terms) -> None:
        return None


def _moved(terms: _Terms) -> _Terms:
    terms.payment_status = payment_status(terms.total_amount, terms.total_paid, terms.total_refund)
    return terms


_decode = msgspec.json.Decoder(
    list[list[_Placed | _Paid | _Refunded | _StatusChanged | _Transferred | _Deleted]]
).decode


class Valued(NamedTuple):
    """Registered customers, by id: how many events are about each, and what its orders are worth."""

    versions: dict[int, int]
    values: dict[int, list[OrderValue]]
    poison: list[Poison]
    events: int


async def figures_in_range(on: Executor, log: Log, ids: Range, until: int) -> Folded:
    """The figures of all customers in the range."""
    return _folded(await values_in_range(on, log, ids, until))


async def figures_of(on: Executor, log: Log, ids: Collection[int], until: int) -> Folded:
    """The figures of these customers."""
    return _folded(await values_of(on, log, ids, until))


async def values_of(on: Executor, log: Log, ids: Collection[int], until: int) -> Valued:
    valued = await _valued(on, "= ANY($2)", until, ids)
    return valued or _of_rows(await fold_some(on, log, "customer", ids, until))


async def values_in_range(on: Executor, log: Log, ids: Range, until: int) -> Valued:
    valued = await _valued(on, "BETWEEN $2 AND $3", until, ids.low, ids.high)
    return valued or _of_rows(await fold_range(on, log, ids, until))


async def _valued(on: Executor, within: str, until: int, *arguments: Any) -> Valued | None:
    """None where an event can't be applied, which is for the fold of all rows to name."""
    transfers = await on.fetch(TRANSFERS.format(within=within), until, *arguments)
    streams = {stream for stream, _former in transfers}
    moved = await on.fetch(OF_MOVED, until, streams) if streams else []
    query = OF_CUSTOMERS.format(within=within, moved=len(arguments) + 2)
    customers = await on.fetch(query, until, *arguments, streams)
    if any(record["unknown"] for record in (*moved, *customers)):
        return None
    left = Counter(former for _stream, former in transfers)
    versions: dict[int, int] = {}
    values: dict[int, list[OrderValue]] = {}
    try:
        for number, (id_, events, orders, is_registered, _unknown) in enumerate(customers, 1):
            if not number % GROUPS_IN_ONE_GO:
                await asyncio.sleep(0)
            if is_registered:
                versions[id_] = events + left[id_]
                values[id_] = _values(orders) if orders else []
        for owner, orders, _unknown in moved:
            if owner in values:
                values[owner] += _values(orders)
    except UNFIT:
        return None
    return Valued(versions, values, [], sum(record["events"] for record in customers))


def _values(orders: bytes) -> list[OrderValue]:
    """The values of orders that are not deleted."""
    values = []
    for events in _decode(b"[%b]" % orders):
        terms: Any = None
        for event in events:
            terms = event.on(terms)
        if terms is not None:
            values.append(terms.value())
    return values


def _of_rows(folded: Folded) -> Valued:
    versions = {id_: row.version for id_, row in folded.rows[FIGURES.name].items()}
    values: dict[int, list[OrderValue]] = {id_: [] for id_ in versions}
    for order in folded.rows[ORDERS.name].values():
        if order.customer_id in values:  # nobody's, once its customer is erased
            values[order.customer_id].append(value_of(order))
    return Valued(versions, values, folded.poison, folded.events)


def _folded(valued: Valued) -> Folded:
    versions = valued.versions
    rows = {id_: FiguresRow(id_, versions[id_], *astuple(figures(own))) for id_, own in valued.values.items()}
    return Folded({FIGURES.name: rows}, valued.poison, valued.events)
