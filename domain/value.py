"""Lifetime value: the one place that knows how a customer's figures come from orders."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NamedTuple, TypeAlias, get_args

import msgspec

UnpaidStatus: TypeAlias = Literal["pending", "authorized", "failed"]
PaymentStatus: TypeAlias = Literal[UnpaidStatus, "paid", "partially_paid", "refunded", "partially_refunded"]
UNPAID_STATUSES: tuple[UnpaidStatus, ...] = get_args(UnpaidStatus)
PAYMENT_STATUSES: tuple[PaymentStatus, ...] = get_args(PaymentStatus)

ROUNDING = "half up to the smallest unit, each order by itself"
SUCCESSFUL = frozenset[PaymentStatus]({"paid", "partially_paid", "partially_refunded"})
DEFAULT_CURRENCY = "USD"  # a store's, unless it says otherwise
ONE = Decimal(1)
CENT = Decimal("0.01")
MAX_CENTS = 2**53 - 1  # the largest integer that every JSON reader keeps exact


def is_currency(code: str) -> bool:
    """Whether it is written as in ISO 4217. It is not looked up: shops have currencies of their own."""
    return len(code) == len(DEFAULT_CURRENCY) and code.isascii() and code.isalpha() and code.isupper()


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


def net(order: OrderValue) -> int:
    """Cents kept, in the order's own currency; never below 0."""
    return max(0, order.total_paid - order.total_refund)


def gross(order: OrderValue) -> int:
    """Cents paid, in the order's own currency, whatever was given back."""
    return order.total_paid


class Rule(NamedTuple):
    """Which orders count, by their payment status alone, and how many cents of one that does, in its own currency.

    Raise `version` when either changes: every figure is then computed again.
    """

    name: str
    version: int
    counts: frozenset[PaymentStatus]
    cents: Callable[[OrderValue], int]

    def is_counted(self, order: OrderValue) -> bool:
        return order.payment_status in self.counts

    def converted(self, order: OrderValue) -> Decimal:
        """Cents of the store's currency, exactly: what the rule takes times rate."""
        return self.cents(order) * order.rate

    def contribution(self, order: OrderValue) -> int:
        """Cents that the order adds to lifetime value, if it counts: `converted`, rounded half up."""
        return _rounded(self.cents(order), order.rate)

    def why(self, order: OrderValue) -> str:
        """Why the order counts or not, as a sentence."""
        status = order.payment_status.replace("_", " ")
        if not self.is_counted(order):
            if order.payment_status == "refunded":
                return "Does not count: it was refunded in full."
            *others, last = (word.replace("_", " ") for word in sorted(self.counts, key=lambda word: (len(word), word)))
            return f"Does not count: its payment is {status}; only {', '.join(others)} and {last} count."
        if not self.cents(order):
            is_beyond = order.total_refund > order.total_paid
            problem = "more was refunded than paid" if is_beyond else "nothing was kept of it"
            return f"Counts as a purchase of 0: its payment is {status}, but {problem}."
        taken_off = ", less what was refunded" if self.cents(order) < order.total_paid else ""
        return f"Counts: its payment is {status}{taken_off}."


NET_OF_REFUNDS = Rule("net-of-refunds", 1, SUCCESSFUL, net)
RULE = NET_OF_REFUNDS  # everything that is served follows it; the others answer what would be if
RULES: Mapping[str, Rule] = {
    rule.name: rule
    for rule in (
        RULE,
        Rule("gross-of-refunds", 1, SUCCESSFUL, gross),
        Rule("net-with-refunded-orders", 1, SUCCESSFUL | {"refunded"}, net),
    )
}


def _rounded(cents: int, rate: Decimal) -> int:
    return cents if rate == ONE else int((cents * rate).quantize(ONE, ROUND_HALF_UP))


def average(ltv: int, purchase_count: int) -> Decimal:
    """Cents per purchase, rounded half up to two decimals; 0 without purchases."""
    return (Decimal(ltv) / purchase_count).quantize(CENT, ROUND_HALF_UP) if purchase_count else Decimal(0)


def days_since(purchase: datetime, at: datetime) -> int:
    """Whole days; 0 for a purchase of today, and for one that is dated later. Both times have zones."""
    return max(0, (at - purchase).days)


def figures(orders: Iterable[OrderValue], rule: Rule = RULE) -> Figures:
    """All figures of one customer from all its orders."""
    ltv, by_currency, dates = 0, dict[str, int](), list[datetime]()
    for order in orders:
        if rule.is_counted(order):
            cents, currency = rule.cents(order), order.currency
            ltv += _rounded(cents, order.rate)
            by_currency[currency] = by_currency.get(currency, 0) + cents
            dates.append(order.created_at)
    if not dates:
        return Figures()
    return Figures(
        ltv=ltv,
        purchase_count=len(dates),
        aov=average(ltv, len(dates)),
        first_purchase_date=min(dates),
        last_purchase_date=max(dates),
        purchase_value=dict(sorted(by_currency.items())) if len(by_currency) > 1 else by_currency,
    )
