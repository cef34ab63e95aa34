"""What figures would be under another rule, against SQL's own sum, and without touching what is live."""

from decimal import Decimal
from typing import Any

import pytest

from domain.order import ORDER, RecordRefund
from domain.value import RULES
from eventstore.store import Store
from projections.checks.what_if import Movement, Mover, WhatIf, what_if
from projections.replay.engine import unseen
from tests.eventstore.acts import do, place
from tests.projections.history import History
from tests.projections.rows import live
from tests.projections.test_verify import NO_JSON, SPOIL_EVENT, buyers, position_of

COUNTED = "('paid', 'partially_paid', 'partially_refunded')"
NET = "greatest(0, o.total_paid - o.total_refund)"
SQL: dict[str, tuple[str, str]] = {
    "net-of-refunds": (NET, COUNTED),
    "gross-of-refunds": ("o.total_paid", COUNTED),
    "net-with-refunded-orders": (NET, "('paid', 'partially_paid', 'partially_refunded', 'refunded')"),
}
SUMMED = """
    SELECT f.ltv AS before, coalesce(sum(round({cents} * o.rate)), 0) AS after,
        f.purchase_count AS count_before, count(o.id) AS count_after
    FROM figures f LEFT JOIN orders o ON o.customer_id = f.id AND o.payment_status IN {counted}
    GROUP BY f.id, f.ltv, f.purchase_count"""


def test_of_every_rule_there_is_a_sum_in_sql() -> None:
    assert SQL.keys() == RULES.keys()


@pytest.mark.parametrize("name", RULES)
async def test_totals_and_directions_are_what_sql_sums_after_any_history(store: Store, name: str) -> None:
    await History(store, 31).live(250)
    before = await live(store)
    report = await what_if(store, name, unseen)
    cents, counted = SQL[name]
    rows = await store.pool.fetch(SUMMED.format(cents=cents, counted=counted))
    ltv, purchases = report.figures["ltv"], report.figures["purchase_count"]
    assert (ltv.before, ltv.after) == (sum(row["before"] for row in rows), sum(row["after"] for row in rows))
    assert ltv.up == sum(row["after"] > row["before"] for row in rows)
    assert ltv.down == sum(row["after"] < row["before"] for row in rows)
    assert ltv.up + ltv.down + ltv.unchanged == report.customers == len(rows) > 0
    assert purchases.after == sum(row["count_after"] for row in rows)
    assert (report.changed > 0) is (name != "net-of-refunds")
    assert report.position == await store.log.head(store.pool)
    assert await live(store) == before


async def test_gross_of_refunds_moves_up_those_who_gave_something_back_most_first(store: Store) -> None:
    ids = await buyers(store, 13)
    for number, id_ in enumerate(ids[:12]):
        order_id = await place(store, id_, 1_000)
        await do(store, ORDER, order_id, RecordRefund(amount=10 * (number + 1), transaction_id=f"r{number}"))
    report = await what_if(store, "gross-of-refunds", unseen)
    assert (report.customers, report.changed, report.untold) == (13, 12, [])
    ltv = report.figures["ltv"]
    assert (ltv.up, ltv.down, ltv.unchanged) == (12, 0, 1)
    assert (ltv.after - ltv.before, ltv.furthest_down) == (780, [])
    assert [mover.customer_id for mover in ltv.furthest_up] == ids[11:1:-1]
    assert ltv.furthest_up[0] == Mover(ids[11], 1_880, 2_000)


async def test_counting_refunded_orders_lowers_the_average_and_leaves_lifetime_value(store: Store) -> None:
    [customer_id] = await buyers(store, 1)
    await do(store, ORDER, await place(store, customer_id, 500), RecordRefund(amount=500, transaction_id="r"))
    report = await what_if(store, "net-with-refunded-orders", unseen)
    told: dict[str, Any] = {name: (moved.before, moved.after) for name, moved in report.figures.items()}
    assert told == {"ltv": (1_000, 1_000), "purchase_count": (1, 2), "aov": (1_000, 500)}
    assert report.figures["aov"].furthest_down == [Mover(customer_id, Decimal(1_000), Decimal(500))]


async def test_of_whom_nothing_can_be_told_is_said(store: Store) -> None:
    _first, second = await buyers(store, 2)
    order_id = await place(store, second)
    await store.pool.execute(SPOIL_EVENT, await position_of(store, order_id), NO_JSON)
    report = await what_if(store, "gross-of-refunds", unseen)
    assert (report.customers, report.untold) == (1, [second])
    assert report.figures["ltv"].after == 1_000


async def test_of_nobody_nothing_moves(store: Store) -> None:
    report = await what_if(store, "gross-of-refunds", unseen)
    assert report == WhatIf(rule="gross-of-refunds", instead_of="net-of-refunds", position=0)
    assert report.figures["ltv"] == Movement()
