"""Puts rebuilt rows in the place of the live ones, and back again, while others read and write."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import asyncpg

from eventstore.postgres.connection import Connection
from eventstore.store import Store
from projections.models.figures import FIGURES
from projections.replay.build import THERE_IS
from projections.replay.catch_up import Tables, catch_up, catch_up_almost
from projections.replay.registry import Replay, find, live_ids, not_rebuilt, set_status
from projections.tables.projection import Projection
from projections.tables.schema import record_fingerprint

LOCK_TIMEOUT = "SET LOCAL lock_timeout = '300ms'"
ATTEMPTS = 60
PAUSE = 0.1  # seconds, after the first attempt; longer after each, up to
LONGEST_PAUSE = 2.0

OTHER_FORMERS = r"SELECT nspname FROM pg_namespace WHERE nspname LIKE 'former\_%' AND nspname <> $1"
TABLES_IN = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'"
MOVE_OUT = """
    WITH gone AS (
        DELETE FROM public.{name} WHERE id IN ({ids}) RETURNING {columns})
    INSERT INTO {target}.{name} ({columns}) SELECT {columns} FROM gone"""
KEEP = """
    INSERT INTO {schema}.{name} ({columns}) SELECT {columns} FROM public.{name} WHERE {owner} = ANY($1)
    ON CONFLICT DO NOTHING"""

Projections: TypeAlias = Sequence[Projection[Any]]


class ReplayStuckError(Exception):
    """Readers or writers held the live tables for too long to swap them."""


class NothingToRollBackError(Exception):
    """id: its former rows are gone."""

    def __str__(self) -> str:
        return "The former rows are gone: another replay was swapped since."


class _Move(NamedTuple):
    """What moves where, and the status afterwards. `keeps`: live rows that could not be rebuilt stay."""

    source: str
    target: str
    keeps: bool
    finish: Callable[[Connection], Awaitable[None]]


async def swap(store: Store, replay: Replay, *, keep: bool = True) -> None:
    """Makes the rebuilt rows the live ones, with every committed event; resumes a swap that was begun.

    `keep` stores the former rows for a rollback, and those that could not be rebuilt; not if columns may differ.
    """
    await set_status(store.pool, replay.id, "swapping")
    for (schema,) in await store.pool.fetch(OTHER_FORMERS, replay.former):
        # One by one: statements that were planned when these were live still lock several before they look again.
        for (table,) in await store.pool.fetch(TABLES_IN, schema):
            await store.pool.execute(f"DROP TABLE IF EXISTS {schema}.{table}")
        await store.pool.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")

    async def finish(connection: Connection) -> None:
        await connection.execute(f"DROP SCHEMA {replay.schema} CASCADE")
        if not keep:
            await connection.execute(f"DROP SCHEMA {replay.former} CASCADE")
        await set_status(connection, replay.id, "swapped")

    await _exchange(store, replay, _Move(replay.schema, replay.former, keep, finish))


async def roll_back(store: Store, replay: Replay) -> None:
    """Makes the former rows the live ones again, with all events since. Raises NothingToRollBackError."""
    if not await store.pool.fetchval(THERE_IS, replay.former):
        raise NothingToRollBackError(replay.id)
    await set_status(store.pool, replay.id, "rolling_back")

    async def finish(connection: Connection) -> None:
        await connection.execute(f"DROP SCHEMA {replay.former} CASCADE")
        await connection.execute(f"DROP SCHEMA {replay.schema} CASCADE")
        await set_status(connection, replay.id, "rolled_back")

    await _exchange(store, replay, _Move(replay.former, replay.schema, False, finish))


async def _exchange(store: Store, replay: Replay, move: _Move) -> None:
    """Exchanges single rows in one transaction, whole tables one by one.

    A transaction that waits for one table while it holds another could deadlock with readers that do the same.
    """
    await store.pool.execute(f"CREATE SCHEMA IF NOT EXISTS {move.target}")
    if not replay.is_whole:
        await _when_free(store, replay, move, replay.wanted, replay.wanted)
        return
    here = {row[0] for row in await store.pool.fetch(TABLES_IN, move.source)}
    # Figures last: live commands then compute them from orders that are rebuilt, too.
    left = sorted((p for p in replay.wanted if p.name in here), key=lambda projection: projection is FIGURES)
    for done, projection in enumerate(left):
        await _when_free(store, replay, move, left[done:], [projection])


async def _when_free(store: Store, replay: Replay, move: _Move, left: Projections, exchanged: Projections) -> None:
    """Catch up until little is left; then do the rest and exchange in one transaction, as soon as the table is free."""
    mode = "ACCESS EXCLUSIVE" if replay.is_whole else "SHARE ROW EXCLUSIVE"
    tables = ", ".join(f"public.{projection.name}" for projection in exchanged)
    for attempt in range(1, ATTEMPTS + 1):
        await catch_up_almost(store, replay.id, Tables(move.source, left))
        try:
            async with store.pool.acquire() as connection, connection.transaction():
                await connection.execute(LOCK_TIMEOUT)
                # A writer holds locks on the tables that its events change until it has committed: none is left.
                await connection.execute(f"LOCK TABLE {tables} IN {mode} MODE")
                current, head = await find(connection, replay.id), await store.log.head(connection)
                await catch_up(connection, store.log, current, Tables(move.source, left), head)
                for projection in exchanged:
                    await _move(connection, current, projection, move)
                if left == exchanged:
                    await move.finish(connection)
                return
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            await asyncio.sleep(min(PAUSE * attempt, LONGEST_PAUSE))
    raise ReplayStuckError


async def _move(connection: Connection, replay: Replay, projection: Projection[Any], move: _Move) -> None:
    name, columns = projection.name, ", ".join(column.name for column in projection.table.stored)
    names = {"name": name, "columns": columns, "owner": projection.owner}
    if move.keeps and (ids := (await not_rebuilt(connection, replay.id)).get(projection.part)):
        await connection.execute(KEEP.format(schema=move.source, **names), ids)
    if replay.is_whole:
        await connection.execute(f"ALTER TABLE public.{name} SET SCHEMA {move.target}")
        await connection.execute(f"ALTER TABLE {move.source}.{name} SET SCHEMA public")
    else:
        await connection.execute(f"CREATE TABLE IF NOT EXISTS {move.target}.{name} (LIKE public.{name} INCLUDING ALL)")
        await connection.execute(f"TRUNCATE {move.target}.{name}")
        theirs = live_ids(replay, projection, move.source)
        await connection.execute(MOVE_OUT.format(ids=theirs, target=move.target, **names))
        await connection.execute(f"INSERT INTO public.{name} ({columns}) SELECT {columns} FROM {move.source}.{name}")
    await record_fingerprint(connection, projection)
