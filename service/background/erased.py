"""Whose keys were destroyed, in a list beside the master key: a backup from before must not bring them back.

A line for each says when, by PostgreSQL's clock, in which store, and which stream. There is nothing of a person in it.
"""

import logging
import os
import re
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from eventstore.backup.tables import store_id
from eventstore.embedded.server import open_private
from eventstore.store import Store
from service.background.every import regularly

logger = logging.getLogger("custodiary.erased")

EVERY = 10.0  # seconds
SINCE = "SELECT originator_id, destroyed_at FROM stream_keys WHERE destroyed_at > $1 ORDER BY destroyed_at"
# Looked at again for a while: a transaction may take so long from destroying a key to its commit.
LOOK_BACK = timedelta(minutes=10)
LINE = re.compile(r"^(\S+) (\S+) ([0-9a-f-]{36})$", re.MULTILINE)
NEVER = datetime(2000, 1, 1, tzinfo=UTC)


def noting(store: Store, every: float = EVERY) -> AbstractAsyncContextManager[None]:
    """Notes erasures in the background, until the end of the block."""
    file = store.log.sealing.masters.file
    return regularly(every, lambda: note(store.pool, file), logger, "who was erased could not be noted")


def beside(master_keys: Path) -> Path:
    return master_keys.with_suffix(".erased")


async def note(on: asyncpg.Pool, master_keys: Path | None) -> None:
    """Whoever is not in the list yet. There is none where the master key is in no file, or nothing can be written."""
    if master_keys is None or not os.access(master_keys.parent, os.W_OK):
        return
    store = await store_id(on)
    known = noted(master_keys, store)
    rows = await on.fetch(SINCE, max(known.values(), default=NEVER) - LOOK_BACK)
    lines = [f"{at.isoformat()} {store} {id_}\n" for id_, at in rows if known.get(id_) != at]
    if lines:
        with os.fdopen(open_private(beside(master_keys), os.O_WRONLY | os.O_APPEND), "w") as file:
            file.write("\n" + "".join(lines))  # the last one may have been cut off
            file.flush()
            os.fsync(file.fileno())


def noted(master_keys: Path | None, store: str) -> dict[UUID, datetime]:
    """When each stream's key was destroyed last, of a store."""
    if master_keys is None or not (file := beside(master_keys)).exists():
        return {}
    lines = LINE.findall(file.read_text("ascii"))
    return {UUID(id_): datetime.fromisoformat(at) for at, whose, id_ in lines if whose == store}
