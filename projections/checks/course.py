"""A customer's lifetime value after each of its events, and why it was what it was after one of them."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import accumulate, groupby
from typing import NamedTuple

from domain.value import RULE, Rule
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from projections.checks.explain import (
    ExplainedRule,
    Explanation,
    OrderStep,
    events_of_orders,
    explained_steps,
    steps_of,
)
from projections.history.pages import NEWEST
from projections.history.stops import Stop, stops_of
from projections.models.order_rows import OrderRow
from projections.models.orders import value_of

UNEXPLAINED = Explanation(0, Decimal(0), 0, ExplainedRule(RULE.name, RULE.version), [])


class Course(NamedTuple):
    """`ltv` is in cents of the store's currency, right after each stop; `explanation` is of the value at a position.

    Both are empty where an event can't be applied; `poison` is its position.
    """

    stops: list[Stop]
    ltv: list[int]
    explanation: Explanation
    poison: int | None = None


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
