"""Commit order equals position order: who reads by position misses nothing."""

import asyncio
import os
import random
import time
from itertools import pairwise

import asyncpg

from domain.event import Recorded
from eventstore.log.subscription import Subscription
from eventstore.store import Store
from tests.eventstore.acts import NOW, PATIENCE, a_writer_waits, append, break_append, facts, until

WRITERS = 16
SECONDS = float(os.environ.get("ORDER_TEST_SECONDS", "3"))
STORED = "SELECT notification_id FROM stored_events ORDER BY notification_id"


class Follower:
    """Writes down every position that it sees."""

    def __init__(self, store: Store) -> None:
        self.seen: list[int] = []
        self._subscription: Subscription[Recorded] = Subscription(
            store.pool,
            lambda after, limit: store.log.page(store.pool, after, limit),
            lambda recorded: recorded.position,
        )
        self._task = asyncio.create_task(self._follow())

    async def _follow(self) -> None:
        async with self._subscription:
            async for recorded in self._subscription:
                self.seen.append(recorded.position)

    async def up_to(self, position: int) -> None:
        async def arrived() -> bool:
            return self._task.done() or (bool(self.seen) and self.seen[-1] >= position)

        await until(arrived, f"the follower sees {position}")

    async def stop(self) -> None:
        self._subscription.stop()
        await asyncio.wait_for(self._task, PATIENCE)


class Writer:
    """Appends batches as fast as it can: some in a transaction that dawdles, some rolled back."""

    def __init__(self, number: int) -> None:
        self.acknowledged: list[int] = []
        self._number = number
        self._random = random.Random(number)
        self._batches = 0

    async def write(self, store: Store, until: float) -> None:
        async with store.pool.acquire() as connection:
            while time.monotonic() < until:
                self._batches += 1
                events = facts(self._number * 1_000_000 + self._batches, self._random.choice((1, 1, 1, 2, 5)))
                transaction = connection.transaction()
                await transaction.start()
                positions = await store.log.append(connection, events)
                if self._random.random() < 0.1:
                    await connection.execute("SELECT 1")
                if self._random.random() < 0.05:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    self.acknowledged += positions


def faults(acknowledged: list[int], stored: list[int], seen: list[int]) -> list[str]:
    """What is wrong with what a follower has seen."""
    return [
        *(f"acknowledged, not stored: {position}" for position in set(acknowledged) - set(stored)),
        *(f"stored, not acknowledged: {position}" for position in set(stored) - set(acknowledged)),
        *(f"skipped: {position}" for position in set(stored) - set(seen)),
        *(f"seen, never stored: {position}" for position in set(seen) - set(stored)),
        *(f"{later} seen after {earlier}" for earlier, later in pairwise(seen) if later <= earlier),
    ]


async def write_and_follow(store: Store, elsewhere: Store, seconds: float) -> tuple[list[int], list[str]]:
    """What all writers were told is written, and what was wrong with it."""
    follower = Follower(elsewhere)
    writers = [Writer(number) for number in range(1, WRITERS + 1)]
    deadline = time.monotonic() + seconds
    await asyncio.gather(*(writer.write(store, deadline) for writer in writers))
    acknowledged = [position for writer in writers for position in writer.acknowledged]
    await follower.up_to(max(acknowledged))
    await follower.stop()
    stored = [row[0] for row in await store.pool.fetch(STORED)]
    return acknowledged, faults(acknowledged, stored, follower.seen)


async def test_a_follower_of_sixteen_writers_sees_every_event_once_and_in_order(store: Store, elsewhere: Store) -> None:
    acknowledged, wrong = await write_and_follow(store, elsewhere, SECONDS)
    assert wrong == []
    assert len(acknowledged) > WRITERS * 10
    print(f"{WRITERS} writers: {len(acknowledged) / SECONDS:,.0f} events/s, none skipped")  # noqa: T201 - the figure


async def test_the_same_check_catches_an_append_without_the_lock(store: Store, elsewhere: Store) -> None:
    await break_append(store)
    deadline = time.monotonic() + PATIENCE
    wrong: list[str] = []
    while not wrong and time.monotonic() < deadline:
        await store.pool.execute("TRUNCATE stored_events RESTART IDENTITY")
        _acknowledged, wrong = await write_and_follow(store, elsewhere, 0.5)
    assert any(fault.startswith("skipped") for fault in wrong)


async def test_a_reader_waits_for_a_writer_in_the_middle_of_its_transaction(store: Store, elsewhere: Store) -> None:
    follower = Follower(elsewhere)
    await append(store, facts(1))
    await follower.up_to(1)
    async with store.pool.acquire() as slow, slow.transaction():
        held = await store.log.append(slow, facts(2, 3))
        others = [asyncio.create_task(append(store, facts(number))) for number in range(3, 6)]
        await a_writer_waits(store.pool)
        assert await elsewhere.log.page(elsewhere.pool, 1) == []
        assert not any(other.done() for other in others)
    rest = sorted(position for positions in await asyncio.gather(*others) for position in positions)
    assert held == [2, 3, 4]
    assert rest == [5, 6, 7]
    await follower.up_to(7)
    await follower.stop()
    assert follower.seen == [1, 2, 3, 4, 5, 6, 7]


async def test_without_the_lock_that_reader_skips(store: Store, elsewhere: Store) -> None:
    await break_append(store)
    follower = Follower(elsewhere)
    async with store.pool.acquire() as slow, slow.transaction():
        held = await store.log.append(slow, facts(1, 2))
        [overtaking] = await append(store, facts(2))
        await follower.up_to(overtaking)
    await append(store, facts(3))
    await follower.up_to(4)
    await follower.stop()
    assert faults([1, 2, 3, 4], [1, 2, 3, 4], follower.seen) == [f"skipped: {position}" for position in held]


async def test_a_writer_that_dies_in_the_middle_of_its_transaction_holds_nobody_up(store: Store, database: str) -> None:
    dying = await asyncpg.connect(database)
    await dying.execute("BEGIN")
    await store.log.append(dying, facts(1))
    waiting = asyncio.create_task(append(store, facts(1)))
    await a_writer_waits(store.pool)
    dying.terminate()
    assert await asyncio.wait_for(waiting, PATIENCE) == [2]


async def test_events_of_one_transaction_stand_together(store: Store) -> None:
    batches = await asyncio.gather(*(append(store, facts(number, 20)) for number in range(1, 41)))
    assert all(positions == list(range(positions[0], positions[0] + 20)) for positions in batches)


async def test_times_of_recording_are_in_order_of_position(store: Store) -> None:
    await asyncio.gather(*(append(store, facts(number)) for number in range(1, 101)))
    times = [recorded.recorded_at or NOW for recorded in await store.log.page(store.pool, 0)]
    assert times == sorted(times)
