"""Commands that arrive together share a transaction, and none of them suffers for another."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from eventsourcing.persistence import MapperDeserialisationError

from domain.customer import CUSTOMER, ChangeCustomer
from domain.event import Claim, Recorded, Stream
from domain.label import LABEL, CreateLabel, RenameLabel
from domain.order import ORDER, RecordPayment, RecordRefund
from domain.refusals import ClaimTaken, RefundExceedsPayment
from eventstore.postgres.connection import Session
from eventstore.postgres.stream_ids import from_uuid, to_uuid
from eventstore.store import ATTEMPTS, Store, Unit
from projections.database import open_store
from tests.eventstore.acts import (
    BY,
    PATIENCE,
    add_user,
    count,
    do,
    place,
    register,
    rename,
    until,
)
from tests.eventstore.arriving import (
    arriving_together,
    label,
    so_many_wait,
    transactions,
    versions_with_gaps,
)
from tests.projections.afterwards import Afterwards

UNREADABLE = """
    INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, 1, 'label-lost#1', '{}')"""


class Stale(Exception):
    pass


async def test_commands_that_arrive_together_are_one_transaction(store: Store) -> None:
    async with arriving_together(store) as start:
        start(*(label(store, id_) for id_ in range(1, 31)))
    assert await transactions(store, *(Stream("label", id_) for id_ in range(1, 31))) == 1


async def test_a_lone_command_waits_for_nobody_and_leaves_nothing_running(store: Store) -> None:
    tasks = asyncio.all_tasks()
    await label(store, 1)

    async def nothing_more() -> bool:
        return asyncio.all_tasks() == tasks

    await until(nothing_more, "nothing is left running")


async def test_commands_on_one_stream_that_arrive_together_follow_on_each_other(store: Store) -> None:
    await label(store, 1)
    async with arriving_together(store) as start:
        start(*(do(store, LABEL, 1, RenameLabel(value=f"name {number}")) for number in range(8)))
    stream = await store.log.stream(store.pool, Stream("label", 1))
    assert [recorded.version for recorded in stream] == list(range(1, 10))
    assert (
        await store.pool.fetchval("SELECT count(DISTINCT xmin::text) FROM stored_events WHERE originator_version > 1")
        == 1
    )


async def test_one_refused_for_its_claims_keeps_none_of_them_and_nobody_else_out(store: Store) -> None:
    await add_user(store, 9, "ada")
    await register(store, "taken@example.com")
    one, two = await register(store, "one@example.com"), await register(store, "two@example.com")
    before = await count(store.pool, "stored_events")

    async def attach_and_take(unit: Unit) -> None:
        await unit.decide(CUSTOMER, one, ChangeCustomer(first_name="Eve", email="taken@example.com"))
        await unit.decide(LABEL, 5, CreateLabel(value="free"))

    async with arriving_together(store) as start:
        [refused] = start(store.transact(BY, attach_and_take))
        [same_label] = start(label(store, 6, "free"))
        neighbours = start(rename(store, two, "Zoe"), label(store, 7))
    assert isinstance(refused.exception(), ClaimTaken)
    assert [task.exception() for task in (same_label, *neighbours)] == [None, None, None]
    assert await store.pool.fetchval("SELECT originator_id FROM claims WHERE value = 'free'") == to_uuid(
        Stream("label", 6)
    )
    assert await store.pool.fetchval("SELECT originator_id FROM claims WHERE value = 'one@example.com'") == to_uuid(
        Stream("customer", one)
    )
    assert await count(store.pool, "stored_events") == before + 2 + 3


async def test_a_claim_that_is_taken_and_passed_on_in_one_batch_is_not_taken_from_its_holder(store: Store) -> None:
    one, two = await register(store, "one@example.com"), await register(store, "two@example.com")
    async with arriving_together(store) as start:
        [taking] = start(do(store, CUSTOMER, two, ChangeCustomer(email="one@example.com")))
        await so_many_wait(store, 1)
        [leaving] = start(do(store, CUSTOMER, two, ChangeCustomer(email="three@example.com")))
    assert (type(taking.exception()), leaving.exception()) == (ClaimTaken, None)
    assert await claimed(store) == {"one@example.com": one, "three@example.com": two}


async def test_a_claim_that_passes_from_one_to_another_and_back_has_its_last_holder(store: Store) -> None:
    one, two = await register(store, "one@example.com"), await register(store, "two@example.com")
    moves = (one, "three"), (two, "one"), (two, "two"), (two, "one")
    async with arriving_together(store) as start:
        for number, (id_, name) in enumerate(moves, 1):
            start(do(store, CUSTOMER, id_, ChangeCustomer(email=f"{name}@example.com")))
            await so_many_wait(store, number)
    assert await claimed(store) == {"one@example.com": two, "three@example.com": one}


async def claimed(store: Store) -> dict[str, int]:
    """Who has which email."""
    rows = await store.pool.fetch("SELECT value, originator_id FROM claims WHERE value LIKE '%@example.com'")
    return {value: from_uuid(originator_id).id for value, originator_id in rows}


async def test_one_that_gives_the_same_to_two_is_refused(store: Store) -> None:
    one, two = await register(store, "one@example.com"), await register(store, "two@example.com")

    async def work(unit: Unit) -> None:
        for id_ in (one, two):
            await unit.decide(CUSTOMER, id_, ChangeCustomer(email="same@example.com"))

    with pytest.raises(ClaimTaken):
        await store.transact(BY, work)
    assert await count(store.pool, "stored_events") == 2


async def test_of_those_that_arrive_together_one_takes_what_another_gives_up(store: Store) -> None:
    customer_id = await register(store, "given@example.com")
    async with arriving_together(store) as start:
        [giving] = start(do(store, CUSTOMER, customer_id, ChangeCustomer(email="new@example.com")))
        await so_many_wait(store, 1)
        [taking] = start(register(store, "given@example.com"))
        [too_late] = start(register(store, "new@example.com"))
    assert giving.exception() is None
    assert isinstance(too_late.exception(), ClaimTaken)
    assert (
        await store.pool.fetchval("SELECT email FROM customers WHERE id = $1", taking.result()) == "given@example.com"
    )


async def test_what_was_decided_on_a_refused_command_is_decided_again(store: Store) -> None:
    """The order is paid by a command that fails when it is written, and refunded by one that counted on it."""
    await label(store, 1, "taken")
    order_id = await place(store, await register(store, "ada@example.com"), 1_000)

    async def pay_and_fail(unit: Unit) -> None:
        await unit.decide(ORDER, order_id, RecordPayment(amount=700, transaction_id="never"))
        await unit.decide(LABEL, 2, CreateLabel(value="taken"))

    async with arriving_together(store) as start:
        [failing] = start(store.transact(BY, pay_and_fail))
        await so_many_wait(store, 1)
        [too_much] = start(do(store, ORDER, order_id, RecordRefund(amount=1_500, transaction_id="r1")))
        await so_many_wait(store, 2)
        [enough] = start(do(store, ORDER, order_id, RecordRefund(amount=200, transaction_id="r2")))
    assert isinstance(failing.exception(), ClaimTaken)
    assert isinstance(too_much.exception(), RefundExceedsPayment)
    assert enough.exception() is None
    assert await store.pool.fetchval("SELECT (total_paid, total_refund) FROM orders") == (1_000, 200)


async def test_what_was_refused_for_a_command_that_is_refused_itself_is_decided_again(store: Store) -> None:
    await label(store, 1, "taken")
    order_id = await place(store, await register(store, "ada@example.com"), 1_000)

    async def refund_and_fail(unit: Unit) -> None:
        await unit.decide(ORDER, order_id, RecordRefund(amount=1_000, transaction_id="never"))
        await unit.decide(LABEL, 2, CreateLabel(value="taken"))

    async with arriving_together(store) as start:
        [failing] = start(store.transact(BY, refund_and_fail))
        await so_many_wait(store, 1)
        other = asyncio.ensure_future(do(store, ORDER, order_id, RecordRefund(amount=600, transaction_id="r1")))
        again = asyncio.ensure_future(do(store, ORDER, order_id, RecordRefund(amount=1_000, transaction_id="never")))
    assert isinstance(failing.exception(), ClaimTaken)
    done = await asyncio.wait_for(asyncio.gather(other, again, return_exceptions=True), PATIENCE)
    assert sorted(type(outcome).__name__ for outcome in done) == ["NoneType", "RefundExceedsPayment"]
    assert await store.pool.fetchval("SELECT total_refund FROM orders") in {600, 1_000}


@pytest.mark.parametrize("nobody_else", [True, False])
async def test_a_projection_that_fails_fails_its_own_command_only(store: Store, *, nobody_else: bool) -> None:
    async def fail_for_seven(connection: Session, events: Sequence[Recorded]) -> None:
        if any(recorded.stream.id == 7 for recorded in events):
            await connection.execute("SELECT 1 / 0")

    failing = Store(store.pool, store.log, Afterwards(store.log, fail_for_seven))
    async with arriving_together(failing) as start:
        tasks = start(*(label(failing, id_) for id_ in ([7] if nobody_else else range(1, 31))))
    errors = {type(task.exception()) for task in tasks if task.exception()}
    assert errors == {asyncpg.DivisionByZeroError}
    assert sum(task.exception() is None for task in tasks) == (0 if nobody_else else 29)
    assert await count(store.pool, "labels WHERE id < 100") == (0 if nobody_else else 29)
    assert await count(store.pool, "claims WHERE value = 'label 7'") == 0
    if not nobody_else:  # it is found by halves
        others = [Stream("label", id_) for id_ in range(1, 31)]
        assert await transactions(store, *others) <= 5


async def test_an_answer_that_fails_fails_its_own_command_only(store: Store) -> None:
    async def show(connection: Session, id_: int) -> str:
        if id_ == 7:
            raise ZeroDivisionError
        return str(await connection.fetchval("SELECT value FROM labels WHERE id = $1", id_))

    async def create(id_: int) -> str:
        async def work(unit: Unit) -> int:
            await unit.decide(LABEL, id_, CreateLabel(value=f"label {id_}"))
            return id_

        return await store.answer(BY, work, show)

    async with arriving_together(store) as start:
        tasks = dict(zip(range(1, 31), start(*(create(id_) for id_ in range(1, 31))), strict=True))
    assert isinstance(tasks.pop(7).exception(), ZeroDivisionError)
    assert {id_: task.result() for id_, task in tasks.items()} == {id_: f"label {id_}" for id_ in tasks}
    assert await count(store.pool, "labels WHERE id = 7") == 0


async def test_each_is_checked_and_shown_as_if_the_others_were_not_there(store: Store) -> None:
    """Only one of those that arrive together, about one customer, finds the version that all of them name."""
    customer_id = await register(store, "ada@example.com")
    version = "SELECT version FROM figures WHERE id = $1"

    async def still_at_one(connection: Session) -> None:
        if await connection.fetchval(version, customer_id) != 1:
            raise Stale

    async def shown(connection: Session, _result: None) -> Any:
        return await connection.fetchval(version, customer_id)

    async def work(unit: Unit) -> None:
        await unit.decide(CUSTOMER, customer_id, ChangeCustomer(first_name=f"Ada {id(unit)}"))

    async with arriving_together(store) as start:
        checked = start(*(store.answer(BY, work, shown, check=still_at_one) for _ in range(3)))
        await so_many_wait(store, 3)
        free = start(*(store.answer(BY, work, shown) for _ in range(3)))
    assert [type(task.exception()) for task in checked] == [type(None), Stale, Stale]
    assert checked[0].result() == 2
    assert {task.result() for task in free} == {3, 4, 5}


async def test_those_that_must_be_alone_are_checked_after_the_one_before_is_shown(store: Store) -> None:
    told: list[str] = []

    async def create(id_: int, alone: Claim | None) -> None:
        async def work(unit: Unit) -> int:
            await unit.decide(LABEL, id_, CreateLabel(value=f"label {id_}"))
            return id_

        async def check(_session: Session) -> None:
            told.append(f"check {id_}")

        async def show(_session: Session, id_: int) -> None:
            told.append(f"show {id_}")

        await store.answer(BY, work, show, check=check, alone=alone)

    async with arriving_together(store) as start:
        start(create(1, Claim("key", "a")), create(2, Claim("key", "a")), create(3, Claim("key", "b")))
    assert told == ["check 1", "show 1", "check 2", "check 3", "show 2", "show 3"]
    assert await transactions(store, *(Stream("label", id_) for id_ in (1, 2, 3))) == 1


async def test_ids_that_came_from_outside_are_passed_over(store: Store) -> None:
    following = await store.pool.fetchval("SELECT nextval('label_ids')") + 1
    taken = range(following, following + ATTEMPTS + 1)
    await asyncio.gather(*(label(store, id_) for id_ in taken))

    async def work(unit: Unit) -> int:
        id_ = await unit.new_id(LABEL)
        await unit.decide(LABEL, id_, CreateLabel(value="new"))
        return id_

    assert await store.transact(BY, work) == taken.stop


async def test_a_transaction_that_stands_still_is_ended_by_the_server(store: Store) -> None:
    async def show(session: Session, _result: None) -> Any:
        return await session.fetchval("SELECT current_setting('idle_in_transaction_session_timeout')")

    async def work(unit: Unit) -> None:
        await unit.decide(LABEL, 1, CreateLabel(value="one"))

    assert await store.answer(BY, work, show) == "30s"
    assert await store.pool.fetchval("SELECT current_setting('idle_in_transaction_session_timeout')") == "0"


async def test_who_gives_up_while_waiting_leaves_no_trace(store: Store) -> None:
    async with arriving_together(store) as start:
        tasks = start(*(label(store, id_) for id_ in range(1, 11)))
        await so_many_wait(store, 10)
        for task in tasks[::2]:
            task.cancel()
    assert await store.pool.fetchval("SELECT array_agg(id ORDER BY id) FROM labels WHERE id < 100") == [2, 4, 6, 8, 10]
    await label(store, 1)


async def test_who_gives_up_while_being_written_is_written_whole_or_not_at_all(store: Store) -> None:
    for id_ in range(1, 41):
        task = asyncio.ensure_future(label(store, id_))
        await asyncio.sleep(id_ / 1_000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await label(store, 100)  # what was being written before is written
    await store.aclose()
    counts = [await count(store.pool, table) for table in ("stored_events", "labels", "claims")]
    assert len(set(counts)) == 1
    assert counts[0] > 1


async def test_two_hundred_payments_of_one_order_are_each_decided_on_once_or_twice(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    decisions = 0

    async def pay(number: int) -> None:
        async def work(unit: Unit) -> None:
            nonlocal decisions
            decisions += 1
            await unit.decide(ORDER, order_id, RecordPayment(amount=1, transaction_id=f"t{number}"))
            await unit.next_ids("item", 1)  # such as reads something else

        await store.transact(BY, work)

    await asyncio.wait_for(asyncio.gather(*(pay(number) for number in range(200))), PATIENCE)
    assert await store.pool.fetchval("SELECT total_paid FROM orders") == 1_200
    assert await versions_with_gaps(store) == []
    assert decisions <= 600


async def test_processes_that_pay_one_order_at_once_come_through(store: Store, database: str) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    async with open_store(database, connections=4) as two, open_store(database, connections=4) as three:
        stores = (store, two, three)
        payments = [
            do(stores[number % 3], ORDER, order_id, RecordPayment(amount=1, transaction_id=f"t{number}"))
            for number in range(150)
        ]
        await asyncio.wait_for(asyncio.gather(*payments), PATIENCE)
    assert await store.pool.fetchval("SELECT total_paid FROM orders") == 1_150
    assert await versions_with_gaps(store) == []


async def test_a_stream_that_cannot_be_read_fails_its_own_command_only(store: Store) -> None:
    await store.pool.execute(UNREADABLE, to_uuid(Stream("label", 7)))
    done = await asyncio.gather(*(label(store, id_) for id_ in range(1, 21)), return_exceptions=True)
    assert [type(outcome) for outcome in done if outcome] == [MapperDeserialisationError]
    assert await count(store.pool, "labels") == 19
