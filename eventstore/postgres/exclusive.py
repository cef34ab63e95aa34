"""Work that one process at a time does, of all that share the store; a process that dies has ended it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from eventstore.postgres.away import UNREACHABLE
from eventstore.postgres.connection import Connection, Executor

LOCK = "SELECT pg_try_advisory_lock(hashtext($1))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext($1))"
IS_HELD = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1 AND granted
            AND (classid::bigint << 32 | objid::bigint) = hashtext($1)::bigint)"""


@asynccontextmanager
async def exclusive(pool: asyncpg.Pool, work: str, otherwise: type[Exception]) -> AsyncIterator[Connection]:
    """A connection that holds the lock of this work until the end of the block. Raises `otherwise` if another does."""
    async with pool.acquire() as connection:
        if not await connection.fetchval(LOCK, work):
            raise otherwise
        try:
            yield connection
        finally:
            with suppress(*UNREACHABLE):
                await connection.fetchval(UNLOCK, work)


async def is_held(on: Executor, work: str) -> bool:
    """Whether any process does this work now."""
    held: bool = await on.fetchval(IS_HELD, work)
    return held
