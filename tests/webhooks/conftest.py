from collections.abc import AsyncIterator

import pytest

from eventstore.postgres.servers import Servers
from eventstore.postgres.watch import reachable
from eventstore.store import Store
from projections.database import store_at
from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
async def servers(database: str) -> AsyncIterator[Servers]:
    async with reachable(database) as servers:
        yield servers


@pytest.fixture
async def store(servers: Servers) -> AsyncIterator[Store]:
    async with store_at(servers, connections=20) as store:
        yield store


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver
