from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from projections.database import open_store
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.orders import list_orders
from projections.queries.totals import Totals
from tests.conftest import new_database, with_database
from tests.queries.seed import load_seed

NOW = datetime(2025, 7, 10, 12, tzinfo=UTC)

Ids = Callable[..., Coroutine[Any, Any, list[int]]]


@pytest.fixture(scope="session")
async def shop(server: str, template: str) -> AsyncIterator[asyncpg.Pool]:
    """The recorded store, for tests that only read."""
    async with new_database(server, template) as name, open_store(with_database(server, name)) as store:
        async with store.pool.acquire() as connection:
            await load_seed(connection)
        yield store.pool


@pytest.fixture(scope="session")
def customers(shop: asyncpg.Pool) -> Ids:
    """The ids of all customers that a query finds, in order of the list, which is ascending by id unless asked."""

    async def ids(**asked: Any) -> list[int]:
        query = ListQuery(**{"per_page": 199, "sort_type": "asc", **asked})
        page = await list_customers(shop, query, now=NOW, totals=Totals())
        assert page.total == len(page.rows)
        return [row["id"] for row in page.rows]

    return ids


@pytest.fixture(scope="session")
def orders(shop: asyncpg.Pool) -> Ids:
    """The same of customer 1's orders."""

    async def ids(**asked: Any) -> list[int]:
        query = ListQuery(**{"per_page": 199, "sort_type": "asc", **asked})
        page = await list_orders(shop, 1, query, now=NOW, totals=Totals())
        assert page.total == len(page.rows)
        return [row["id"] for row in page.rows]

    return ids
