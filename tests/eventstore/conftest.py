import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from eventstore.chain.signer import sign_new
from eventstore.store import Store
from projections.database import open_store
from tests.eventstore.acts import append, facts
from tests.eventstore.audited import KEY

# The library's test cases import a cipher that those for recorders never use, and that needs a package we do without.
sys.modules.setdefault("eventsourcing.cipher", SimpleNamespace(AESCipher=None))  # type: ignore[arg-type]


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database, connections=20) as store:
        yield store


@pytest.fixture
async def elsewhere(database: str) -> AsyncIterator[Store]:
    """Another process, in all that matters here."""
    async with open_store(database, connections=4) as store:
        yield store


@pytest.fixture
async def log(store: Store) -> Store:
    """Positions 1 to 9: three labels with three versions each, in turn."""
    for version in range(3):
        await append(store, [fact for number in (1, 2, 3) for fact in facts(number, after=version)])
    return store


@pytest.fixture
async def signed(log: Store) -> Store:
    await sign_new(log.pool, KEY)
    return log
