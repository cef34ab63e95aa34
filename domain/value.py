"""Lifetime value: the one place that knows how a customer's figures come from orders."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import msgspec

# The rule that the figures follow; raise the version when the sums change.
RULE_NAME = "net-of-refunds"
RULE_VERSION = 1
ROUNDING = "half up to whole cents, each order by itself"

SUCCESSFUL = frozenset({"paid", "partially_paid", "partially_refunded"})
ONE = Decimal(1)
CENT = Decimal("0.01")
MAX_CENTS = 2**53 - 1  # the largest integer that every JSON reader keeps exact


class OrderValue(NamedTuple):
    """What an order means for its customer's figures: cents of `currency`, and its `rate` to the store's currency."""

    payment_status: str
    total_paid: int
    total_refund: int
    rate: Decimal
    currency: str
    created_at: datetime


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """`ltv` in cents of the store's currency, `aov` in cents to 2 decimals, `purchase_value` net cents by currency."""

    ltv: int = 0
    purchase_count: int = 0
    aov: Decimal = Decimal(0)
    first_purchase_date: datetime | None = None
    last_purchase_date: datetime | None = None
    purchase_value: dict[str, int] = {}


def is_counted(order: OrderValue) -> bool:
    """Whatever its status, type or mode: only a successful payment counts."""
    return order.payment_status in SUCCESSFUL


def net(order: OrderValue) -> int:
    """Cents kept, in the order's own currency; never below 0."""
    return max(0, order.total_paid - order.total_refund)


def gross(order: OrderValue) -> int:
    """Cents paid, in the order's own currency, whatever was given back."""
    return order.total_paid


class Rule(NamedTuple):
    """Which payment statuses count, and how many cents of an order that counts, in its own currency."""

    counted: frozenset[str]
    cents: Callable[[OrderValue], int]


NET_OF_REFUNDS = Rule(SUCCESSFUL, net)
# The first is what everything that is served follows; the others answer what would be if.
RULES: Mapping[str, Rule] = {
    RULE_NAME: NET_OF_REFUNDS,
    "gross-of-refunds": Rule(SUCCESSFUL, gross),
    "net-with-refunded-orders": Rule(SUCCESSFUL | {"refunded"}, net),
}


def converted(order: OrderValue, rule: Rule = NET_OF_REFUNDS) -> Decimal:
    """Cents of the store's currency, exactly: what the rule takes times rate."""
    return rule.cents(order) * order.rate


def contribution(order: OrderValue, rule: Rule = NET_OF_REFUNDS) -> int:
    """Cents that the order adds to lifetime value, if it counts: what `converted` gives, rounded half up."""
    return _rounded(rule.cents(order), order.rate)


def _rounded(cents: int, rate: Decimal) -> int:
    return cents if rate == ONE else int((cents * rate).quantize(ONE, ROUND_HALF_UP))


def why(order: OrderValue) -> str:
    """Why the order counts or not, as a sentence."""
    if order.payment_status == "refunded":
        return "Does not count: it was refunded in full."
    if not is_counted(order):
        *others, last = sorted(SUCCESSFUL, key=len)
        return f"Does not count: its payment is {order.payment_status}; only {', '.join(others)} and {last} count."
    if not net(order):
        problem = "more was refunded than paid" if order.total_refund > order.total_paid else "nothing was kept of it"
        return f"Counts as a purchase of 0: its payment is {order.payment_status}, but {problem}."
    taken_off = ", less what was refunded" if order.total_refund else ""
    return f"Counts: its payment is {order.payment_status}{taken_off}."


def average(ltv: int, purchase_count: int) -> Decimal:
    """Cents per purchase, rounded half up to two decimals; 0 without purchases."""
    return (Decimal(ltv) / purchase_count).quantize(CENT, ROUND_HALF_UP) if purchase_count else Decimal(0)


def figures(orders: Iterable[OrderValue], rule: Rule = NET_OF_REFUNDS) -> Figures:
    """All figures of one customer from all its orders."""
    counted = [order for order in orders if order.payment_status in rule.counted]
    if not counted:
        return Figures()
    ltv = 0
    by_currency: dict[str, int] = {}
    for order in counted:
        cents, currency = rule.cents(order), order.currency
        ltv += _rounded(cents, order.rate)
        by_currency[currency] = by_currency.get(currency, 0) + cents
    dates = [order.created_at for order in counted]
    return Figures(
        ltv=ltv,
        purchase_count=len(counted),
        aov=average(ltv, len(counted)),
        first_purchase_date=min(dates),
        last_purchase_date=max(dates),
        purchase_value=dict(sorted(by_currency.items())) if len(by_currency) > 1 else by_currency,
    )
