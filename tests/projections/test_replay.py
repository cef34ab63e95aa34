"""A replay gives what live writing gave, beside readers and writers, or leaves everything alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from api.process.tables import migrate
from domain.address import AddAddress, AddressDetails, RemoveAddress
from domain.customer import CUSTOMER
from domain.events import EVENTS
from eventstore.log.codec import Codec
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor
from eventstore.sealing.master_keys import MasterKeys
from eventstore.sealing.payloads import Sealing
from eventstore.store import Store
from projections.database import open_store
from projections.live.projector import ReadModels
from projections.models import PROJECTIONS
from projections.replay.engine import ReplayRunningError, replay
from projections.replay.exchange import ReplayStuckError
from tests.eventstore.acts import (
    PATIENCE,
    add_user,
    attach,
    count,
    detach,
    do,
    erase,
    place,
    register,
    transfer,
    until,
)
from tests.projections.history import History
from tests.projections.rows import folded, live, row, strayed

SWAP_WAITS = """
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND NOT granted AND mode = 'AccessExclusiveLock'"""
OLD = 20
OLD_ORDERS = """
    SELECT count(*) FROM orders o JOIN customers c ON c.id = o.customer_id JOIN figures f ON f.id = c.id
    WHERE c.email LIKE 'old%' AND f.ltv = 1000"""
TAGS = "SELECT DISTINCT split_part(topic, '#', 1) FROM stored_events"


@pytest.mark.parametrize("seed", [1, 2])
async def test_replay_equals_live_for_any_history(store: Store, seed: int) -> None:
    history = History(store, seed)
    await history.live(450)
    written = await live(store)
    assert written == await folded(store)
    assert history.accepted > 150
    assert await strayed(store) == []
    assert {row[0] for row in await store.pool.fetch(TAGS)} == {str(event.__struct_config__.tag) for event in EVENTS}
    assert await replay(store) == await store.log.head(store.pool)
    assert await live(store) == written
    assert await strayed(store) == []


async def test_live_goes_on_from_what_a_replay_made(store: Store) -> None:
    history = History(store, 3)
    for _ in range(3):
        await history.live(60)
        await replay(store)
    await history.live(60)
    assert await live(store) == await folded(store)


async def test_a_replay_of_an_empty_log_leaves_empty_tables(store: Store) -> None:
    assert await replay(store) == 0
    assert await live(store) == {projection.name: {} for projection in PROJECTIONS}


async def test_a_replay_repairs_rows_that_somebody_has_changed_removed_or_made_up(store: Store) -> None:
    await corrupt(store)
    await replay(store)
    assert await live(store) == await folded(store)


async def corrupt(store: Store) -> None:
    ids = [await register(store, f"{number}@example.com") for number in range(3)]
    for id_ in ids:
        await place(store, id_)
    await store.pool.execute("UPDATE customers SET first_name = 'Eve' WHERE id = $1", ids[0])
    await store.pool.execute("UPDATE figures SET ltv = 7 WHERE id = $1", ids[0])
    await store.pool.execute("DELETE FROM customers WHERE id = $1", ids[1])
    await store.pool.execute("UPDATE orders SET total_paid = 1")
    await store.pool.execute("INSERT INTO labels VALUES (99, 'nonsense', now(), now())")


async def test_a_replay_of_one_projection_leaves_the_others_alone(store: Store) -> None:
    await corrupt(store)
    before, true = await live(store), await folded(store)
    await replay(store, ["customers"])
    assert await live(store) == before | {"customers": true["customers"]}
    await replay(store, ["orders", "figures", "labels"])
    assert await live(store) == true


async def test_progress_ends_at_the_head_of_the_log(store: Store) -> None:
    await History(store, 4).live(30)
    told: list[tuple[int, int]] = []
    await replay(store, progress=lambda done, total: told.append((done, total)))
    head = await store.log.head(store.pool)
    assert told[-1] == (head, head)


async def test_indexes_and_keys_are_there_after_a_replay(store: Store) -> None:
    indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
    before = await store.pool.fetch(indexes)
    await replay(store)
    assert await store.pool.fetch(indexes) == before
    assert not await store.pool.fetchval("SELECT to_regnamespace('shadow') IS NOT NULL")


async def test_nothing_that_eight_writers_write_during_replays_is_missing_after_them(
    store: Store, database: str
) -> None:
    for number in range(OLD):
        await place(store, await register(store, f"old{number}@example.com"))
    stopped = asyncio.Event()
    histories = [History(store, seed, f"w{seed}-") for seed in range(8)]
    async with open_store(database, connections=4) as elsewhere, asyncio.TaskGroup() as others:
        reader = others.create_task(read(elsewhere, stopped))
        for history in histories:
            others.create_task(write(history, stopped))
        for _ in range(3):
            await replay(elsewhere)
        stopped.set()
    assert reader.result() > 3
    assert sum(history.accepted for history in histories) > 50
    assert await live(store) == await folded(store)


async def write(history: History, stopped: asyncio.Event) -> None:
    while not stopped.is_set():
        await history.act()


async def read(store: Store, stopped: asyncio.Event) -> int:
    """How often somebody looked, and found every time what was there before."""
    looks = 0
    while not stopped.is_set():
        assert await store.pool.fetchval(OLD_ORDERS) == OLD
        looks += 1
    return looks


@asynccontextmanager
async def held_before_the_swap(store: Store, database: str) -> AsyncIterator[tuple[asyncio.Task[int], int]]:
    """A replay that has built everything and waits for a reader to let go of the customers; with its process id."""
    reader = await asyncpg.connect(database)
    try:
        async with reader.transaction():
            await reader.execute("SELECT FROM customers")
            running = asyncio.create_task(replay(store))
            await until(lambda: store.pool.fetchval(SWAP_WAITS), "the replay waits for the reader")
            yield running, await store.pool.fetchval(SWAP_WAITS)
    finally:
        await reader.close()


async def test_one_replay_at_a_time(store: Store, database: str) -> None:
    async with held_before_the_swap(store, database) as (running, _pid):
        with pytest.raises(ReplayRunningError):
            await replay(store)
    await running
    await replay(store)


async def test_a_replay_that_fails_leaves_the_live_tables_alone_and_the_next_one_works(store: Store) -> None:
    await corrupt(store)
    before = await live(store)

    def fail(_done: int, _total: int) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await replay(store, progress=fail)
    assert await live(store) == before
    await replay(store)
    assert await live(store) == await folded(store)


async def test_a_replay_that_is_killed_leaves_the_live_tables_alone_and_the_next_one_works(
    store: Store, database: str
) -> None:
    await corrupt(store)
    before = await live(store)
    async with held_before_the_swap(store, database) as (running, pid):
        await store.pool.execute("SELECT pg_terminate_backend($1)", pid)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await running
    assert await live(store) == before
    await replay(store)
    assert await live(store) == await folded(store)


async def test_a_replay_that_is_cancelled_leaves_the_live_tables_alone_and_the_next_one_works(
    store: Store, database: str
) -> None:
    await corrupt(store)
    before = await live(store)
    async with held_before_the_swap(store, database) as (running, _pid):
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert await live(store) == before
    await replay(store)
    assert await live(store) == await folded(store)


async def test_a_replay_gives_up_when_a_reader_never_lets_go(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.replay.exchange.ATTEMPTS", 2)
    monkeypatch.setattr("projections.replay.exchange.LOCK_TIMEOUT", "SET LOCAL lock_timeout = '20ms'")
    async with held_before_the_swap(store, database) as (running, _pid):
        with pytest.raises(ReplayStuckError):
            await running


async def test_a_reader_that_looks_at_the_tables_in_its_own_order_is_not_turned_away(
    store: Store, database: str
) -> None:
    """Customers come before orders in every replay; this one looks at orders and then customers."""
    customer_id = await register(store, "ada@example.com")
    reader = await asyncpg.connect(database)
    async with reader.transaction():
        await reader.execute("SELECT FROM orders")
        running = asyncio.create_task(replay(store))
        await until(lambda: store.pool.fetchval(SWAP_WAITS), "the replay waits for the reader")
        assert await asyncio.wait_for(reader.fetchval("SELECT id FROM customers"), PATIENCE) == customer_id
    await reader.close()
    await asyncio.wait_for(running, PATIENCE)


class BusyLog(Log):
    """Something happens just after a replay has looked how far the log goes, so that it must catch up with it."""

    def __init__(self, happening: Callable[[], Awaitable[None]]) -> None:
        super().__init__(Codec(EVENTS), Sealing(MasterKeys.from_environment()))
        self._happening: Callable[[], Awaitable[None]] | None = happening

    async def head(self, on: Executor) -> int:
        position = await super().head(on)
        if happening := self._happening:
            self._happening = None
            await happening()
        return position


async def test_a_replay_catches_up_with_orders_of_a_customer_who_was_then_erased(store: Store) -> None:
    kept, erased = await register(store, "ada@example.com"), await register(store, "eve@example.com")

    async def meanwhile() -> None:
        order_id = await place(store, erased)
        await transfer(store, order_id, kept)
        await place(store, erased)
        await erase(store, erased)

    await replay(Store(store.pool, BusyLog(meanwhile), ReadModels(store.log)))
    assert await live(store) == await folded(store)


async def test_a_replay_catches_up_with_an_address_that_came_again(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    add = AddAddress(address_id=5, type="billing", details=AddressDetails(name="Ada"))
    other = AddAddress(address_id=6, type="billing", details=AddressDetails(name="Ada"), is_primary=True)
    await do(store, CUSTOMER, customer_id, add, other)

    async def meanwhile() -> None:
        await do(store, CUSTOMER, customer_id, RemoveAddress(address_id=5))
        await do(store, CUSTOMER, customer_id, add)

    await replay(Store(store.pool, BusyLog(meanwhile), ReadModels(store.log)))
    assert await live(store) == await folded(store)


async def test_a_replay_catches_up_with_a_user_who_went_from_one_customer_to_another(store: Store) -> None:
    await add_user(store, 9, "ada")
    low, high = await register(store, "a@example.com"), await register(store, "b@example.com")
    await attach(store, high, 9)

    async def meanwhile() -> None:
        await detach(store, high)
        await attach(store, low, 9)

    await replay(Store(store.pool, BusyLog(meanwhile), ReadModels(store.log)))
    assert (await row(store, "customers", low)).user_id == 9


async def test_a_read_model_whose_meaning_has_changed_is_rebuilt_by_migrating(store: Store, database: str) -> None:
    await corrupt(store)
    before, true = await live(store), await folded(store)
    await migrate(database)
    assert await live(store) == before
    await store.pool.execute("UPDATE read_models SET fingerprint = 'of an earlier version' WHERE name = 'customers'")
    await migrate(database)
    assert await live(store) == before | {"customers": true["customers"]}


async def test_a_read_model_that_is_new_is_built_by_migrating(store: Store, database: str) -> None:
    await forget_labels(store)
    await migrate(database)
    assert await live(store) == await folded(store)


async def forget_labels(store: Store) -> None:
    history = History(store, 5)
    while not await count(store.pool, "labels"):
        await history.act()
    await store.pool.execute("DROP TABLE labels")
    await store.pool.execute("DELETE FROM read_models WHERE name = 'labels'")


async def test_a_new_read_model_whose_building_failed_is_built_the_next_time(store: Store, database: str) -> None:
    await forget_labels(store)
    async with store.pool.acquire() as other:
        await other.execute("SELECT pg_advisory_lock(hashtext('custodiary replay'))")
        with pytest.raises(ReplayRunningError):
            await migrate(database)
        await other.execute("SELECT pg_advisory_unlock(hashtext('custodiary replay'))")
    await migrate(database)
    assert await live(store) == await folded(store)


async def test_several_processes_may_migrate_at_once(empty_database: str) -> None:
    await asyncio.gather(*(migrate(empty_database) for _ in range(4)))
    async with open_store(empty_database) as store:
        await corrupt(store)
        await store.pool.execute("UPDATE read_models SET fingerprint = ''")
        await asyncio.gather(*(migrate(empty_database) for _ in range(4)))
        assert await live(store) == await folded(store)
