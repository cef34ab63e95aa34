"""Replays that end early: killed, cancelled, overtaken; and how they are gone on with."""

import asyncio
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from eventstore.store import Store
from projections.database import open_store
from projections.replay import build, engine, registry
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.tables.swap import Swap
from tests.eventstore.acts import PATIENCE, until
from tests.projections.history import History
from tests.projections.replays import SCHEMAS, asked, made, shop
from tests.projections.rows import folded, live

HOLD_RANGES = """
    SELECT FROM replay_ranges WHERE (part, low) IN (SELECT part, low FROM replay_ranges ORDER BY part, low OFFSET $1)
    FOR UPDATE"""
RUN = (
    "import sys, asyncio; from tests.projections.test_replay_ends import run_here; asyncio.run(run_here(*sys.argv[1:]))"
)
# How far a replay is, as a number that only grows.
STAGE = """
    SELECT coalesce(max(CASE status WHEN 'building' THEN built WHEN 'comparing' THEN 100 WHEN 'ready' THEN 101
        WHEN 'swapping' THEN 102 ELSE 103 END), 0)
    FROM replays CROSS JOIN LATERAL (
        SELECT count(events) AS built FROM replay_ranges WHERE replay_id = replays.id) AS ranges"""


async def kill_when(store: Store, database: str, reached: Callable[[], Awaitable[Any]], swap: Swap = "always") -> None:
    """A process that replays, killed as soon as something is so."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, database, swap)
    try:
        await until(reached, "the replay gets there")
    finally:
        process.send_signal(signal.SIGKILL)
        await asyncio.wait_for(process.wait(), PATIENCE)
    await until(lambda: not_running(store), "its connections are gone")


async def not_running(store: Store) -> bool:
    return not await engine.is_running(store.pool)


async def run_here(database: str, swap: Swap) -> None:
    async with open_store(database) as store:
        await made(store, asked(swap))


@pytest.mark.parametrize("ranges", [1, 4])
async def test_a_replay_that_is_killed_while_it_folds_goes_on_where_it_was(
    store: Store, database: str, ranges: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await History(store, 22).live(150)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    id_ = await many_ranges(store, monkeypatch)
    built = "SELECT count(*) >= $1 FROM replay_ranges WHERE events IS NOT NULL"
    async with held_ranges(store, database, ranges):
        await kill_when(store, database, lambda: store.pool.fetchval(built, ranges))
    assert await store.pool.fetchval("SELECT count(*) FROM replay_ranges WHERE events IS NOT NULL") == ranges
    assert await engine.begin(store, asked("always")) == id_
    assert (await engine.run(store, id_)).status == "swapped"
    assert await live(store) == await folded(store)


async def many_ranges(store: Store, monkeypatch: pytest.MonkeyPatch) -> int:
    """An interrupted replay with a range for each few events."""
    monkeypatch.setattr("projections.fold.ranges.split.__defaults__", (20,))
    return await engine.begin(store, asked("always"))


class held_ranges:  # noqa: N801 - a context manager, used like a function
    """All ranges but the first few are somebody else's, so that a replay stops after those."""

    def __init__(self, store: Store, database: str, free: int) -> None:
        self._store, self._database, self._free = store, database, free

    async def __aenter__(self) -> None:
        self._connection = await asyncpg.connect(self._database)
        self._transaction = self._connection.transaction()
        await self._transaction.start()
        await self._connection.execute(HOLD_RANGES, self._free)

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


async def test_a_replay_that_is_killed_while_it_swaps_is_completed_by_the_next(store: Store, database: str) -> None:
    await History(store, 23).live(100)
    await store.pool.execute("UPDATE orders SET total_paid = total_paid + 1")
    reader = await asyncpg.connect(database)
    swapped = "SELECT to_regclass('former_1.customers') IS NOT NULL"
    async with reader.transaction():
        await reader.execute("SELECT FROM addresses")  # customers and orders are swapped before
        await kill_when(store, database, lambda: store.pool.fetchval(swapped))
    await reader.close()
    assert (await registry.find(store.pool, 1)).status == "swapping"
    await History(store, 24, "then-").live(20)
    await engine.resume(store)
    assert (await registry.find(store.pool, 1)).status == "swapped"
    assert await live(store) == await folded(store)
    await engine.roll_back_swapped(store, 1)
    await made(store, asked("always"))
    assert await live(store) == await folded(store)


async def test_a_replay_is_cancelled_from_elsewhere_and_leaves_no_trace(store: Store, database: str) -> None:
    await shop(store)
    before = await live(store)
    id_ = await engine.begin(store, asked("always"))
    async with held_ranges(store, database, 0):
        running = asyncio.create_task(engine.run(store, id_))
        await until(lambda: engine.is_running(store.pool), "it runs")
        await engine.cancel(store.pool, id_)
        assert (await asyncio.wait_for(running, PATIENCE)).status == "cancelled"
    assert await store.pool.fetchval(SCHEMAS) is None
    assert await live(store) == before
    with pytest.raises(NotReadyError, match="cancelled"):
        await engine.cancel(store.pool, id_)


async def test_one_that_waits_to_be_swapped_is_cancelled_too(store: Store) -> None:
    await shop(store)
    replay = await made(store, asked())
    assert (await engine.cancel(store.pool, replay.id)).status == "cancelled"
    assert await store.pool.fetchval(SCHEMAS) is None


async def test_another_replay_gives_up_one_that_was_interrupted(store: Store) -> None:
    await shop(store)
    first = await engine.begin(store, asked("always"))
    assert (await made(store, asked("never"))).status == "ready"
    assert (await registry.find(store.pool, first)).status == "failed"


async def test_two_replays_do_not_run_at_once(store: Store, database: str) -> None:
    await shop(store)
    id_ = await engine.begin(store, asked())
    async with held_ranges(store, database, 0):
        running = asyncio.create_task(engine.run(store, id_))
        await until(lambda: engine.is_running(store.pool), "it runs")
        with pytest.raises(ReplayRunningError):
            await engine.begin(store, asked())
    assert (await asyncio.wait_for(running, PATIENCE)).status == "ready"


async def test_other_processes_help(store: Store, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await History(store, 25).live(150)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    id_ = await many_ranges(store, monkeypatch)

    async def none(*_: object) -> None:
        """All of it is left to the others."""

    monkeypatch.setattr(build, "_build_ranges", none)
    replay = await asyncio.wait_for(engine.run(store, id_, dsn=database, workers=3), PATIENCE)
    assert replay.status == "swapped"
    assert await live(store) == await folded(store)


@pytest.mark.parametrize("seed", range(4))
async def test_wherever_a_replay_is_killed_beside_writers_the_next_one_gives_what_the_events_give(
    store: Store, database: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    await History(store, 30 + seed).live(100)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    await many_ranges(store, monkeypatch)
    stopped = asyncio.Event()

    async def write(name: str) -> None:
        history = History(store, seed, name)
        while not stopped.is_set():
            await history.act()

    async with asyncio.TaskGroup() as writers:
        for name in ("a-", "b-", "c-"):
            writers.create_task(write(name))
        for stage in (chance.randrange(1, 6), chance.choice((100, 101, 102)), chance.choice((102, 103))):
            await kill_when(store, database, lambda stage=stage: reached(store, stage))  # type: ignore[misc]
        await engine.resume(store)
        await made(store, asked("always"))
        stopped.set()
    assert await live(store) == await folded(store)


async def reached(store: Store, stage: int) -> bool:
    at: int = await store.pool.fetchval(STAGE)
    return at >= stage
