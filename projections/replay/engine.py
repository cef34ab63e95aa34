"""A replay from beginning to end, one at a time in the whole store; and resuming one that was interrupted."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager, suppress
from typing import NamedTuple

import asyncpg

from eventstore.postgres.away import UNREACHABLE
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.exclusive import exclusive, is_held
from eventstore.store import Store
from projections.models import PROJECTIONS
from projections.replay import registry
from projections.replay.build import build_ranges, create_tables, index_tables, is_built
from projections.replay.catch_up import Tables, catch_up, catch_up_almost
from projections.replay.compare import TableReport, compare
from projections.replay.exchange import ReplayStuckError, roll_back, swap
from projections.replay.helpers import helpers
from projections.replay.registry import BUILDING, EXCHANGING, Replay, ReplayRequest, find, keep_report, set_status

LOOK_SECONDS = 0.2  # seconds between two checks for a cancellation
WORK = "custodiary replay"  # one at a time

Progress = Callable[[int, int], None]


class Workers(NamedTuple):
    """The number of processes that fold, this one included; the others connect by the dsn."""

    processes: int = 1
    dsn: str = ""


ALONE = Workers()


class ReplayRunningError(Exception):
    """One replay at a time."""


class NotReadyError(Exception):
    """status: the replay is in a status that does not allow this."""

    def __str__(self) -> str:
        return f"That cannot be done with a replay that is {self.args[0].replace('_', ' ')}."


def unseen(_done: int, _total: int) -> None:
    """Ignores progress."""


async def replay(store: Store, names: Collection[str] = (), progress: Progress = unseen) -> int:
    """Rebuild these read models, or all, while others read and write, whatever columns the live ones have.

    Returns the position that they were rebuilt up to. A live table is left alone until its successor is ready.
    """
    wanted = tuple(p.name for p in PROJECTIONS if not names or p.name in names)
    id_ = await begin(store, ReplayRequest(projections=wanted, started_by="migrate"))
    async with alone(store.pool) as connection:
        await _make_way(store, connection, id_)
        await _build(store, await find(connection, id_), progress)
        await swap(store, await find(connection, id_), keep=False)
        return (await find(connection, id_)).position


async def begin(store: Store, asked: ReplayRequest) -> int:
    """The id of the replay to run: an interrupted one of the same kind, or a new one. Raises ReplayRunningError."""
    async with alone(store.pool) as connection:
        return await registry.interrupted(connection, asked) or await registry.start(connection, asked)


async def resume(store: Store) -> None:
    """Resume the replay that was interrupted, if there is one. Raises as `run`."""
    async with alone(store.pool) as connection:
        unfinished = await registry.unfinished(connection)
    if unfinished:
        await run(store, unfinished[-1].id)


async def _make_way(store: Store, connection: Connection, id_: int) -> None:
    """Gives up other replays that were interrupted, or completes their swap."""
    for other in await registry.unfinished(connection):
        if other.id == id_:
            continue
        if other.status in EXCHANGING:
            await _finish(store, other)
        else:
            await _drop(connection, other.id, "failed", "It was interrupted, and then another replay was started.")


async def run(store: Store, id_: int, progress: Progress = unseen, *, dsn: str = "", workers: int = 1) -> Replay:
    """Build, compare, and swap if that is asked for. If it is cancelled, here or elsewhere, it leaves no trace.

    Processes beside this one, for more `workers`, reach the store by the `dsn`. Raises ReplayRunningError,
    ReplayStuckError. If its process or connection ends, the replay can be resumed.
    """
    async with alone(store.pool) as connection:
        await _make_way(store, connection, id_)
        work = asyncio.create_task(_run(store, id_, progress, Workers(workers, dsn)))
        watch = asyncio.create_task(_watch(store.pool, id_, work))
        try:
            await work
        except asyncio.CancelledError:
            if (await find(connection, id_)).status not in EXCHANGING:  # it can be resumed
                await _drop(connection, id_, "cancelled")
            if not (await find(connection, id_)).is_to_end:
                raise
        except (ReplayStuckError, *UNREACHABLE):
            raise
        except Exception as error:
            await _drop(connection, id_, "failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            watch.cancel()
            work.cancel()
        return await find(connection, id_)


async def _run(store: Store, id_: int, progress: Progress, workers: Workers) -> None:
    current = await find(store.pool, id_)
    if current.status in EXCHANGING:
        await _finish(store, current)
    if current.status in BUILDING:
        await set_status(store.pool, id_, "building")
        await _build(store, current, progress, workers)
        await set_status(store.pool, id_, "comparing")
        report = await _compare(store, id_)
        await keep_report(store.pool, id_, report)
        await set_status(store.pool, id_, "ready")
        is_equal = all(table.is_equal for table in report.values()) and not await registry.poison_of(store.pool, id_)
        if current.swap == "always" or (current.swap == "equal" and is_equal):
            await swap(store, await find(store.pool, id_))


async def _build(store: Store, current: Replay, progress: Progress, workers: Workers = ALONE) -> None:
    async def report() -> None:
        progress((await find(store.pool, current.id)).done, current.total)

    async with store.pool.acquire() as connection:
        await create_tables(connection, current)
    async with helpers(workers.dsn, current.id, workers.processes - 1):
        await build_ranges(store, current, report)
        while not await is_built(store.pool, current):
            await build_ranges(store, current, report)
    await index_tables(store.pool, current, workers.processes)
    progress(current.total, current.total)


async def _compare(store: Store, id_: int) -> dict[str, TableReport]:
    """Compares, and again if somebody was erased meanwhile, in the rebuilt rows too."""
    while True:
        with suppress(asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
            return await _compare_once(store, await find(store.pool, id_))


async def _compare_once(store: Store, current: Replay) -> dict[str, TableReport]:
    """Compares in one snapshot: the live rows are at the last visible event, and the rebuilt ones are brought there."""
    tables = Tables(current.schema, current.wanted)
    await catch_up_almost(store, current.id, tables)
    async with store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        current = await find(connection, current.id)
        changed = await catch_up(connection, store.log, current, tables, await store.log.head(connection))
        return await compare(connection, current, None if changed else store.pool)


async def _finish(store: Store, current: Replay) -> None:
    """Completes a swap that was interrupted between two tables."""
    await (swap if current.status == "swapping" else roll_back)(store, current)


async def swap_ready(store: Store, id_: int) -> Replay:
    """Raises NotReadyError, ReplayRunningError, ReplayStuckError."""
    async with alone(store.pool) as connection:
        current = await find(connection, id_)
        if current.status != "ready":
            raise NotReadyError(current.status)
        await swap(store, current)
        return await find(connection, id_)


async def roll_back_swapped(store: Store, id_: int) -> Replay:
    """Raises NotReadyError, NothingToRollBackError, ReplayRunningError, ReplayStuckError."""
    async with alone(store.pool) as connection:
        current = await find(connection, id_)
        if current.status != "swapped":
            raise NotReadyError(current.status)
        await roll_back(store, current)
        return await find(connection, id_)


async def cancel(pool: asyncpg.Pool, id_: int) -> Replay:
    """Makes the process that runs it end it; ends it here if none does. Raises NotReadyError."""
    current = await find(pool, id_)
    if current.status not in (*BUILDING, "ready"):
        raise NotReadyError(current.status)
    await registry.ask_to_end(pool, id_)
    with suppress(ReplayRunningError):
        async with alone(pool) as connection:
            if (await find(connection, id_)).status in (*BUILDING, "ready"):
                await _drop(connection, id_, "cancelled")
    return await find(pool, id_)


def alone(pool: asyncpg.Pool) -> AbstractAsyncContextManager[Connection]:
    """A connection that replays alone. Raises ReplayRunningError."""
    return exclusive(pool, WORK, ReplayRunningError)


async def is_running(on: Executor) -> bool:
    """Whether any process runs a replay now."""
    return await is_held(on, WORK)


async def _watch(pool: asyncpg.Pool, id_: int, work: asyncio.Task[None]) -> None:
    """Ends the work as soon as a cancellation is requested."""
    with suppress(*UNREACHABLE):  # the work meets the same error, and raises it
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if (await find(pool, id_)).is_to_end:
                work.cancel()
                return


async def _drop(connection: Connection, id_: int, status: registry.Status, error: str | None = None) -> None:
    async with connection.transaction():
        await connection.execute(f"DROP SCHEMA IF EXISTS {(await find(connection, id_)).schema} CASCADE")
        await set_status(connection, id_, status, error)
