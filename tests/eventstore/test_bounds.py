"""How much may be under way, who is turned away, what holds commands up, and what they leave behind in a session."""

import asyncio

import pytest

from domain.event import Stream
from domain.label import LABEL, CreateLabel, RenameLabel
from eventstore.postgres.sessions import SESSION
from eventstore.store import Overloaded, Store, Unit
from projections.database import open_store
from tests.eventstore.acts import (
    BY,
    PATIENCE,
    a_writer_waits,
    count,
    do,
    facts,
    register,
    rename,
    until,
)
from tests.eventstore.arriving import (
    LATECOMER,
    arriving_together,
    label,
    so_many_wait,
    transactions,
)

WAITS_FOR_A_ROW = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND (wait_event_type, wait_event) = ('Lock', 'transactionid'))"""
HELD = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory'"""


async def test_beyond_a_bound_commands_are_turned_away_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore.store.MAX_COMMANDS", 20)
    async with arriving_together(store) as start:
        start(*(label(store, id_) for id_ in range(1, 20)))
        await so_many_wait(store, 19)
        with pytest.raises(Overloaded):
            await label(store, 20)
    await label(store, 20)
    assert await count(store.pool, "labels WHERE id < 100") == 20


async def test_a_batch_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore.commit.queue.MAX_COMMANDS", 10)
    async with arriving_together(store) as start:
        start(*(label(store, id_) for id_ in range(1, 31)))
    assert await transactions(store, *(Stream("label", id_) for id_ in range(1, 31))) == 3


async def test_a_store_that_is_closed_has_written_everything(store: Store, database: str) -> None:
    opening = open_store(database)
    closing = await opening.__aenter__()
    async with store.pool.acquire() as slow, slow.transaction():
        await store.log.append(slow, facts(LATECOMER))
        tasks = [asyncio.ensure_future(label(closing, id_)) for id_ in range(1, 31)]
        await a_writer_waits(store.pool)
        end = asyncio.ensure_future(opening.__aexit__(None, None, None))
    await asyncio.wait_for(end, PATIENCE)
    assert [task.exception() for task in tasks if task.done()] == [None] * 30
    assert await count(store.pool, "labels") == 30


async def test_a_store_is_closed_without_what_nobody_waits_for_any_more(store: Store) -> None:
    async with store.pool.acquire() as slow, slow.transaction():
        await store.log.append(slow, facts(LATECOMER))
        abandoned = asyncio.ensure_future(label(store, 1))
        await a_writer_waits(store.pool)
        abandoned.cancel()
        await asyncio.wait({abandoned})
        await asyncio.wait_for(store.aclose(), PATIENCE)
    assert await count(store.pool, "labels") == 0
    assert await count(store.pool, "stored_events") == 1


async def test_vacuum_and_analyze_do_not_hold_up_commands(store: Store) -> None:
    async with store.pool.acquire() as vacuum, vacuum.transaction():
        await vacuum.execute("LOCK TABLE stored_events, claims, labels IN SHARE UPDATE EXCLUSIVE MODE")
        await asyncio.wait_for(label(store, 1), PATIENCE)
    assert await count(store.pool, "stored_events") == 1


async def test_an_idle_transaction_delays_commands_and_loses_none(store: Store) -> None:
    async with store.pool.acquire() as idle, idle.transaction():
        await store.log.append(idle, facts(LATECOMER))
        tasks = [asyncio.ensure_future(label(store, id_)) for id_ in range(1, 51)]
        await a_writer_waits(store.pool)
        assert not any(task.done() for task in tasks)
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
    assert await count(store.pool, "stored_events") == 51


async def test_nothing_leaks_from_one_transaction_into_the_next(store: Store) -> None:
    """The pool resets nothing: whatever failed, its connections are as new."""
    customer_id = await register(store, "ada@example.com")
    tasks = [rename(store, customer_id, f"Ada {number}") for number in range(20)]
    await asyncio.gather(*tasks, *(register(store, "ada@example.com") for _ in range(20)), return_exceptions=True)
    connections = [await store.pool.acquire() for _ in range(store.pool.get_size())]
    try:
        for connection in connections:
            assert await connection.fetchval("SHOW search_path") == SESSION["search_path"]
            assert not connection.is_in_transaction()
        assert await connections[0].fetchval(HELD) == 0
    finally:
        for connection in connections:
            await store.pool.release(connection)


async def waits_for_a_row(store: Store) -> bool:
    waits: bool = await store.pool.fetchval(WAITS_FOR_A_ROW)
    return waits


async def test_a_large_command_does_not_hold_up_small_ones(store: Store) -> None:
    large, small = range(1_000, 1_200), range(1, 31)

    async def create_many(unit: Unit) -> None:
        for id_ in large:
            await unit.decide(LABEL, id_, CreateLabel(value=f"label {id_}"))

    async with store.pool.acquire() as slow, slow.transaction():
        await slow.execute("INSERT INTO claims VALUES ('label', 'label 1100', gen_random_uuid())")
        held_up = asyncio.ensure_future(store.transact(BY, create_many))
        await until(lambda: waits_for_a_row(store), "the large one waits")
        after_it = asyncio.ensure_future(do(store, LABEL, 1_001, RenameLabel(value="another")))
        await asyncio.wait_for(asyncio.gather(*(label(store, id_) for id_ in small)), PATIENCE)
        assert not held_up.done()
        assert not after_it.done()
        await slow.execute("DELETE FROM claims WHERE value = 'label 1100'")
    await asyncio.wait_for(held_up, PATIENCE)
    await asyncio.wait_for(after_it, PATIENCE)
    assert await count(store.pool, "labels WHERE value <> 'another'") == len(large) - 1 + len(small)
