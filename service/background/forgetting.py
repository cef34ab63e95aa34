"""What other processes erase is forgotten in this one's memory, too, within seconds."""

import logging
from contextlib import AbstractAsyncContextManager

from eventstore.postgres.stream_ids import from_uuid
from eventstore.store import Store
from service.background.every import regularly

logger = logging.getLogger("custodiary.forgetting")

EVERY = 10.0  # seconds
# Looked at again for a while: a transaction may take so long from destroying a key to its commit.
DESTROYED = """
    SELECT originator_id FROM stream_keys WHERE destroyed_at > clock_timestamp() - make_interval(secs => $1)"""
LOOK_BACK = 600.0


def forgetting(store: Store, every: float = EVERY) -> AbstractAsyncContextManager[None]:
    """Looks in the background, until the end of the block.

    What is remembered of an erased stream is never shown, because it is verified before; but it need not stay either.
    """
    return regularly(every, lambda: forget(store), logger, "what was erased could not be looked up")


async def forget(store: Store) -> None:
    """Streams whose keys were destroyed lately."""
    if rows := await store.pool.fetch(DESTROYED, LOOK_BACK):
        store.forget(from_uuid(row[0]) for row in rows)
