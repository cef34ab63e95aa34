"""An explanation of lifetime value adds up to the figures as they are served, whatever has happened."""

from decimal import Decimal

import msgspec
import pytest

from domain.order import ORDER, ChangeOrderStatus, DeleteOrder, RecordPayment, RecordRefund
from domain.value import ROUNDING, RULE
from eventstore.store import Store
from projections.checks.explain import Explanation, explain
from projections.database import at_one_moment
from tests.eventstore.acts import do, erase, place, register, transfer
from tests.projections.history import History

FIGURES = "SELECT id, version, ltv, aov, purchase_count FROM figures ORDER BY id"


async def explanation(store: Store, customer_id: int) -> Explanation:
    async with at_one_moment(store.pool) as on:
        found = await explain(on, store.log, customer_id, store_currency="USD")
    assert found is not None
    return found[0]


def check(told: Explanation) -> None:
    """It adds up."""
    counted = [order for order in told.orders if order.counted]
    assert sum(order.contribution for order in told.orders) == told.ltv
    assert len(counted) == told.purchase_count
    assert {order.contribution for order in told.orders if not order.counted} <= {0}
    for order in told.orders:
        assert sum(it.amount for it in order.amounts if it.amount > 0) == order.total_paid
        assert -sum(it.amount for it in order.amounts if it.amount < 0) == order.total_refund
        assert {it.position for it in order.amounts} <= set(order.positions)
        assert order.positions == sorted(order.positions)
        assert (order.rounding is not None) == (order.counted and order.rate != 1)


@pytest.mark.parametrize("seed", [31, 32, 33])
async def test_it_gives_the_stored_figures_after_any_history(store: Store, seed: int) -> None:
    history = History(store, seed)
    seen: set[str] = set()
    for _ in range(3):
        await history.live(100)
        for id_, version, *figures in await store.pool.fetch(FIGURES):
            async with at_one_moment(store.pool) as on:
                found = await explain(on, store.log, id_, store_currency="USD")
            assert found is not None
            told, told_version = found
            check(told)
            assert [told.ltv, told.aov, told.purchase_count] == figures
            assert told_version == version
            seen |= {order.why for order in told.orders}
    assert any("transferred" in why for why in seen)
    assert any("deleted" in why for why in seen)
    assert any("refunded in full" in why for why in seen)


async def test_an_order_is_explained_from_its_events(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    order_id = await place(store, customer_id, 1_000, rate=Decimal("1.0853"))
    refund = RecordRefund(amount=333, transaction_id="re_1")
    await do(store, ORDER, order_id, refund, ChangeOrderStatus(status="completed"))
    told = await explanation(store, customer_id)
    assert msgspec.to_builtins(told, str_keys=True) == {
        "ltv": 724,
        "aov": "724.00",
        "purchase_count": 1,
        "rule": {"name": RULE.name, "version": RULE.version},
        "orders": [
            {
                "order_id": order_id,
                "counted": True,
                "why": "Counts: its payment is partially refunded, less what was refunded.",
                "currency": "USD",
                "total_paid": 1_000,
                "total_refund": 333,
                "rate": "1.0853",
                "contribution": 724,
                "rounding": {"rule": ROUNDING, "unrounded": "723.8951"},
                "amounts": [
                    {"position": 2, "type": "order-placed", "amount": 1_000, "transaction_id": None},
                    {"position": 3, "type": "refund-recorded", "amount": -333, "transaction_id": "re_1"},
                ],
                "positions": [2, 3],
            }
        ],
    }


async def test_orders_that_left_are_told_as_they_were(store: Store) -> None:
    ada, grace = await register(store, "ada@example.com"), await register(store, "grace@example.com")
    gone, dropped = await place(store, ada, 1_000), await place(store, ada, 500)
    await transfer(store, gone, grace)
    await do(store, ORDER, gone, RecordPayment(amount=70, transaction_id="later"))
    await do(store, ORDER, dropped, DeleteOrder())
    told = await explanation(store, ada)
    assert (told.ltv, told.purchase_count) == (0, 0)
    assert [(order.order_id, order.counted, order.total_paid, order.why) for order in told.orders] == [
        (gone, False, 1_000, f"Does not count: it was transferred to customer {grace}."),
        (dropped, False, 500, "Does not count: it was deleted."),
    ]
    received = await explanation(store, grace)
    assert [(order.order_id, order.contribution) for order in received.orders] == [(gone, 1_070)]
    await transfer(store, gone, ada)
    assert (await explanation(store, ada)).ltv == 1_070
    check(await explanation(store, ada))


async def test_it_looks_at_events_and_not_at_what_is_stored(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await place(store, customer_id, 1_000)
    told = await explanation(store, customer_id)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    await store.pool.execute("UPDATE orders SET total_paid = 7")
    assert await explanation(store, customer_id) == told


async def test_nothing_is_told_of_the_erased_and_of_those_who_never_were(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await place(store, customer_id, 1_000)
    await erase(store, customer_id)
    async with at_one_moment(store.pool) as on:
        assert await explain(on, store.log, customer_id, store_currency="USD") is None
        assert await explain(on, store.log, 99, store_currency="USD") is None
