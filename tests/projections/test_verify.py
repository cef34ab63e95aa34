"""Drift is seen, named and repaired, and never seen where there is none."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, get_args

import pytest

from domain.customer import CustomerErased, CustomerRegistered
from domain.event import Recorded, Stream
from domain.order import (
    ORDER,
    ChangeOrderStatus,
    ChangePaymentStatus,
    DeleteOrder,
    OrderEvent,
    PaymentStatusChanged,
    RecordPayment,
    RecordRefund,
)
from domain.value import RULES, figures
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from projections.checks.findings import Difference, known, some
from projections.checks.recalculate import recalculate
from projections.checks.sums import TOPICS
from projections.checks.verify import EVERYONE, Checked, between, check, drawn, verify
from projections.database import open_store
from projections.fold import fold
from projections.fold.fold import PoisonedError
from projections.fold.ranges import Range
from projections.models import PROJECTIONS
from projections.replay.engine import begin, replay, run
from projections.replay.registry import ReplayRequest
from tests.eventstore.acts import NOW, a_writer_waits, append, do, erase, place, register, transfer
from tests.projections.history import History
from tests.projections.rows import folded, live

SPOIL_EVENT = "UPDATE stored_events SET state = $2 WHERE notification_id = $1"
NO_JSON = b'{"event":"order-placed"'
BAD_TEXT = b'{"event":"payment-recorded","amount":1000,"transaction_id":"p1","more":"\xff"}'
POSITION = "SELECT notification_id FROM stored_events WHERE originator_id = $1 AND originator_version = $2"


async def whole(store: Store, customers: Range = EVERYONE) -> Checked:
    """All pieces together."""
    pieces = [piece async for piece in verify(store, between(store.pool, customers))]
    return together(pieces)


def together(pieces: Sequence[Checked]) -> Checked:
    return Checked(
        sum(piece.customers for piece in pieces),
        [difference for piece in pieces for difference in piece.differences],
        [each for piece in pieces for each in piece.unverified],
    )


async def repair(store: Store, customer_id: int) -> dict[str, Any] | None:
    async with store.pool.acquire() as connection, connection.transaction():
        return await recalculate(connection, store.log, customer_id)


async def position_of(store: Store, order_id: int, version: int = 1) -> int:
    position: int = await store.pool.fetchval(POSITION, to_uuid(Stream("order", order_id)), version)
    return position


async def buyers(store: Store, count: int) -> list[int]:
    """Customers with a paid order of 1,000 each."""
    ids = [await register(store, f"{number}@example.com") for number in range(count)]
    for id_ in ids:
        await place(store, id_)
    return ids


@pytest.mark.parametrize("seed", [21, 22, 23])
async def test_the_fold_and_sql_agree_with_each_other_and_with_what_is_stored_after_any_history(
    store: Store, seed: int
) -> None:
    history = History(store, seed)
    for _ in range(3):
        await history.live(120)
        found = await whole(store)
        assert (found.differences, found.unverified) == ([], [])
        assert found.customers >= 5
    assert await store.pool.fetchval("SELECT count(*) FROM figures WHERE purchase_count > 1")


async def test_the_fold_and_sql_agree_on_what_happens_once_in_a_while(store: Store) -> None:
    """A refund of all; a payment that is said to have failed: of an order that came as paid, and after money moved."""
    customer_id = await register(store, "ada@example.com")
    await do(store, ORDER, await place(store, customer_id, 300), RecordRefund(amount=300, transaction_id="r1"))
    await do(store, ORDER, await place(store, customer_id, 0), ChangePaymentStatus(payment_status="failed"))
    refunded = await place(store, customer_id, 500)
    await do(store, ORDER, refunded, RecordRefund(amount=100, transaction_id="r2"))
    await place(store, customer_id, 70)
    failed = Recorded(
        stream=Stream("order", refunded),
        version=3,
        event=PaymentStatusChanged(payment_status="failed"),
        occurred_at=NOW,
        actor="ann",
        customer_id=customer_id,
    )
    assert await store.pool.fetchval("SELECT purchase_count FROM figures") == 2
    await append(store, [failed])
    await replay(store)
    assert await store.pool.fetchval("SELECT (ltv, purchase_count) = (70, 1) FROM figures")
    assert (await whole(store)).differences == []


async def test_writers_wait_until_figures_are_repaired(store: Store) -> None:
    order_id = await place(store, id_ := await register(store, "ada@example.com"))
    async with store.pool.acquire() as connection, connection.transaction():
        assert await recalculate(connection, store.log, id_) == {}
        writing = asyncio.create_task(do(store, ORDER, order_id, ChangeOrderStatus(status="completed")))
        await a_writer_waits(store.pool)
    await writing


async def test_sql_knows_every_event_that_an_order_may_have_but_those_that_say_nothing_of_money(store: Store) -> None:
    asked = {*get_args(OrderEvent), CustomerRegistered, CustomerErased}
    stored = {topic for event in asked for topic in store.log.codec.topics(event.__struct_config__.tag)}
    assert stored == TOPICS | {"order-status-changed#1"}


@pytest.mark.parametrize(
    ("spoilt", "field", "values"),
    [
        ("ltv = 9", "ltv", (9, 1_000, 1_000)),
        ("aov = 0.5", "aov", (Decimal("0.5"), 1_000, 1_000)),
        ("purchase_count = 0", "purchase_count", (0, 1, 1)),
        ("first_purchase_date = NULL", "first_purchase_date", (None, *[datetime(2026, 3, 4, 5, 6, 7)] * 2)),  # noqa: DTZ001 - rows have no zone
        ("purchase_value = '{\"EUR\": 1000}'", "purchase_value", ({"EUR": 1_000}, {"USD": 1_000}, {"USD": 1_000})),
        ("version = 7", "version", (7, 2, 2)),
    ],
)
async def test_a_spoilt_figure_is_named_and_nothing_else(
    store: Store, spoilt: str, field: str, values: tuple[Any, Any, Any]
) -> None:
    _first, victim, _last = await buyers(store, 3)
    await store.pool.execute(f"UPDATE figures SET {spoilt} WHERE id = $1", victim)
    found = await whole(store)
    assert (found.customers, found.differences) == (3, [Difference(victim, field, *values)])
    await repair(store, victim)
    assert (await whole(store)).differences == []
    assert await live(store) == await folded(store)


async def test_figures_that_are_missing_and_figures_of_nobody_are_named(store: Store) -> None:
    first, lost, gone = await buyers(store, 3)
    await erase(store, gone)
    await store.pool.execute("DELETE FROM figures WHERE id = $1", lost)
    for id_ in (gone, 10**12):
        copied = "version, ltv, purchase_count, aov, first_purchase_date, last_purchase_date, purchase_value"
        await store.pool.execute(f"INSERT INTO figures SELECT $2, {copied} FROM figures WHERE id = $1", first, id_)
    assert (await whole(store)).differences == [
        Difference(lost, "row", "missing", "present", "present"),
        Difference(gone, "row", "present", "missing", "missing"),
        Difference(10**12, "row", "present", "missing", "missing"),
    ]
    assert await repair(store, lost) is not None
    assert (await whole(store)).drifted_ids == [gone, 10**12]


async def test_a_fault_of_the_fold_itself_is_seen_by_sql(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    _first, victim = await buyers(store, 2)
    await do(store, ORDER, await place(store, victim, 500), RecordRefund(amount=200, transaction_id="r1"))
    monkeypatch.setattr(fold, "figures", partial(figures, rule=RULES["gross-of-refunds"]))
    await replay(store)
    assert (await whole(store)).differences == [
        Difference(victim, "ltv", 1_500, 1_500, 1_300),
        Difference(victim, "aov", 750, 750, 650),
        Difference(victim, "purchase_value", {"USD": 1_500}, {"USD": 1_500}, {"USD": 1_300}),
    ]


@pytest.mark.parametrize("spoilt", [NO_JSON, b"", b"\x00\xff", b'{"event":"payment-recorded"}'])
async def test_an_event_that_cannot_be_applied_is_named_with_whom_it_concerns_and_stops_nothing_else(
    store: Store, spoilt: bytes
) -> None:
    first, second, third, fourth = await buyers(store, 4)
    order_id = await place(store, second)
    position = await position_of(store, order_id)
    await transfer(store, order_id, third)
    await store.pool.execute(SPOIL_EVENT, position, spoilt)
    await store.pool.execute("UPDATE figures SET ltv = 1 WHERE id = $1", fourth)
    found = await whole(store)
    [poison] = found.unverified
    assert (poison.customer_ids, poison.position) == ((second, third), position)
    assert found.differences == [Difference(fourth, "ltv", 1, 1_000, 1_000)]
    assert (await check(store, [third])).unverified_ids == [third]
    for id_ in (second, third):
        with pytest.raises(PoisonedError) as refusal:
            await repair(store, id_)
        assert refusal.value.args[0] == position
    assert await repair(store, first) == {}


async def test_whose_order_was_unreadable_only_after_it_had_gone_to_another_is_verified_and_repaired(
    store: Store,
) -> None:
    first, second = await buyers(store, 2)
    order_id = await place(store, first)
    await transfer(store, order_id, second)
    await do(store, ORDER, order_id, RecordPayment(amount=1, transaction_id="p1"))
    await store.pool.execute(SPOIL_EVENT, await position_of(store, order_id, 3), NO_JSON)
    await store.pool.execute("UPDATE figures SET ltv = 1 WHERE id = $1", first)
    found = await whole(store)
    assert (found.drifted_ids, found.unverified_ids) == ([first], [second])
    assert await repair(store, first)
    assert (await whole(store)).drifted_ids == []


async def test_an_event_that_only_sql_cannot_read_leaves_one_customer_unverified(store: Store) -> None:
    ids = await buyers(store, 7)
    order_id = await place(store, ids[4])
    await do(store, ORDER, order_id, RecordPayment(amount=1_000, transaction_id="p1"))
    await store.pool.execute(SPOIL_EVENT, await position_of(store, order_id, 2), BAD_TEXT)
    await store.pool.execute("UPDATE figures SET ltv = 1 WHERE id = $1", ids[5])
    found = await whole(store)
    [unread] = found.unverified
    assert (unread.customer_ids, unread.position) == ((ids[4],), None)
    assert unread.problem.startswith("SQL can't read an event: ")
    assert found.drifted_ids == [ids[5]]


async def test_writers_and_replays_give_no_false_alarm(store: Store, database: str) -> None:
    stopped = asyncio.Event()
    histories = [History(store, seed, f"w{seed}-") for seed in range(4)]

    async def write(history: History) -> None:
        while not stopped.is_set():
            await history.act()

    async def rebuild() -> None:
        while not stopped.is_set():
            await replay(elsewhere, ["figures", "orders"])

    looks = 0
    async with open_store(database, connections=6) as elsewhere, asyncio.TaskGroup() as others:
        for history in histories:
            others.create_task(write(history))
        others.create_task(rebuild())
        while sum(history.accepted for history in histories) < 400:
            found = await whole(elsewhere)
            assert (found.differences, found.unverified) == ([], [])
            looks += 1
        stopped.set()
    assert looks > 3


async def test_what_is_known_of_some_is_not_forgotten_by_looking_at_others(store: Store) -> None:
    first, second, third = await buyers(store, 3)
    assert await known(store.pool) is None
    await store.pool.execute("UPDATE figures SET ltv = 1 WHERE id = ANY($1)", [first, third])
    before = datetime.now(UTC)
    await whole(store)
    standing = await known(store.pool)
    assert standing is not None
    assert standing.checked_at >= before
    assert standing[1:] == (3, 2, 0)
    await whole(store, Range("customer", second, second))
    assert ((await known(store.pool)) or ())[1:] == (1, 2, 0)
    await store.pool.execute("UPDATE figures SET ltv = 1000 WHERE id = $1", third)
    await whole(store, Range("customer", second, third))
    assert ((await known(store.pool)) or ())[1:] == (2, 1, 0)
    assert await some(store.pool, 9) == [first]
    await repair(store, first)
    assert ((await known(store.pool)) or ())[1:] == (2, 0, 0)


async def test_a_sample_has_as_many_customers_as_asked_for_or_all(store: Store) -> None:
    ids = await buyers(store, 12)
    assert [piece async for piece in drawn(store.pool, 5)] != []
    for asked, there in ((1, 1), (5, 5), (12, 12), (400, 12)):
        pieces = [piece async for piece in drawn(store.pool, asked)]
        sample = [id_ for piece in pieces for id_ in piece]
        assert len(sample) == len(set(sample)) == there
        assert set(sample) <= set(ids)
    seen = {id_ for _ in range(40) async for piece in drawn(store.pool, 2) for id_ in piece}
    assert seen == set(ids)


async def test_nobody_is_verified_in_an_empty_store(store: Store) -> None:
    assert await whole(store) == Checked(0, [], [])
    assert [piece async for piece in drawn(store.pool, 5)] == []


async def test_a_replay_leaves_those_alone_whom_an_unreadable_order_has_gone_through(store: Store) -> None:
    _first, second, third = await buyers(store, 3)
    order_id = await place(store, second)
    await transfer(store, order_id, third)
    await store.pool.execute(SPOIL_EVENT, await position_of(store, order_id), NO_JSON)
    before = await live(store)
    names = tuple(projection.name for projection in PROJECTIONS)
    done = await run(store, await begin(store, ReplayRequest(projections=names, swap="always", started_by="ann")))
    assert done.status == "swapped"
    assert await live(store) == before


# Repairs


async def test_orders_that_were_given_to_another_by_sql_go_back_to_whose_they_are(store: Store) -> None:
    first, second = await buyers(store, 2)
    order_id = await place(store, second, 70)
    await store.pool.execute("UPDATE orders SET customer_id = $2 WHERE id = $1", order_id, first)
    await store.pool.execute("UPDATE figures SET ltv = 1070 WHERE id = $1", first)
    await repair(store, first)
    assert await live(store) == await folded(store)


async def test_orders_that_no_event_knows_are_removed(store: Store) -> None:
    [customer_id] = await buyers(store, 1)
    order_id = await place(store, customer_id, 70)
    await store.pool.execute("UPDATE orders SET id = 99 WHERE id = $1", order_id)
    assert await repair(store, customer_id) == {}
    assert await live(store) == await folded(store)
    deleted = await place(store, customer_id, 70)
    await do(store, ORDER, deleted, DeleteOrder())
    await store.pool.execute("UPDATE orders SET id = $2 WHERE id = $1", order_id, deleted)
    await repair(store, customer_id)
    assert await live(store) == await folded(store)
