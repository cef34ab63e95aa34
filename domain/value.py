"""Lifetime value: the one place that knows how a customer's figures come from orders."""

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

import msgspec

# The rule that the figures follow; raise the version when the sums change.
RULE_NAME = "net-of-refunds"
RULE_VERSION = 1

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


def contribution(order: OrderValue) -> int:
    """Cents that the order adds to lifetime value: net times rate, rounded half up."""
    kept = net(order)
    return kept if order.rate == ONE else int((kept * order.rate).quantize(ONE, ROUND_HALF_UP))


def average(ltv: int, purchase_count: int) -> Decimal:
    """Cents per purchase, rounded half up to two decimals; 0 without purchases."""
    return (Decimal(ltv) / purchase_count).quantize(CENT, ROUND_HALF_UP) if purchase_count else Decimal(0)


def figures(orders: Iterable[OrderValue]) -> Figures:
    """All figures of one customer from all its orders."""
    counted = [order for order in orders if is_counted(order)]
    if not counted:
        return Figures()
    ltv = sum(map(contribution, counted))
    by_currency: dict[str, int] = {}
    for order in counted:
        by_currency[order.currency] = by_currency.get(order.currency, 0) + net(order)
    dates = [order.created_at for order in counted]
    return Figures(
        ltv=ltv,
        purchase_count=len(counted),
        aov=average(ltv, len(counted)),
        first_purchase_date=min(dates),
        last_purchase_date=max(dates),
        purchase_value=dict(sorted(by_currency.items())),
    )
