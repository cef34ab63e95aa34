"""Totals are counted anew only where something has changed, and are as if all had been counted."""

import json
from functools import partial
from typing import Any

import pytest

from projections.database import open_store
from projections.queries import totals
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.orders import list_store_orders
from projections.queries.totals import Totals
from tests.eventstore.acts import register, rename
from tests.projections.history import History
from tests.queries.conftest import NOW


def filtered(*source: str, operator: str, value: Any) -> ListQuery:
    filters = json.dumps([[{"source": source, "operator": operator, "value": value}]])
    return ListQuery(per_page=1, filter_type="advanced", advanced_filters=filters)


OF_CUSTOMERS = (
    ListQuery(per_page=1),
    ListQuery(per_page=1, search="example"),
    ListQuery(per_page=1, active_view="active"),
    ListQuery(per_page=1, search="ltv > 0"),
    filtered("labels", "labels", operator="not_in", value=[1]),
    filtered("order", "order_items", operator="in", value=[1, 2, 3]),
)
OF_ORDERS = (
    ListQuery(per_page=1),
    ListQuery(per_page=1, search="example"),
    ListQuery(per_page=1, search="'"),
    ListQuery(per_page=1, active_view="paid"),
)


async def test_a_total_is_as_if_all_had_been_counted(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "BITS", 1)
    async with open_store(database) as store:
        history, kept = History(store, seed=3), Totals()
        looks = [partial(list_customers, store.pool, query, now=NOW) for query in OF_CUSTOMERS]
        looks += [partial(list_store_orders, store.pool, None, query, now=NOW) for query in OF_ORDERS]
        for _ in range(60):
            await history.live(3)
            for look in looks:
                assert (await look(totals=kept)).total == (await look(totals=Totals())).total


async def test_only_customers_near_one_who_has_changed_are_counted_anew(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(totals, "BITS", 1)
    kept = Totals()
    async with open_store(database) as store:

        async def total() -> int:
            return (await list_customers(store.pool, ListQuery(per_page=1), now=NOW, totals=kept)).total

        ids = [await register(store, f"{number}@example.com") for number in range(6)]
        assert await total() == 6
        await store.pool.execute("DELETE FROM customers WHERE id = $1", ids[2])  # nothing tells of it
        await rename(store, ids[-1], "Eve")
        assert await total() == 6
        await rename(store, ids[2] ^ 1, "Eve")  # the other one in its block
        assert await total() == 5
