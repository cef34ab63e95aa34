from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from projections.database import open_store
from tests.api.shop import Shop, open_shop
from tests.importing.desk import Desk


@pytest.fixture
async def desk(database: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_store(database) as store:
        yield Desk(store, tmp_path)


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    """The service on the desk's store."""
    async with open_shop(database) as shop:
        yield shop
