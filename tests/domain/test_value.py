from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from domain.value import (
    NET_OF_REFUNDS,
    RULE,
    RULES,
    Figures,
    OrderValue,
    average,
    days_since,
    figures,
    net,
)

JANUARY = datetime(2025, 1, 15, 10, 30, tzinfo=UTC)
MARCH = datetime(2025, 3, 1, 12, tzinfo=UTC)
JUNE = datetime(2025, 6, 20, 14, tzinfo=UTC)
YEAR_9999 = datetime(9999, 12, 31, tzinfo=UTC)

PAID = OrderValue("paid", 5000, 0, Decimal(1), "USD", MARCH)

# What orders 101 to 110 of the golden seed say, all of its customer 1.
GOLDEN_ORDERS = (
    PAID._replace(created_at=JANUARY),
    PAID._replace(payment_status="partially_refunded", total_paid=8000, total_refund=3000),
    PAID._replace(payment_status="refunded", total_paid=4000, total_refund=4000),
    PAID._replace(payment_status="pending", total_paid=0),
    PAID._replace(payment_status="failed", total_paid=0),
    PAID._replace(payment_status="partially_paid", total_paid=3333),
    PAID._replace(total_paid=700, total_refund=700),
    PAID._replace(total_paid=2500, currency="EUR", created_at=JUNE),
    PAID._replace(total_paid=100, total_refund=300),
    PAID._replace(payment_status="authorized", total_paid=600),
)


def test_customer_1_of_the_golden_seed_has_its_figures() -> None:
    assert figures(GOLDEN_ORDERS) == Figures(
        ltv=15833,
        purchase_count=6,
        aov=Decimal("2638.83"),
        first_purchase_date=JANUARY,
        last_purchase_date=JUNE,
        purchase_value={"USD": 13333, "EUR": 2500},
    )


def test_it_is_said_why_each_of_them_counts_or_not() -> None:
    assert [RULE.why(order) for order in GOLDEN_ORDERS] == [
        "Counts: its payment is paid.",
        "Counts: its payment is partially refunded, less what was refunded.",
        "Does not count: it was refunded in full.",
        "Does not count: its payment is pending; only paid, partially paid and partially refunded count.",
        "Does not count: its payment is failed; only paid, partially paid and partially refunded count.",
        "Counts: its payment is partially paid.",
        "Counts as a purchase of 0: its payment is paid, but nothing was kept of it.",
        "Counts: its payment is paid.",
        "Counts as a purchase of 0: its payment is paid, but more was refunded than paid.",
        "Does not count: its payment is authorized; only paid, partially paid and partially refunded count.",
    ]
    assert [RULE.why(order).startswith("Counts") for order in GOLDEN_ORDERS] == list(
        map(RULE.is_counted, GOLDEN_ORDERS)
    )


def test_without_orders_there_is_nothing() -> None:
    nothing = figures([])
    assert nothing == Figures()
    assert (nothing.ltv, nothing.purchase_count, nothing.aov) == (0, 0, Decimal(0))
    assert (nothing.first_purchase_date, nothing.last_purchase_date, nothing.purchase_value) == (None, None, {})


@pytest.mark.parametrize(
    ("payment_status", "counted"),
    [
        ("paid", True),
        ("partially_paid", True),
        ("partially_refunded", True),
        ("refunded", False),
        ("pending", False),
        ("authorized", False),
        ("failed", False),
        ("Paid", False),
        ("", False),
    ],
)
def test_only_a_successful_payment_counts(payment_status: str, counted: bool) -> None:
    order = PAID._replace(payment_status=payment_status)
    assert RULE.is_counted(order) is counted
    assert figures([order]).purchase_count == int(counted)


def test_an_order_that_does_not_count_leaves_every_figure_alone() -> None:
    pending = PAID._replace(payment_status="pending", currency="EUR", created_at=JANUARY)
    assert figures([PAID, pending]) == figures([PAID])


def test_a_full_refund_drops_the_order() -> None:
    refunded = PAID._replace(payment_status="refunded", total_refund=5000)
    assert figures([refunded]) == Figures()


def test_a_net_of_0_is_a_purchase_still() -> None:
    kept_nothing = PAID._replace(total_refund=5000)
    both = figures([PAID, kept_nothing])
    assert (both.ltv, both.purchase_count, both.aov) == (5000, 2, Decimal(2500))
    assert figures([kept_nothing]).purchase_value == {"USD": 0}


def test_a_refund_beyond_the_payment_takes_nothing_from_other_orders() -> None:
    beyond = PAID._replace(total_paid=100, total_refund=300)
    assert (net(beyond), RULE.contribution(beyond)) == (0, 0)
    assert figures([PAID, beyond]).ltv == 5000


@pytest.mark.parametrize(
    ("kept", "rate", "cents"),
    [
        (5, "0.5", 3),
        (1, "0.5", 1),
        (1, "0.499999", 0),
        (3, "0.5", 2),
        (101, "1.5", 152),
        (1000, "1.0845", 1085),
        (5000, "1", 5000),
        (5000, "1.000000", 5000),
        (0, "1.5", 0),
        (123456789012, "0.00000001", 1235),
    ],
)
def test_a_product_with_the_rate_is_rounded_half_up(kept: int, rate: str, cents: int) -> None:
    assert RULE.contribution(PAID._replace(total_paid=kept, rate=Decimal(rate))) == cents


def test_each_product_is_rounded_and_not_the_sum() -> None:
    half_a_cent = PAID._replace(total_paid=1, rate=Decimal("0.5"))
    assert figures([half_a_cent, half_a_cent]).ltv == 2


@pytest.mark.parametrize(
    ("ltv", "purchase_count", "aov"),
    [(0, 0, "0"), (5000, 1, "5000.00"), (15833, 6, "2638.83"), (2, 3, "0.67"), (1, 8, "0.13"), (3, 8, "0.38")],
)
def test_the_average_is_rounded_half_up_to_two_decimals(ltv: int, purchase_count: int, aov: str) -> None:
    assert str(average(ltv, purchase_count)) == aov


@pytest.mark.parametrize(
    ("purchase", "days"),
    [(JANUARY, 156), (JUNE, 0), (JUNE - timedelta(hours=25), 1), (JUNE + timedelta(hours=1), 0), (YEAR_9999, 0)],
)
def test_days_since_a_purchase_are_never_below_0(purchase: datetime, days: int) -> None:
    assert days_since(purchase, JUNE) == days


def test_first_and_last_are_the_earliest_and_latest_of_the_counted_orders() -> None:
    spring = figures([PAID._replace(created_at=JUNE), PAID, PAID._replace(created_at=JANUARY, payment_status="failed")])
    assert (spring.first_purchase_date, spring.last_purchase_date) == (MARCH, JUNE)


def test_purchase_value_is_net_by_currency_before_the_rate() -> None:
    euros = PAID._replace(currency="EUR", total_paid=2500, rate=Decimal("1.1"))
    assert figures([PAID, euros, euros._replace(total_refund=500)]).purchase_value == {"USD": 5000, "EUR": 4500}


def test_the_order_of_orders_does_not_matter() -> None:
    assert figures(reversed(GOLDEN_ORDERS)) == figures(GOLDEN_ORDERS)


def test_the_rule_that_holds_is_the_one_that_is_named() -> None:
    assert RULES[RULE.name] is RULE is NET_OF_REFUNDS
    assert figures(GOLDEN_ORDERS, RULES[RULE.name]) == figures(GOLDEN_ORDERS)


@pytest.mark.parametrize(
    ("rule", "ltv", "purchase_count", "purchase_value"),
    [
        ("net-of-refunds", 15833, 6, {"USD": 13333, "EUR": 2500}),
        ("gross-of-refunds", 19633, 6, {"USD": 17133, "EUR": 2500}),
        ("net-with-refunded-orders", 15833, 7, {"USD": 13333, "EUR": 2500}),
    ],
)
def test_under_each_rule_the_golden_orders_give(
    rule: str, ltv: int, purchase_count: int, purchase_value: dict[str, int]
) -> None:
    given = figures(GOLDEN_ORDERS, RULES[rule])
    assert (given.ltv, given.purchase_count, given.purchase_value) == (ltv, purchase_count, purchase_value)
    assert given.aov == average(ltv, purchase_count)
