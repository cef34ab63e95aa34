"""Two processes at the same streams: who was overtaken decides again under the locks, and nobody starves."""

import asyncio
from collections import Counter

import pytest

from domain.customer import CUSTOMER, ChangeCustomer
from domain.event import Stream
from domain.label import LABEL, CreateLabel, DeleteLabel, RenameLabel
from domain.order import ORDER, PlaceOrder, RecordPayment, RecordRefund
from domain.refusals import ClaimTaken, LabelNotFound, RefundExceedsPayment
from eventstore.commit.command import LARGE
from eventstore.commit.queue import PARTS
from eventstore.postgres.stream_ids import lock_key
from eventstore.store import Store, Unit
from service.customers import require_customer
from tests.eventstore.acts import BY, PATIENCE, a_writer_waits, count, do, place, register, rename, terms
from tests.eventstore.arriving import label, so_many_wait, transactions, versions_with_gaps
from tests.projections.rows import folded, live

CUSTOMERS, CLIENTS, COMMANDS = 6, 8, 12


async def test_each_command_is_decided_twice_at_most_and_each_process_has_its_share(
    store: Store, elsewhere: Store
) -> None:
    orders = [await place(store, await register(store, f"{number}@example.com")) for number in range(CUSTOMERS)]
    decided: Counter[str] = Counter()
    done: list[Store] = []

    async def pay(process: Store, name: str) -> None:
        async def work(unit: Unit) -> None:
            decided[name] += 1
            order_id = orders[hash(name) % CUSTOMERS]
            await unit.decide(ORDER, order_id, RecordPayment(amount=1, transaction_id=name))

        await process.transact(BY, work)
        done.append(process)

    async def client(process: Store, number: int) -> None:
        for command in range(COMMANDS):
            await pay(process, f"{id(process)} {number} {command}")

    for process in (store, elsewhere):  # both know them all
        await asyncio.gather(*(pay(process, f"{id(process)} warm {number}") for number in range(4 * CUSTOMERS)))
    done.clear()
    clients = [client(process, number) for process in (store, elsewhere) for number in range(CLIENTS)]
    await asyncio.wait_for(asyncio.gather(*clients), PATIENCE)
    assert max(decided.values()) == 2
    first_half = Counter(done[: len(done) // 2])
    assert min(first_half[store], first_half[elsewhere]) >= 0.2 * len(done) / 2
    assert await store.pool.fetchval("SELECT sum(total_paid) FROM orders") == CUSTOMERS * 1_000 + len(decided)
    assert await versions_with_gaps(store) == []
    assert await live(store) == await folded(store)


async def test_while_others_write_the_same_a_batch_leaves_them_the_other_parts(store: Store, elsewhere: Store) -> None:
    labels = range(1, 2 * PARTS + 2)
    await asyncio.gather(*(label(store, id_) for id_ in labels))
    await asyncio.gather(*(do(elsewhere, LABEL, id_, RenameLabel(value=f"theirs {id_}")) for id_ in labels))
    async with store.pool.acquire() as theirs, theirs.transaction():
        await theirs.execute("SELECT pg_advisory_xact_lock($1)", lock_key(Stream("label", labels[-1])))
        ours = [asyncio.ensure_future(do(store, LABEL, labels[-1], RenameLabel(value="the first")))]
        await a_writer_waits(store.pool)
        ours += [asyncio.ensure_future(do(store, LABEL, id_, RenameLabel(value=f"ours {id_}"))) for id_ in labels[:-1]]
        await so_many_wait(store, 2 * PARTS)
    await asyncio.wait_for(asyncio.gather(*ours), PATIENCE)
    together = [[Stream("label", id_) for id_ in labels[:-1] if id_ % PARTS == part] for part in range(PARTS)]
    assert [await transactions(store, *streams, version=3) for streams in together] == [1] * PARTS
    assert await transactions(store, *(stream for streams in together for stream in streams), version=3) == PARTS


async def test_what_is_refused_under_the_locks_is_refused_for_what_another_process_did(
    store: Store, elsewhere: Store
) -> None:
    order_id = await place(store, await register(store, "ada@example.com"), 1_000)
    await do(elsewhere, ORDER, order_id, RecordRefund(amount=900, transaction_id="theirs"))
    with pytest.raises(RefundExceedsPayment):
        await do(store, ORDER, order_id, RecordRefund(amount=200, transaction_id="ours"))
    assert await count(store.pool, "stored_events") == 3


async def test_what_another_process_has_done_already_is_not_done_again_under_the_locks(
    store: Store, elsewhere: Store
) -> None:
    customer_id = await register(store, "ada@example.com")
    await rename(elsewhere, customer_id, "Zoe")
    await rename(store, customer_id, "Zoe")
    assert await count(store.pool, "stored_events") == 2


async def test_what_makes_something_new_makes_it_once_under_the_locks(store: Store, elsewhere: Store) -> None:
    """The id that it draws when it is decided again is held, too."""
    customer_id = await register(store, "ada@example.com")
    await rename(elsewhere, customer_id, "Zoe")

    async def work(unit: Unit) -> int:
        await require_customer(unit, customer_id)
        await unit.decide(CUSTOMER, customer_id, ChangeCustomer(notes="orders"))
        id_ = await unit.new_id(ORDER)
        await unit.decide(ORDER, id_, PlaceOrder(terms=terms(customer_id, 100)))
        return id_

    order_id = await store.transact(BY, work)
    assert await store.pool.fetchval("SELECT array_agg(id) FROM orders") == [order_id]
    assert await live(store) == await folded(store)


async def test_a_claim_that_is_wanted_only_under_the_locks_is_held_or_refused(store: Store, elsewhere: Store) -> None:
    customer_id, _ = await register(store, "ada@example.com"), await register(elsewhere, "taken@example.com")
    await rename(elsewhere, customer_id, "Zoe")

    async def take(unit: Unit) -> None:
        customer = await require_customer(unit, customer_id)
        email = "taken@example.com" if customer.profile.first_name == "Zoe" else "free@example.com"
        await unit.decide(CUSTOMER, customer_id, ChangeCustomer(email=email))

    with pytest.raises(ClaimTaken):
        await store.transact(BY, take)
    assert await live(store) == await folded(store)


async def test_an_id_that_is_not_free_is_looked_up_when_it_is_decided_again(store: Store) -> None:
    for label_id in (1, 2):
        await label(store, label_id)
    attempts = 0

    async def work(unit: Unit) -> int:
        nonlocal attempts
        attempts += 1
        id_ = await unit.new_id(LABEL)
        await unit.decide(LABEL, id_, CreateLabel(value="third"))
        return id_

    assert await store.transact(BY, work) == 3
    assert attempts == 2


async def test_several_that_were_overtaken_on_one_stream_follow_on_each_other(store: Store, elsewhere: Store) -> None:
    await label(store, 1)
    await do(elsewhere, LABEL, 1, RenameLabel(value="theirs"))
    renames = [do(store, LABEL, 1, RenameLabel(value=f"ours {number}")) for number in range(10)]
    await asyncio.wait_for(asyncio.gather(*renames), PATIENCE)
    assert await versions_with_gaps(store) == []
    assert await count(store.pool, "stored_events") == 12


async def test_one_that_cannot_be_decided_again_fails_alone(store: Store, elsewhere: Store) -> None:
    await label(store, 1)
    await label(store, 2)
    await do(elsewhere, LABEL, 1, DeleteLabel())
    await do(elsewhere, LABEL, 2, RenameLabel(value="theirs"))
    done = await asyncio.gather(
        do(store, LABEL, 1, RenameLabel(value="gone")),
        do(store, LABEL, 2, RenameLabel(value="ours")),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in done] == [LabelNotFound, type(None)]


async def test_a_large_one_is_decided_again_too(store: Store, elsewhere: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"), 1_000)
    await do(elsewhere, ORDER, order_id, RecordRefund(amount=900, transaction_id="theirs"))

    async def work(unit: Unit) -> None:
        for number in range(LARGE + 1):
            await unit.decide(LABEL, number + 1, CreateLabel(value=f"label {number}"))
        await unit.decide(ORDER, order_id, RecordRefund(amount=200, transaction_id="ours"))

    with pytest.raises(RefundExceedsPayment):
        await store.transact(BY, work)
    await do(elsewhere, ORDER, order_id, RecordPayment(amount=500, transaction_id="more"))
    await store.transact(BY, work)
    assert await count(store.pool, "labels") == LARGE + 1
    assert await live(store) == await folded(store)
