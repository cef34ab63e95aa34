from collections.abc import AsyncIterator

import pytest

from projections.database import migrate
from tests.api.shop import Shop, open_shop
from tests.conftest import new_database, with_database


@pytest.fixture(scope="session")
async def shop_template(server: str) -> AsyncIterator[str]:
    """The name of a database with the log and the read models in it, which is only copied."""
    async with new_database(server) as name:
        await migrate(with_database(server, name))
        yield name


@pytest.fixture(scope="module")
async def shop(server: str, shop_template: str) -> AsyncIterator[Shop]:
    """One for all tests of a module: each makes the customers it needs."""
    async with new_database(server, shop_template) as name, open_shop(with_database(server, name)) as shop:
        yield shop


@pytest.fixture
async def empty_shop(server: str, shop_template: str) -> AsyncIterator[Shop]:
    """With nobody in it, and nobody else's."""
    async with new_database(server, shop_template) as name, open_shop(with_database(server, name)) as shop:
        yield shop
