"""A customer's figures are what its orders add up to: SQL does the sum here, and shares no code with the service."""

import json
from decimal import Decimal
from typing import Any

import pytest

from domain.order import ORDER, RecordPayment, RecordRefund
from eventstore.store import Store
from projections.replay.engine import replay
from tests.eventstore.acts import do, place, register
from tests.projections.history import History

FIELDS = "ltv, purchase_count, aov, first_purchase_date, last_purchase_date"
SERVED = f"SELECT id, {FIELDS} FROM figures ORDER BY id"
SUMMED = """
    SELECT c.id,
        coalesce(sum(round(greatest(0, o.total_paid - o.total_refund) * o.rate)), 0) AS ltv,
        count(o.id) AS purchase_count,
        coalesce(round(sum(round(greatest(0, o.total_paid - o.total_refund) * o.rate)) / count(o.id), 2), 0) AS aov,
        min(o.created_at) AS first_purchase_date,
        max(o.created_at) AS last_purchase_date
    FROM figures c LEFT JOIN orders o
        ON o.customer_id = c.id AND o.payment_status IN ('paid', 'partially_paid', 'partially_refunded')
    GROUP BY c.id ORDER BY c.id"""
SERVED_BY_CURRENCY = "SELECT id, purchase_value FROM figures ORDER BY id"
SUMMED_BY_CURRENCY = """
    SELECT customer_id, currency, sum(greatest(0, total_paid - total_refund)) FROM orders
    WHERE payment_status IN ('paid', 'partially_paid', 'partially_refunded') GROUP BY customer_id, currency"""


async def differences(store: Store) -> list[tuple[object, object]]:
    """Figures as they are served, and as SQL sums them, where they differ."""
    served, summed = await store.pool.fetch(SERVED), await store.pool.fetch(SUMMED)
    by_currency: dict[int, dict[str, int]] = {}
    for customer_id, currency, net in await store.pool.fetch(SUMMED_BY_CURRENCY):
        by_currency.setdefault(customer_id, {})[currency] = net
    values = {id_: json.loads(value) for id_, value in await store.pool.fetch(SERVED_BY_CURRENCY)}
    pairs = [*zip(served, summed, strict=True), *((values[id_], by_currency.get(id_, {})) for id_ in values)]
    return [(one, other) for one, other in pairs if one != other]


async def figures(store: Store) -> tuple[Any, ...]:
    """The figures of the only customer."""
    [record] = await store.pool.fetch("SELECT ltv, purchase_count, aov FROM figures")
    return tuple(record)


@pytest.mark.parametrize("seed", [11, 12, 13])
async def test_figures_are_what_sql_sums_after_any_history(store: Store, seed: int) -> None:
    history = History(store, seed)
    for _ in range(4):
        await history.live(60)
        assert await differences(store) == []
    assert await store.pool.fetchval("SELECT count(*) FROM figures WHERE purchase_count > 1")
    await replay(store)
    assert await differences(store) == []


async def test_the_sum_in_sql_would_show_a_wrong_figure(store: Store) -> None:
    await place(store, await register(store, "ada@example.com"))
    await store.pool.execute("UPDATE figures SET ltv = ltv + 1, purchase_value = '{\"USD\": 1001}'")
    assert len(await differences(store)) == 2


async def test_each_order_is_rounded_half_up_by_itself(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    for _ in range(3):
        await place(store, customer_id, 1, rate=Decimal("0.5"))
    assert await figures(store) == (3, 3, Decimal(1))
    await place(store, customer_id, 1)
    await place(store, customer_id, 2)
    await place(store, customer_id, 2)
    assert await figures(store) == (8, 6, Decimal("1.33"))
    assert await differences(store) == []


async def test_a_refund_lessens_and_a_full_refund_drops_an_order(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    order_id, _other = await place(store, customer_id, 1_000), await place(store, customer_id, 500)
    await do(store, ORDER, order_id, RecordRefund(amount=400, transaction_id="r1"))
    assert await figures(store) == (1_100, 2, Decimal(550))
    await do(store, ORDER, order_id, RecordRefund(amount=600, transaction_id="r2"))
    assert await figures(store) == (500, 1, Decimal(500))
    await do(store, ORDER, order_id, RecordPayment(amount=100, transaction_id="p2"))
    assert await figures(store) == (600, 2, Decimal(300))
    assert await differences(store) == []
