"""Building read models in a schema of their own: fold, load, index. Any number of connections may fold at once."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import asyncpg

from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.store import Store
from projections.fold.fold import Folded, fold_range, fold_some
from projections.fold.ranges import Range
from projections.fold.stats import figures_in_range, figures_of
from projections.replay.registry import Replay, keep_poison
from projections.tables.projection import Part, Projection

CLAIM = """
    SELECT part, low, high FROM replay_ranges WHERE replay_id = $1 AND events IS NULL
    ORDER BY part, low LIMIT $2 FOR UPDATE SKIP LOCKED"""
# What several ranges come from is counted with the first.
BUILT = """
    UPDATE replay_ranges SET events = CASE low WHEN $3[1] THEN $4 ELSE 0 END, built_at = clock_timestamp()
    WHERE replay_id = $1 AND part = $2 AND low = ANY($3::bigint[])"""
# Rows that are lost with the server are built again.
LATER = "SET LOCAL synchronous_commit = off"
THERE_IS = "SELECT to_regnamespace($1) IS NOT NULL"
LEFT = "SELECT 1 FROM replay_ranges WHERE replay_id = $1 AND events IS NULL LIMIT 1 FOR UPDATE"
# Memory for sorting, for the indexes of millions of rows. Parallel workers of one statement take a third more processor
# time than a second statement beside it.
INDEXING = f"{LATER}; SET LOCAL maintenance_work_mem = '128MB'; SET LOCAL max_parallel_maintenance_workers = 0"

# PostgreSQL reads and writes for one while the other computes.
AT_ONCE = 2
MOST = 6  # of a pool that others use too
AT_A_TIME = 500  # customers, of those who are folded by their ids

# An index or a key of a replay that was interrupted here.
THERE_ALREADY = (asyncpg.DuplicateTableError, asyncpg.InvalidTableDefinitionError)

OnRange = Callable[[], Awaitable[None]]


async def create_tables(connection: Connection, replay: Replay) -> None:
    """Makes the tables, empty and without indexes, unless they exist."""
    async with connection.transaction():
        if await connection.fetchval(THERE_IS, replay.schema):
            return
        await connection.execute(f"CREATE SCHEMA {replay.schema}")
        await enter(connection, replay.schema)
        for projection in replay.wanted:
            await connection.execute(projection.table.create)


async def build_ranges(store: Store, replay: Replay, on_range: OnRange) -> None:
    """Fold and load every range that no other process has taken."""
    # Nothing that is made here is in a cycle, and looking for cycles in it costs a tenth.
    gc.disable()
    try:
        await at_once(lambda: _build_ranges(store, replay, on_range))
    finally:
        gc.enable()


async def _build_ranges(store: Store, replay: Replay, on_range: OnRange) -> None:
    async with store.pool.acquire() as connection:
        while await _build_range(connection, store.log, replay):
            await on_range()


async def _build_range(connection: Connection, log: Log, replay: Replay) -> bool:
    """Builds ranges and records that in one transaction: a range is built completely or not at all."""
    async with connection.transaction():
        await connection.execute(LATER)
        # A customer who has changed since a position is a range: many in one go.
        many = 1 if replay.since is None else AT_A_TIME
        claimed = [Range(*each) for each in await connection.fetch(CLAIM, replay.id, many)]
        if not claimed:
            return False
        folded = await _fold(connection, log, replay, claimed)
        await load(connection, replay.wanted, folded, replay.schema)
        await keep_poison(connection, replay.id, folded.poison)
        await connection.execute(BUILT, replay.id, claimed[0].part, [ids.low for ids in claimed], folded.events)
        return True


async def _fold(connection: Connection, log: Log, replay: Replay, claimed: Sequence[Range]) -> Folded:
    if replay.since is not None:
        return await fold_ids(connection, log, replay, "customer", [ids.low for ids in claimed], until=replay.until)
    fold = figures_in_range if replay.is_of_figures else fold_range
    return await fold(connection, log, claimed[0], replay.until)


async def fold_ids(
    connection: Connection, log: Log, replay: Replay, part: Part, ids: Collection[int], *, until: int
) -> Folded:
    if replay.is_of_figures:
        return await figures_of(connection, log, ids, until)
    return await fold_some(connection, log, part, ids, until)


async def load(connection: Connection, built: Iterable[Projection[Any]], folded: Folded, schema: str) -> None:
    for projection in built:
        if rows := folded.rows.get(projection.name):
            await projection.table.copy(connection, rows.values(), schema)


async def is_built(pool: asyncpg.Pool, replay: Replay) -> bool:
    """Waits for ranges that other processes have taken, until these are built or given up."""
    return await pool.fetchval(LEFT, replay.id) is None


async def index_tables(pool: asyncpg.Pool, replay: Replay, workers: int) -> None:
    tables = {f"{replay.schema}.{projection.name}": projection.table for projection in replay.wanted}
    steps = [
        # Marks the pages that all can see, without which counting reads the table and not an index; first, because
        # later it would read all indexes too.
        [f"VACUUM {name}" for name in tables],
        # They need an exclusive lock on their table.
        [table.index[0] for table in tables.values()],
        # An ANALYZE waits for statements on its table, and so sees all indexes.
        # Rows that are moved, and not swapped with their table, are found by their keys.
        [statement for table in tables.values() for statement in table.index[1:] if replay.is_whole]
        + [f"ANALYZE {name}" for name in tables],
    ]
    for statements in steps:
        await at_once(partial(_execute, pool, replay.schema, iter(statements)), min(AT_ONCE * workers, MOST))


async def _execute(pool: asyncpg.Pool, schema: str, statements: Iterable[str]) -> None:
    async with pool.acquire() as connection:
        for statement in statements:
            if statement.startswith("VACUUM"):  # in no transaction
                await connection.execute(statement)
                continue
            with suppress(*THERE_ALREADY):
                async with connection.transaction():
                    await enter(connection, schema)
                    await connection.execute(INDEXING)
                    await connection.execute(statement)


async def at_once(work: Callable[[], Coroutine[Any, Any, None]], count: int = AT_ONCE) -> None:
    """Runs jobs on several connections; the first failure ends all, and is raised."""
    try:
        async with asyncio.TaskGroup() as loops:
            for _ in range(count):
                loops.create_task(work())
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from failures


async def enter(connection: Connection, schema: str) -> None:
    """Makes tables of this schema come before others of the same name, for the rest of the transaction."""
    await connection.execute(f"SET LOCAL search_path = {schema}, public")
