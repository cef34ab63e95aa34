from collections.abc import AsyncIterator

import pytest

from eventstore.store import Store
from projections.database import open_store


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database, connections=20) as store:
        yield store
