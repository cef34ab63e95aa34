from collections.abc import AsyncIterator

import pytest

from tests.conftest import new_database, with_database


@pytest.fixture(scope="module")
async def url(server: str, template: str) -> AsyncIterator[str]:
    """A DATABASE_URL for all tests of a module."""
    async with new_database(server, template) as name:
        yield with_database(server, name)
