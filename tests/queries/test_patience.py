"""A list that takes too long is given up, and says which parameter to ask less with."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

import asyncpg
import pytest

from projections.database import open_store
from projections.queries import pages
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.language.refusals import TooExpensive
from projections.queries.orders import list_orders
from projections.queries.pages import Totals
from projections.queries.users import attachable_users
from tests.queries.conftest import NOW

LOCK = "LOCK TABLE customers, orders, users IN ACCESS EXCLUSIVE MODE"

Asked = Callable[[asyncpg.Pool], Awaitable[Any]]


@pytest.fixture
async def stuck(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncpg.Pool]:
    """A store whose tables somebody holds, with little patience."""
    monkeypatch.setattr(pages, "BEGIN", pages.BEGIN.replace(f"{pages.PATIENCE}s", "100ms"))
    async with open_store(database) as store, store.pool.acquire() as other, other.transaction():
        await other.execute(LOCK)
        yield store.pool


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
    assert await stuck.fetchval("SHOW statement_timeout") == "0"
    assert await stuck.fetchval("SELECT 1") == 1
