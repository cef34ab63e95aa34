from collections.abc import AsyncIterator

import pytest

from tests.api.shop import Shop, open_shop
from tests.conftest import new_database, with_database


@pytest.fixture(scope="module")
async def shop(server: str, template: str) -> AsyncIterator[Shop]:
    """One for all tests of a module: each makes the customers it needs."""
    async with new_database(server, template) as name, open_shop(with_database(server, name)) as shop:
        yield shop


@pytest.fixture
async def empty_shop(database: str) -> AsyncIterator[Shop]:
    """With nobody in it, and nobody else's."""
    async with open_shop(database) as shop:
        yield shop
