"""Replays that compare, wait, swap, roll back, rebuild some, and meet poison."""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import pytest

from domain.address import AddressDetails
from domain.customer import CUSTOMER, ChangeCustomer, RecordOrderDetails
from domain.order import PlaceOrder
from domain.terms import OrderDetails, OrderWords
from eventstore.store import Store
from projections.database import open_store
from projections.fold.fold import fold_some
from projections.fold.ranges import Range
from projections.replay import engine, registry
from projections.replay.engine import NotReadyError
from projections.replay.exchange import NothingToRollBackError
from projections.replay.registry import Replay
from tests.eventstore.acts import PATIENCE, count, do, erase, place, register, say, terms, transfer, until
from tests.projections.history import History
from tests.projections.replays import NAMES, OF_CUSTOMERS, SCHEMAS, asked, made, shop
from tests.projections.rows import folded, live, row

DROPS = """
    SELECT EXISTS (
        SELECT FROM pg_locks WHERE relation = to_regclass($1) AND mode = 'AccessExclusiveLock' AND NOT granted)"""
SPOIL = "UPDATE stored_events SET state = 'nonsense' WHERE notification_id = $1"


async def differing(replay: Replay) -> dict[str, dict[str, int]]:
    """How many rows are missing, surplus or differing, by table, where any are."""
    report = replay.report or {}
    kinds = ("missing", "surplus", "differing")
    return {
        name: {kind: table[kind] for kind in kinds if table[kind]}
        for name, table in report.items()
        if any(table[kind] for kind in kinds)
    }


# Comparing


async def test_a_store_without_drift_is_equal_and_swapped_when_equal(store: Store) -> None:
    await History(store, 21).live(120)
    replay = await made(store, asked("equal"))
    assert (replay.status, await differing(replay)) == ("swapped", {})
    assert await live(store) == await folded(store)
    assert replay.done == replay.total


async def test_what_differs_is_counted_and_shown_by_table_and_column(store: Store) -> None:
    one, other, third = await shop(store)
    await store.pool.execute("UPDATE figures SET ltv = 7, purchase_value = '{\"USD\":7}' WHERE id = $1", one)
    await store.pool.execute("UPDATE customers SET first_name = 'Eve' WHERE id = ANY($1)", [one, other])
    await store.pool.execute("DELETE FROM figures WHERE id = $1", third)
    await store.pool.execute("INSERT INTO labels VALUES (99, 'nonsense', now(), now())")
    replay = await made(store, asked("equal"))
    assert replay.status == "ready"
    assert await differing(replay) == {
        "figures": {"missing": 1, "differing": 1},
        "customers": {"differing": 2},
        "labels": {"surplus": 1},
    }
    report = replay.report or {}
    assert report["figures"]["columns"] == {"ltv": 1, "purchase_value": 1}
    assert report["figures"]["samples"] == [
        {"id": one, "problem": "differs", "columns": {"ltv": [7, 1000], "purchase_value": None}},
        {"id": third, "problem": "missing", "columns": {}},
    ]
    assert report["customers"]["samples"][0] == {"id": one, "problem": "differs", "columns": {"first_name": None}}
    assert (await row(store, "figures", one)).ltv == 7


async def test_an_order_of_keys_is_no_difference(store: Store) -> None:
    one, *_ = await shop(store)
    await place(store, one)
    await store.pool.execute("UPDATE orders SET config = '{\"b\": 1, \"a\": 2}', items = '[]'")
    assert await differing(await made(store, asked())) == {"orders": {"differing": 4}}
    await store.pool.execute("UPDATE orders SET config = '{ }'")
    assert await differing(await made(store, asked())) == {}


async def test_writers_at_work_are_no_difference(store: Store, database: str) -> None:
    stopped = asyncio.Event()
    histories = [History(store, seed, f"w{seed}-") for seed in range(4)]

    async def write(history: History) -> None:
        while not stopped.is_set():
            await history.act()

    async with open_store(database) as elsewhere, asyncio.TaskGroup() as writers:
        for history in histories:
            writers.create_task(write(history))
        for _ in range(3):
            assert await differing(await made(elsewhere, asked())) == {}
        stopped.set()


# Swapping, rolling back


async def test_a_replay_waits_to_be_swapped_and_then_has_all_that_happened_since(store: Store) -> None:
    one, other, _ = await shop(store)
    await store.pool.execute("UPDATE figures SET ltv = 7 WHERE id = $1", one)
    replay = await made(store, asked())
    assert (await row(store, "figures", one)).ltv == 7
    await place(store, other)
    await transfer(store, await place(store, one), other)
    await register(store, "late@example.com")
    assert (await engine.swap_ready(store, replay.id)).status == "swapped"
    assert await live(store) == await folded(store)
    with pytest.raises(NotReadyError, match="swapped"):
        await engine.swap_ready(store, replay.id)


@pytest.mark.parametrize("some", [{}, {"customers": Range("customer", 1, 2)}])
async def test_a_rollback_brings_the_former_rows_back_with_all_that_happened_since(
    store: Store, some: dict[str, Any]
) -> None:
    one, other, third = await shop(store)
    await store.pool.execute("UPDATE customers SET first_name = 'Eve' WHERE id = ANY($1)", [one, other])
    replay = await made(store, asked("always", OF_CUSTOMERS, **some))
    assert await live(store) == await folded(store)
    await do(store, CUSTOMER, other, ChangeCustomer(last_name="Late"))
    await place(store, third)
    assert (await engine.roll_back_swapped(store, replay.id)).status == "rolled_back"
    found = await live(store)
    assert found["customers"][one].first_name == "Eve"
    assert found["customers"][other].last_name == "Late"
    assert found["figures"] == (await folded(store))["figures"]
    assert await store.pool.fetchval(SCHEMAS) is None
    with pytest.raises(NotReadyError, match="rolled back"):
        await engine.roll_back_swapped(store, replay.id)


async def test_only_the_last_swap_can_be_rolled_back(store: Store) -> None:
    await shop(store)
    first, second = await made(store, asked("always")), await made(store, asked("always"))
    with pytest.raises(NothingToRollBackError):
        await engine.roll_back_swapped(store, first.id)
    assert (await engine.roll_back_swapped(store, second.id)).status == "rolled_back"
    assert await live(store) == await folded(store)


# Some customers


async def test_some_customers_are_rebuilt_and_others_left_alone(store: Store) -> None:
    one, other, third = await shop(store)
    moved = await place(store, third)
    await transfer(store, moved, one)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    await store.pool.execute("DELETE FROM orders WHERE customer_id = $1", one)
    replay = await made(store, asked("always", OF_CUSTOMERS, customers=Range("customer", one, other)))
    assert await differing(replay) == {"figures": {"differing": 2}, "orders": {"missing": 2}}
    true = await folded(store)
    assert (await live(store))["orders"] == true["orders"]
    assert [(await row(store, "figures", id_)).ltv for id_ in (one, other, third)] == [2_000, 1_000, 7]


async def test_whom_nothing_has_happened_to_since_a_position_is_left_alone(store: Store) -> None:
    one, other, third = await shop(store)
    position = await store.log.head(store.pool)
    await do(store, CUSTOMER, other, ChangeCustomer(last_name="Late"))
    await store.pool.execute("UPDATE figures SET ltv = 7")
    await made(store, asked("always", OF_CUSTOMERS, since=position + 1))
    assert [(await row(store, "figures", id_)).ltv for id_ in (one, other, third)] == [7, 1_000, 7]


# Poison


async def position_of(store: Store, customer_id: int, topic: str = "order-placed#1") -> int:
    found: int = await store.pool.fetchval(
        "SELECT notification_id FROM stored_events WHERE customer_id = $1 AND topic = $2", customer_id, topic
    )
    return found


async def test_an_event_that_cannot_be_applied_leaves_its_customer_alone_and_stops_nothing_else(store: Store) -> None:
    one, other, third = await shop(store)
    moved = await place(store, other)
    position = await position_of(store, one)
    await store.pool.execute(SPOIL, position)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    replay = await made(store, asked("always"))
    assert replay.status == "swapped"
    assert await registry.not_rebuilt(store.pool, replay.id) == {"customer": [one]}
    [poison] = await registry.poison_of(store.pool, replay.id)
    assert (poison.position, poison.topic, poison.part) == (position, "order-placed#1", "customer")
    assert "JSON is malformed" in poison.error
    assert [(await row(store, "figures", id_)).ltv for id_ in (one, other, third)] == [7, 2_000, 1_000]
    assert len((await live(store))["orders"]) == 4
    await transfer(store, moved, third)
    assert (await row(store, "figures", third)).ltv == 2_000


async def test_what_an_event_that_cannot_be_applied_says_is_erased_with_its_customer(store: Store) -> None:
    one, other, _third = await shop(store)
    for id_ in (one, other):
        await store.pool.execute(SPOIL, await position_of(store, id_))
    replay = await made(store, asked())
    await erase(store, one)
    of_one, of_other = sorted(await registry.poison_of(store.pool, replay.id), key=lambda poison: poison.ids)
    assert of_one.error == "What it says is erased."
    assert "JSON is malformed" in of_other.error


async def test_a_poisoned_store_is_not_swapped_when_equal(store: Store) -> None:
    one, *_ = await shop(store)
    await store.pool.execute(SPOIL, await position_of(store, one))
    assert (await made(store, asked("equal"))).status == "ready"


async def test_an_event_that_cannot_be_applied_and_comes_late_leaves_its_customer_alone(store: Store) -> None:
    one, *_ = await shop(store)
    replay = await made(store, asked())
    await do(store, CUSTOMER, one, ChangeCustomer(notes="late"))
    await store.pool.execute(SPOIL, await position_of(store, one, "customer-notes-changed#1"))
    await engine.swap_ready(store, replay.id)
    assert (await row(store, "customers", one)).notes == "late"
    assert await registry.not_rebuilt(store.pool, replay.id) == {"customer": [one]}


# Erasure


async def test_who_is_erased_is_in_no_copy_that_a_replay_has_made(store: Store) -> None:
    one, other, _ = await shop(store)
    order_id = await place(store, one)
    home = AddressDetails(name="Ada", city="Turin")
    moved = await place(store, one)
    for id_ in (order_id, moved):
        await do(store, CUSTOMER, one, RecordOrderDetails(order_id=id_, details=OrderDetails(billing_address=home)))
    await transfer(store, moved, other)
    await made(store, asked("always"))
    await made(store, asked("never"))
    await erase(store, one)
    for schema in await store.pool.fetchval(SCHEMAS):
        assert await count(store.pool, f"{schema}.customers") == 2
        assert await count(store.pool, f"{schema}.figures") == 2
        assert not await store.pool.fetchval(f"SELECT count(billing_address) FROM {schema}.orders")
        assert not await store.pool.fetchval(f"SELECT count(*) FROM {schema}.orders WHERE id = $1", moved)
    await engine.swap_ready(store, 2)
    assert (await row(store, "orders", moved)).customer_id == other
    assert await live(store) == await folded(store)
    assert (await row(store, "customers", other)) is not None


async def test_an_order_that_fell_silent_on_its_way_is_silent_for_its_last_customer_alone(store: Store) -> None:
    one, other, third = await shop(store)
    order_id = await place(store, one) + 100
    placed = PlaceOrder(terms=terms(one, 0), words=OrderWords(config={"gift": "Ada"}))
    await say(store, one, order_id, placed)
    await transfer(store, order_id, other)
    await erase(store, other)
    await transfer(store, order_id, third)
    folded_alone = await fold_some(store.pool, store.log, "customer", [third], await store.log.head(store.pool))
    assert folded_alone.rows["orders"][order_id] == await row(store, "orders", order_id)
    assert folded_alone.rows["orders"][order_id].config == {}


async def test_what_went_along_with_an_order_is_told_for_its_last_customer_alone(store: Store) -> None:
    """The one who said it may be in another range."""
    one, other, third = await shop(store)
    order_id, home = await place(store, one), AddressDetails(name="Ada", city="Turin")
    said = OrderDetails(note="Ring twice", billing_address=home)
    await do(store, CUSTOMER, one, RecordOrderDetails(order_id=order_id, details=said))
    for customer_id in (other, third):
        await transfer(store, order_id, customer_id)
    await do(store, CUSTOMER, other, RecordOrderDetails(order_id=order_id, details=OrderDetails(note="not theirs")))
    alone = await fold_some(store.pool, store.log, "customer", [third], await store.log.head(store.pool))
    assert alone.rows["orders"][order_id] == await row(store, "orders", order_id)
    assert alone.rows["orders"][order_id].note == "Ring twice"
    await erase(store, one)
    alone = await fold_some(store.pool, store.log, "customer", [third], await store.log.head(store.pool))
    assert alone.rows["orders"][order_id] == await row(store, "orders", order_id)
    assert (alone.rows["orders"][order_id].note, alone.rows["orders"][order_id].billing_address) == ("", None)


@pytest.mark.parametrize("held", NAMES)
async def test_former_tables_are_dropped_one_at_a_time(store: Store, held: str) -> None:
    """A statement that was planned before the swap may hold one of them, and ask for another before it looks again."""
    await shop(store)
    former = (await made(store, asked("always"))).former
    async with store.pool.acquire() as planned, planned.transaction():
        await planned.execute(f"LOCK TABLE {former}.{held} IN ROW EXCLUSIVE MODE")
        replaying = asyncio.ensure_future(made(store, asked("always")))
        await until(lambda: store.pool.fetchval(DROPS, f"{former}.{held}"), "the table is to be dropped")
        for name in NAMES:
            with suppress(asyncpg.UndefinedTableError):
                async with planned.transaction():
                    await planned.execute(f"LOCK TABLE {former}.{name} IN ROW EXCLUSIVE MODE NOWAIT")
    assert (await asyncio.wait_for(replaying, PATIENCE)).status == "swapped"
