"""Totals are counted anew only where something has changed, and are as if all had been counted."""

import asyncio
import json
from functools import partial
from typing import Any, cast

import asyncpg
import pytest

from eventstore.postgres.connection import Executor
from projections.database import open_store
from projections.queries import totals
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.orders import list_store_orders
from projections.queries.totals import Counting, Totals
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


class Watched:
    """An executor that counts the counts."""

    def __init__(self, on: asyncpg.Pool) -> None:
        self.counts = 0
        self._on = on

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        self.counts += "GROUP BY 1" in query
        return await self._on.fetch(query, *args)


async def test_of_many_who_look_at_once_one_counts_for_those_who_looked_before_it_began(database: str) -> None:
    kept = Totals()
    async with open_store(database) as store:
        for number in range(3):
            await register(store, f"{number}@example.com")
        on = Watched(store.pool)
        looks = (
            list_customers(cast("Executor", on), ListQuery(per_page=1), now=NOW, totals=kept) for _ in range(20)
        )  # fmt: skip
        assert {page.total for page in await asyncio.gather(*looks)} == {3}
    assert 1 <= on.counts <= 3


async def test_whoever_waited_for_a_count_that_took_too_long_does_not_begin_another(database: str) -> None:
    kept, began = Totals(), asyncio.get_running_loop().time()
    slow = Counting("figures AS r", "pg_sleep(10) IS NULL", [], "r.id")
    async with open_store(database) as store:
        await register(store, "ada@example.com")
        async with asyncpg.create_pool(database, server_settings={"statement_timeout": "200"}) as pool:
            on = Watched(pool)
            looks = (kept.total(cast("Executor", on), slow, None, began) for _ in range(8))
            failures = await asyncio.gather(*looks, return_exceptions=True)
    assert {type(each) for each in failures} == {asyncpg.QueryCanceledError}
    assert on.counts == 1
