"""A list that takes too long is given up, and says which parameter to ask less with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest

from eventstore.postgres.watch import watched
from projections.queries import pages
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.language.refusals import TooExpensive
from projections.queries.orders import list_orders
from projections.queries.pages import open_lists
from projections.queries.totals import Totals
from projections.queries.users import attachable_users
from tests.queries.conftest import NOW

LOCK = "LOCK TABLE customers, orders, users IN ACCESS EXCLUSIVE MODE"

Asked = Callable[[asyncpg.Pool], Awaitable[Any]]


@pytest.fixture
async def stuck(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncpg.Pool]:
    """Connections for lists of a store whose tables somebody holds, with little patience."""
    monkeypatch.setitem(pages.SETTINGS, "statement_timeout", "100ms")
    async with watched(database) as servers, open_lists(servers) as lists:
        other = await servers.connect()
        async with other.transaction():
            await other.execute(LOCK)
            yield lists
        await other.close()


def customers(**asked: Any) -> Asked:
    return partial(list_customers, query=ListQuery(**asked), now=NOW, totals=Totals())


def orders(**asked: Any) -> Asked:
    return partial(list_orders, customer_id=1, query=ListQuery(**asked), now=NOW, totals=Totals())


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        (customers(), "page"),
        (customers(search="a"), "search"),
        (customers(filter_type="advanced"), "advanced_filters"),
        (orders(search="a"), "search"),
        (partial(attachable_users, search="a"), "search"),
        (partial(attachable_users, per_page=1), "search"),
    ],
)
async def test_a_list_that_takes_too_long_is_refused(stuck: asyncpg.Pool, asked: Asked, field: str) -> None:
    with pytest.raises(TooExpensive) as refused:
        await asked(stuck)
    assert refused.value.field == field


async def test_its_connection_serves_the_next(stuck: asyncpg.Pool) -> None:
    for _ in range(3):
        with pytest.raises(TooExpensive):
            await customers()(stuck)
    assert await stuck.fetchval("SELECT 1") == 1


async def test_connections_for_lists_wait_half_a_minute_and_write_nothing(database: str) -> None:
    names = ("statement_timeout", "jit", "plan_cache_mode", "default_transaction_read_only")
    async with watched(database) as servers, open_lists(servers) as lists:
        found = [await lists.fetchval("SELECT current_setting($1)", name) for name in names]
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await lists.execute("DELETE FROM customers")
    assert found == ["30s", "off", "force_custom_plan", "on"]
