"""A customer's lifetime value after each of its events, and why it was what it was after one of them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, groupby
from typing import NamedTuple

import asyncpg

from domain.event import tag
from domain.order import OrderTransferred
from domain.value import RULE, Rule
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.stream_ids import from_uuid
from projections.checks.explain import (
    ExplainedRule,
    Explanation,
    OrderStep,
    events_of_orders,
    explained_steps,
    steps_of,
)
from projections.history.pages import NEWEST
from projections.models.order_rows import OrderRow
from projections.models.orders import value_of

# Without what they say: a page shows most of them as points of a line.
STOP = "SELECT notification_id, occurred_at, actor, topic, originator_id, customer_id FROM stored_events"
STOPS = f"{STOP} WHERE customer_id = $1 UNION ALL {STOP} WHERE former_customer_id = $1 ORDER BY notification_id"


class Stop(NamedTuple):
    """An event about the customer: `order_id` where it is an order's, `came` where it brought one from another."""

    position: int
    occurred_at: datetime
    actor: str
    type: str
    order_id: int | None
    came: bool


UNEXPLAINED = Explanation(0, Decimal(0), 0, ExplainedRule(RULE.name, RULE.version), [])


class Course(NamedTuple):
    """`ltv` is in cents of the store's currency, right after each stop; `explanation` is of the value at a position."""

    stops: list[Stop]
    ltv: list[int]
    explanation: Explanation


async def course(
    on: Connection, log: Log, customer_id: int, until: int = NEWEST, *, store_currency: str, rule: Rule = RULE
) -> Course:
    """The course of a customer that is there, explained at a position by a rule. The connection sees one moment.

    Raises PoisonedError.
    """
    stops = await stops_of(on, customer_id)
    steps = [*steps_of(await events_of_orders(on, log, customer_id, NEWEST))]
    by_then = explained_steps(customer_id, _by(customer_id, steps, until), store_currency, rule)
    return Course(stops, ltv_after(customer_id, steps, [stop.position for stop in stops]), by_then)


async def stops_of(on: Executor, customer_id: int) -> list[Stop]:
    """All events about a customer, as many as its version says, the oldest first."""
    return [_stop(customer_id, row) for row in await on.fetch(STOPS, customer_id)]


def _stop(customer_id: int, row: asyncpg.Record) -> Stop:
    position, at, actor, topic, stream, owner = row
    category, id_ = from_uuid(stream)
    type_ = topic.partition("#")[0]
    came = type_ == tag(OrderTransferred) and owner == customer_id
    return Stop(position, at, actor, type_, id_ if category == "order" else None, came)


def ltv_after(customer_id: int, steps: Iterable[OrderStep], positions: Sequence[int]) -> list[int]:
    """The lifetime value after each of these positions, which ascend, from all orders that the customer has or had."""
    moves: dict[int, int] = {}
    for _order_id, stream in groupby(steps, key=lambda step: step.recorded.stream.id):
        before = 0
        for recorded, row in stream:
            after = _contribution(customer_id, row)
            moves[recorded.position], before = after - before, after
    return list(accumulate(moves.get(position, 0) for position in positions))


def _contribution(customer_id: int, row: OrderRow | None) -> int:
    if row is None or row.customer_id != customer_id:
        return 0
    value = value_of(row)
    return RULE.contribution(value) if RULE.is_counted(value) else 0


def _by(customer_id: int, steps: Iterable[OrderStep], until: int) -> Iterator[OrderStep]:
    """The events until a position, without those of orders that came to the customer later."""
    for _order_id, stream in groupby(steps, key=lambda step: step.recorded.stream.id):
        known = [step for step in stream if step.recorded.position <= until]
        if any(customer_id in (step.recorded.customer_id, step.recorded.former_customer_id) for step in known):
            yield from known
