from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nats.js.client import JetStreamContext

from eventstore.store import Store
from projections.database import open_store
from tests.relay.broker import Broker, free_port


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database) as store:
        yield store


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    broker = Broker(free_port(), tmp_path)
    await broker.start()
    yield broker
    await broker.kill()


@pytest.fixture
async def js(broker: Broker) -> AsyncIterator[JetStreamContext]:
    client = await broker.connect()
    yield client.jetstream()
    await client.close()
