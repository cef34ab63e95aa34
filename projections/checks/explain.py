"""Why a customer's lifetime value is what it is: from events alone, order by order."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

import asyncpg
import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from domain.event import Recorded, Stream, tag
from domain.order import (
    OrderDeleted,
    OrderPlaced,
    OrderStatusChanged,
    OrderTransferred,
    PaymentRecorded,
    RefundRecorded,
)
from domain.value import ONE, ROUNDING, RULE, OrderValue, Rule, average
from eventstore.log.envelopes import COLUMNS
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.stream_ids import MAX_ID, to_uuid
from projections.fold.fold import PoisonedError
from projections.history.pages import NEWEST, erased_among, was_registered
from projections.models.order_rows import OrderRow
from projections.models.orders import ORDERS, value_of

ORDERS_EVER = f"""
    SELECT {COLUMNS} FROM readable_events
    WHERE originator_id IN (
        SELECT originator_id FROM stored_events WHERE customer_id = $1 AND notification_id <= $4
        UNION SELECT originator_id FROM stored_events WHERE former_customer_id = $1 AND notification_id <= $4
    ) AND originator_id BETWEEN $2 AND $3 AND notification_id <= $4
    ORDER BY originator_id, originator_version"""
NOBODY = 0  # whose words are needed
VERSION = """
    SELECT (SELECT count(*) FROM stored_events WHERE customer_id = $1 AND notification_id <= $2)
        + (SELECT count(*) FROM stored_events WHERE former_customer_id = $1 AND notification_id <= $2)"""


class Amount(msgspec.Struct, frozen=True):
    """Cents of the order's currency that an event moved: paid above 0, refunded below."""

    position: int
    type: str
    amount: int
    transaction_id: str | None


class Rounding(msgspec.Struct, frozen=True):
    """`unrounded` is what the order would contribute exactly, in cents of the store's currency."""

    rule: str
    unrounded: Decimal


class ExplainedOrder(msgspec.Struct, frozen=True):
    """`total_…` and `amounts` in cents of `currency`, `contribution` in cents of the store's."""

    order_id: int
    counted: bool
    why: str
    currency: str
    total_paid: int
    total_refund: int
    rate: Decimal
    contribution: int
    rounding: Rounding | None
    amounts: list[Amount]
    positions: list[int]


class ExplainedRule(msgspec.Struct, frozen=True):
    name: str
    version: int


class OrderStep(NamedTuple):
    """An event of an order, and the order after it; None after it was deleted."""

    recorded: Recorded
    row: OrderRow | None


class Explanation(msgspec.Struct, frozen=True):
    """The contributions add up to `ltv`; `aov` is that by `purchase_count`, how many orders count."""

    ltv: int
    aov: Decimal
    purchase_count: int
    rule: ExplainedRule
    orders: list[ExplainedOrder]


async def explain(
    on: Connection, log: Log, customer_id: int, until: int = NEWEST, *, store_currency: str
) -> tuple[Explanation, int] | None:
    """The explanation at a position, with the customer's version; None for one that is erased or did not exist yet.

    Every order that is the customer's, or was. The connection sees one moment. Raises PoisonedError.
    """
    if not await was_registered(on, customer_id, until) or await erased_among(on, [customer_id]):
        return None
    events = await events_of_orders(on, log, customer_id, until)
    version: int = await on.fetchval(VERSION, customer_id, until)
    return explained(customer_id, events, store_currency), version


async def events_of_orders(on: Connection, log: Log, customer_id: int, until: int) -> list[Recorded]:
    """Events until a position of every order that is the customer's, or was: one stream after the other.

    Raises PoisonedError.
    """
    ends = to_uuid(Stream("order", 0)), to_uuid(Stream("order", MAX_ID))
    return [_recorded(log, row) for row in await on.fetch(ORDERS_EVER, customer_id, *ends, until)]


def _recorded(log: Log, row: asyncpg.Record) -> Recorded:
    try:
        return log.recorded(row, words_of=NOBODY)
    except MapperDeserialisationError as error:
        raise PoisonedError(row["notification_id"], str(error)) from error


def explained(customer_id: int, events: Iterable[Recorded], store_currency: str, rule: Rule = RULE) -> Explanation:
    """From the streams of orders, one after the other."""
    return explained_steps(customer_id, steps_of(events), store_currency, rule)


def steps_of(events: Iterable[Recorded]) -> Iterator[OrderStep]:
    """The same events, each with the order after it."""
    for order_id, stream in groupby(events, key=lambda recorded: recorded.stream.id):
        row: OrderRow | None = None
        for recorded in stream:
            row = ORDERS.evolve(order_id, row, recorded)
            yield OrderStep(recorded, row)


def explained_steps(
    customer_id: int, steps: Iterable[OrderStep], store_currency: str, rule: Rule = RULE
) -> Explanation:
    by_order = groupby(steps, key=lambda step: step.recorded.stream.id)
    theirs = (_while_theirs(customer_id, list(stream)) for _order_id, stream in by_order)
    orders = [_order(customer_id, stream, store_currency, rule) for stream in theirs]
    ltv, count = sum(order.contribution for order in orders), sum(order.counted for order in orders)
    return Explanation(ltv, average(ltv, count), count, ExplainedRule(rule.name, rule.version), orders)


def _while_theirs(customer_id: int, stream: Sequence[OrderStep]) -> Sequence[OrderStep]:
    """The events of an order up to its transfer to another customer, or all."""
    left = [n for n, step in enumerate(stream, 1) if step.recorded.former_customer_id == customer_id]
    return stream if stream[-1].recorded.customer_id == customer_id else stream[: left[-1]]


def _order(customer_id: int, stream: Sequence[OrderStep], store_currency: str, rule: Rule) -> ExplainedOrder:
    events = [step.recorded for step in stream]
    row = next(step.row for step in reversed(stream) if step.row is not None)  # what it was before it was deleted
    value = value_of(row)
    counted, reason = _verdict(customer_id, events[-1], value, rule)
    if counted and value.currency != store_currency and not _has_rate(events[0]):
        reason += f" In {value.currency}: rate 1, because none was given."
    return ExplainedOrder(
        order_id=row.id,
        counted=counted,
        why=reason,
        currency=value.currency,
        total_paid=value.total_paid,
        total_refund=value.total_refund,
        rate=value.rate,
        contribution=rule.contribution(value) if counted else 0,
        rounding=Rounding(ROUNDING, rule.converted(value)) if counted and value.rate != ONE else None,
        amounts=[amount for recorded in events for amount in _amounts(recorded)],
        # An order's status means nothing for its value.
        positions=[recorded.position for recorded in events if not isinstance(recorded.event, OrderStatusChanged)],
    )


def _verdict(customer_id: int, end: Recorded, value: OrderValue, rule: Rule) -> tuple[bool, str]:
    """Whether the order counts, and why. `end` is the last of its events while it was the customer's."""
    match end.event:
        case OrderDeleted():
            return False, "Does not count: it was deleted."
        case OrderTransferred(customer_id=other) if other != customer_id:
            return False, f"Does not count: it was transferred to customer {other}."
        case _:
            return rule.is_counted(value), rule.why(value)


def _has_rate(placed: Recorded) -> bool:
    return isinstance(placed.event, OrderPlaced) and placed.event.terms.rate is not None


def _amounts(recorded: Recorded) -> Iterator[Amount]:
    position, event = recorded.position, recorded.event
    match event:
        case OrderPlaced(terms=terms):
            came_with = (terms.total_paid, -terms.total_refund)
            yield from (Amount(position, tag(event), amount, None) for amount in came_with if amount)
        case PaymentRecorded():
            yield Amount(position, tag(event), event.amount, event.transaction_id)
        case RefundRecorded():
            yield Amount(position, tag(event), -event.amount, event.transaction_id)
        case _:
            pass
