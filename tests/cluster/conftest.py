from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from api.process.tables import migrate
from tests.cluster.nodes import Node, Pair, own_place, paired
from tests.eventstore.acts import until


@pytest.fixture(scope="session")
async def migrated_data() -> AsyncIterator[Path]:
    """The data directory of a server that was stopped, with a migrated database in it, to be copied."""
    with own_place() as place:
        node = Node(place / "template")
        node.cluster.make()
        await node.start()
        try:
            await migrate(node.dsn)
        finally:
            node.stop()
        yield node.cluster.data


@pytest.fixture
async def pair(migrated_data: Path) -> AsyncIterator[Pair]:
    with own_place() as place:
        pair = await paired(migrated_data, place)
        yield pair
        pair.standby.kill()
        pair.primary.kill()


@pytest.fixture
async def careful(pair: Pair) -> Pair:
    await pair.primary.set("synchronous_standby_names", "*")
    await until(lambda: pair.primary.ask("SELECT sync_state = 'sync' FROM pg_stat_replication"), "it is synchronous")
    return pair
