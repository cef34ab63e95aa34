"""Why a lifetime value is what it is, order by order: a waterfall, a table, and a text for a mail."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import accumulate, groupby
from typing import NamedTuple

from api.console.charts import Summand, Waterfall, waterfall
from api.console.filters import day, money, month, year
from api.console.screens.customer.views.asked import FIGURES
from api.presentation.money import figure
from api.presentation.story.words import many
from api.presentation.values import Row
from domain.value import RULE, RULES, Rule
from projections.checks.course import Course
from projections.checks.explain import ExplainedOrder, Explanation
from projections.history.stops import Stop

MOST_BARS = 60  # more are summed up by month, and then by year
RULE_WORDS = {
    "net-of-refunds": "what was paid, less what was refunded",
    "gross-of-refunds": "what was paid, whatever was refunded",
    "net-with-refunded-orders": "what was paid, less what was refunded; orders refunded in full count as purchases",
}


class OrderShare(NamedTuple):
    """What an order has to do with the value. `sum` is of it and of those before it, `events` are its positions."""

    order_id: int
    joined_at: datetime
    joined: int
    is_counted: bool
    paid: str
    refunded: str
    contribution: int
    rate: Decimal | None
    sum: int
    why: str
    events: list[int]


class StoredFigure(NamedTuple):
    name: str
    stored: str
    computed: str


class ValueSummary(NamedTuple):
    chart: Waterfall
    counted: int
    others: int


class ValueTab(NamedTuple):
    """`wrong` are stored figures that do not follow from the events: none but now, and by the rule that is served."""

    chart: Waterfall
    shares: list[OrderShare]
    ltv: int
    average: Decimal
    counted: int
    rule: Rule
    is_served: bool
    served_ltv: int
    rules: dict[str, str]
    wrong: list[StoredFigure]
    mail: str


def value_tab(course: Course, row: Row, name: str, rule: str, currency: str) -> ValueTab:
    """The explanation that `course` has, for the customer whose row it is. The rule is one of RULES."""
    explanation = course.explanation
    joined = _joined(course)
    orders = sorted(explanation.orders, key=lambda order: joined[order.order_id].position)
    sums = accumulate(order.contribution for order in orders)
    shares = [_share(order, joined[order.order_id], total) for order, total in zip(orders, sums, strict=True)]
    return ValueTab(
        chart=_chart(orders, joined, currency),
        shares=shares,
        ltv=explanation.ltv,
        average=explanation.aov,
        counted=explanation.purchase_count,
        rule=RULES[rule],
        is_served=rule == RULE.name,
        served_ltv=row["ltv"],
        rules=RULE_WORDS,
        wrong=_wrong(explanation, row, currency) if rule == RULE.name else [],
        mail=_mail(name, shares, explanation, currency),
    )


def value_summary(course: Course, currency: str) -> ValueSummary:
    """The same in small."""
    explanation, joined = course.explanation, _joined(course)
    orders = sorted(explanation.orders, key=lambda order: joined[order.order_id].position)
    counted = explanation.purchase_count
    return ValueSummary(_chart(orders, joined, currency), counted, len(orders) - counted)


def _joined(course: Course) -> dict[int, Stop]:
    """When each order became the customer's, the first time."""
    return {stop.order_id: stop for stop in reversed(course.stops) if stop.order_id is not None}


def _chart(orders: Sequence[ExplainedOrder], joined: Mapping[int, Stop], currency: str) -> Waterfall:
    """A bar for each order, or if there are too many for each month, or year."""
    if len(orders) <= MOST_BARS:
        return waterfall([_summand(order, currency) for order in orders])
    by_month = _by_date(orders, joined, month, currency)
    return waterfall(by_month if len(by_month) <= MOST_BARS else _by_date(orders, joined, year, currency))


def _by_date(
    orders: Sequence[ExplainedOrder], joined: Mapping[int, Stop], written: Callable[[datetime], str], currency: str
) -> list[Summand]:
    groups = groupby(orders, key=lambda order: written(joined[order.order_id].occurred_at))
    return [_together(when, [*those], currency) for when, those in groups]


def _summand(order: ExplainedOrder, currency: str) -> Summand:
    title = f"Order {order.order_id}: {money(order.contribution, currency, '+')}. {order.why}"
    return Summand(str(order.order_id), title, order.contribution, _off(order))


def _together(when: str, orders: Sequence[ExplainedOrder], currency: str) -> Summand:
    value = sum(order.contribution for order in orders)
    title = f"{when}: {many(len(orders), 'order')}, {money(value, currency, '+')}"
    return Summand("", title, value, sum(map(_off, orders)))


def _off(order: ExplainedOrder) -> int:
    """What was refunded, or does not count, in the store's currency."""
    return round((order.total_refund if order.counted else order.total_paid) * order.rate)


def _share(order: ExplainedOrder, joined: Stop, total: int) -> OrderShare:
    return OrderShare(
        order_id=order.order_id,
        joined_at=joined.occurred_at,
        joined=joined.position,
        is_counted=order.counted,
        paid=money(order.total_paid, order.currency),
        refunded=money(-order.total_refund, order.currency) if order.total_refund else "",
        contribution=order.contribution,
        rate=order.rate if order.rate != 1 else None,
        sum=total,
        why=order.why,
        events=order.positions,
    )


def _wrong(explanation: Explanation, row: Row, currency: str) -> list[StoredFigure]:
    pairs = ((name, Decimal(row[name]), Decimal(getattr(explanation, name))) for name in FIGURES)
    return [
        StoredFigure(FIGURES[name], figure(name, stored, currency), figure(name, computed, currency))
        for name, stored, computed in pairs
        if stored != computed
    ]


def _mail(name: str, shares: Sequence[OrderShare], explanation: Explanation, currency: str) -> str:
    """The explanation as plain text."""
    head = f"Lifetime value of {name}: {money(explanation.ltv, currency)}"
    rows = (
        f"{day(it.joined_at)}  order {it.order_id}  {money(it.contribution, currency)}  ({it.why.rstrip('.')})"
        for it in shares
    )
    count = explanation.purchase_count
    average = f", {money(explanation.aov, currency)} on average" if count else ""
    foot = f"{count} {'order counts' if count == 1 else 'orders count'}{average}."
    return "\n".join([head, "", *rows, "", foot, f"Rule: {RULE_WORDS[explanation.rule.name]}."])
