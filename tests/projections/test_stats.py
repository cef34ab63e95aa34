"""Figures that are rebuilt alone, from what orders' events say about value."""

import asyncio

import pytest

from domain.customer import CUSTOMER, ChangeCustomer, CustomerErased, OrderDetailsRecorded
from domain.order import ORDER, OrderStatusChanged, RecordPayment
from eventstore.store import Store
from projections.database import open_store
from projections.fold.fold import fold_range
from projections.fold.ranges import Range
from projections.fold.stats import VALUED, figures_in_range, figures_of
from projections.models.figures import FiguresRow
from projections.models.orders import ORDERS
from projections.replay import registry
from projections.replay.engine import replay
from tests.eventstore.acts import do, erase, place, register, transfer
from tests.projections.history import History
from tests.projections.replays import OF_CUSTOMERS, asked, made, shop
from tests.projections.rows import folded, live, row

ALONE = ("figures",)
ONCE = "SELECT customer_id FROM stored_events WHERE topic LIKE 'customer-erased#%'"
# With these gone, no row that anything sealed is in can be folded.
NO_KEYS = "DELETE FROM stream_keys"
SPOIL = """
    UPDATE stored_events SET state = 'nonsense' WHERE notification_id = (
        SELECT max(notification_id) FROM stored_events WHERE customer_id = $1 AND topic LIKE 'order-placed#%')"""


@pytest.mark.parametrize("seed", [32, 35])
async def test_figures_alone_are_those_of_the_fold_of_all_rows_at_any_position(store: Store, seed: int) -> None:
    await History(store, seed).live(250)
    head, everybody = await store.log.head(store.pool), Range("customer")
    positions = (head // 3, 2 * head // 3, head)
    whole = [await fold_range(store.pool, store.log, everybody, until) for until in positions]
    gone = {record[0] for record in await store.pool.fetch(ONCE)}
    await store.pool.execute(NO_KEYS)
    for until, all_rows in zip(positions, whole, strict=True):
        true: dict[int, FiguresRow] = all_rows.rows["figures"]
        alone = await figures_in_range(store.pool, store.log, everybody, until)
        assert {id_: row for id_, row in alone.rows["figures"].items() if id_ not in gone} == true
        for id_, of_one in true.items():
            assert (await figures_of(store.pool, store.log, [id_], until)).rows["figures"] == {id_: of_one}
    assert gone


async def test_figures_are_rebuilt_without_any_key(store: Store) -> None:
    await History(store, 33).live(150)
    before = await live(store)
    await store.pool.execute(NO_KEYS)
    await store.pool.execute("UPDATE figures SET ltv = 7, version = 1")
    await store.pool.execute("DELETE FROM figures WHERE id % 2 = 0")
    replay = await made(store, asked("always", ALONE))
    assert (replay.status, await registry.poison_of(store.pool, replay.id)) == ("swapped", [])
    assert await live(store) == before


async def test_an_order_that_cannot_be_read_leaves_its_customer_alone_and_no_other(store: Store) -> None:
    one, other, third = await shop(store)
    gone = await register(store, "gone@example.com")
    await place(store, gone)
    await erase(store, gone)
    await store.pool.execute(SPOIL, one)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    replay = await made(store, asked("always", ALONE))
    [poison] = await registry.poison_of(store.pool, replay.id)
    assert (poison.topic, poison.ids) == ("order-placed#1", (one,))
    assert [(await row(store, "figures", id_)).ltv for id_ in (one, other, third)] == [7, 1_000, 1_000]


@pytest.mark.parametrize("topic", ["payment-recorded#2", "order-forgiven#1"])
@pytest.mark.parametrize("is_moved", [False, True])
async def test_what_a_newer_version_has_written_leaves_its_customer_alone(
    store: Store, topic: str, *, is_moved: bool
) -> None:
    one, other, third = await shop(store)
    order_id = await place(store, one)
    await do(store, ORDER, order_id, RecordPayment(amount=5, transaction_id="p"))
    if is_moved:
        await transfer(store, order_id, other)
    await store.pool.execute("UPDATE stored_events SET topic = $1 WHERE topic = 'payment-recorded#1'", topic)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    replay = await made(store, asked("always", ALONE))
    [poison] = await registry.poison_of(store.pool, replay.id)
    assert (poison.topic, set(poison.ids)) == (topic, {one, other} if is_moved else {one})
    assert (await row(store, "figures", one)).ltv == 7
    assert (await row(store, "figures", third)).ltv == 1_000


async def test_writers_beside_replays_of_figures_lose_nothing(store: Store, database: str) -> None:
    stopped = asyncio.Event()
    histories = [History(store, seed, f"w{seed}-") for seed in range(4)]

    async def write(history: History) -> None:
        while not stopped.is_set():
            await history.act()

    async with open_store(database, connections=4) as elsewhere, asyncio.TaskGroup() as writers:
        for history in histories:
            writers.create_task(write(history))
        for _ in range(3):
            await replay(elsewhere, ALONE)
        stopped.set()
    assert await live(store) == await folded(store)


@pytest.mark.parametrize("names", [ALONE, OF_CUSTOMERS])
async def test_those_who_have_changed_since_a_position_are_rebuilt_together(
    store: Store, names: tuple[str, ...]
) -> None:
    one, other, third = await shop(store)
    late = await register(store, "late@example.com")
    moved = await place(store, third)
    position = await store.log.head(store.pool)
    await do(store, CUSTOMER, other, ChangeCustomer(last_name="Late"))
    await transfer(store, moved, late)
    await store.pool.execute("UPDATE figures SET ltv = 7")
    replay = await made(store, asked("always", names, since=position + 1))
    assert [(await row(store, "figures", id_)).ltv for id_ in (one, other, third, late)] == [7, 1_000, 1_000, 1_000]
    assert (replay.done, replay.total) == (8, 8)


async def test_each_event_that_changes_an_order_is_read_for_its_value_or_changes_none() -> None:
    without_value = {OrderStatusChanged, OrderDetailsRecorded, CustomerErased}
    assert set(VALUED) == ORDERS.changes.keys() - without_value
    assert {event.class_version for event in VALUED} == {1}, "a new version has to be understood in stats.py"
