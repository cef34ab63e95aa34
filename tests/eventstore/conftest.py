import sys
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from eventstore.transact import Store
from projections.database import open_store

# The library's test cases import a cipher that those for recorders never use, and that needs a package we do without.
sys.modules.setdefault("eventsourcing.cipher", SimpleNamespace(AESCipher=None))  # type: ignore[arg-type]


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database, connections=20) as store:
        yield store
