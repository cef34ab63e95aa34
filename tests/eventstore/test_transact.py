"""Commands under races: what was answered stands, what was refused leaves no trace."""

import asyncio
import random
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from domain.customer import CUSTOMER, AttachUser, ChangeCustomer, CustomerErased, DetachUser
from domain.event import Recorded, Stream
from domain.order import ORDER, OrderPlaced, OrderTransferred, RecordPayment, RecordRefund
from domain.refusals import ClaimTaken, CustomerNotFound, OrderNotFound, Refusal, UserAlreadyAttached
from eventstore.postgres.connection import Session
from eventstore.store import Store, Unit
from projections.database import open_store
from tests.eventstore.acts import (
    BY,
    PATIENCE,
    WRITER_WAITS,
    a_writer_waits,
    add_user,
    attach,
    count,
    detach,
    do,
    erase,
    facts,
    place,
    register,
    rename,
    transfer,
    until,
)
from tests.projections.afterwards import Afterwards

TABLES = ("stored_events", "claims", "customers", "orders", "addresses", "users", "labels")
KEEP_ANSWER = """
    INSERT INTO answers (actor, key, fingerprint, status, body, customer_id)
    VALUES ('ann', 'one', '\\x01', 200, $1, $2)"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


async def outcomes(acts: Sequence[Awaitable[Any]]) -> list[Any]:
    """Results and refusals of acts at the same time; any other error is raised."""
    done = await asyncio.wait_for(asyncio.gather(*acts, return_exceptions=True), PATIENCE)
    for outcome in done:
        if isinstance(outcome, BaseException) and not isinstance(outcome, Refusal):
            raise outcome
    return done


async def contents(store: Store) -> dict[str, int]:
    return {table: await count(store.pool, table) for table in TABLES}


async def test_of_two_hundred_registrations_with_one_email_one_wins(store: Store) -> None:
    emails = ["ada@example.com", "Ada@Example.com"]
    done = await outcomes([register(store, emails[number % 2]) for number in range(200)])
    [winner] = [outcome for outcome in done if isinstance(outcome, int)]
    refused = [outcome for outcome in done if isinstance(outcome, ClaimTaken)]
    assert len(refused) == 199
    assert {refusal.args for refusal in refused} == {("customer-email", "ada@example.com")}
    assert await store.pool.fetchval("SELECT array_agg(customer_id) FROM stored_events") == [winner]
    assert await contents(store) == dict.fromkeys(TABLES, 0) | {"stored_events": 1, "claims": 1, "customers": 1}


async def test_concurrent_changes_of_one_customer_all_land(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await outcomes([rename(store, customer_id, f"Ada {number}") for number in range(30)])
    stream = await store.log.stream(store.pool, Stream("customer", customer_id))
    assert [recorded.version for recorded in stream] == list(range(1, 32))
    assert len({recorded.event for recorded in stream}) == 31
    assert await store.pool.fetchval("SELECT version FROM figures") == 31


async def test_concurrent_payments_of_one_customers_orders_all_count(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    orders = [await place(store, customer_id) for _ in range(10)]
    await outcomes(
        [
            do(store, ORDER, order_id, RecordPayment(amount=100, transaction_id=f"t{order_id} {number}"))
            for order_id in orders
            for number in range(3)
        ]
    )
    assert await store.pool.fetchval("SELECT ltv FROM figures") == 10 * 1_300


async def test_of_two_refunds_at_once_only_what_was_paid_goes_out(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    refunds = [do(store, ORDER, order_id, RecordRefund(amount=600, transaction_id=f"r{n}")) for n in range(8)]
    done = await outcomes(refunds)
    assert done.count(None) == 1
    assert await store.pool.fetchval("SELECT total_refund FROM orders") == 600


async def test_a_user_goes_to_one_of_many_customers(store: Store) -> None:
    await add_user(store, 9, "ada")
    customers = [await register(store, f"{number}@example.com") for number in range(20)]
    done = await outcomes([attach(store, customer_id, 9) for customer_id in customers])
    assert done.count(None) == 1
    assert {type(outcome) for outcome in done} == {type(None), ClaimTaken}
    assert await store.pool.fetchval("SELECT count(*) FROM customers WHERE user_id = 9") == 1


async def test_a_customer_gets_one_of_many_users(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    for user_id in range(1, 11):
        await add_user(store, user_id, f"user{user_id}")
    done = await outcomes([attach(store, customer_id, user_id) for user_id in range(1, 11)])
    assert done.count(None) == 1
    assert {type(outcome) for outcome in done} == {type(None), UserAlreadyAttached}
    assert await count(store.pool, "claims WHERE kind = 'user-link'") == 1


async def test_an_email_that_is_given_up_is_free_at_once(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await do(store, CUSTOMER, customer_id, ChangeCustomer(email="byron@example.com"))
    await register(store, "ada@example.com")
    with pytest.raises(ClaimTaken):
        await register(store, "byron@example.com")


async def test_an_erased_customers_email_and_user_are_free(store: Store) -> None:
    await add_user(store, 9, "ada")
    await erase(store, await register(store, "ada@example.com", user_id=9))
    await add_user(store, 9, "ada")
    await register(store, "ada@example.com", user_id=9)


async def test_two_customers_exchange_emails_in_one_transaction(store: Store) -> None:
    first, second = await register(store, "a@example.com"), await register(store, "b@example.com")

    async def exchange(unit: Unit) -> None:
        await unit.decide(CUSTOMER, first, ChangeCustomer(email="b@example.com"))
        await unit.decide(CUSTOMER, second, ChangeCustomer(email="a@example.com"))

    await store.transact(BY, exchange)
    emails = await store.pool.fetch("SELECT email FROM customers ORDER BY id")
    assert [row[0] for row in emails] == ["b@example.com", "a@example.com"]


@pytest.mark.parametrize("downwards", [True, False])
async def test_a_user_goes_from_one_customer_to_another_in_one_transaction(store: Store, *, downwards: bool) -> None:
    await add_user(store, 9, "ada")
    low, high = await register(store, "a@example.com"), await register(store, "b@example.com")
    giver, taker = (high, low) if downwards else (low, high)
    await attach(store, giver, 9)

    async def hand_over(unit: Unit) -> None:
        await detach_in(unit, giver)
        await unit.decide(CUSTOMER, taker, AttachUser(user_id=9))

    await store.transact(BY, hand_over)
    assert await store.pool.fetchval("SELECT id FROM customers WHERE user_id = 9") == taker


async def detach_in(unit: Unit, customer_id: int) -> None:
    await unit.decide(CUSTOMER, customer_id, DetachUser())


async def test_a_refused_command_leaves_no_trace(store: Store) -> None:
    await register(store, "ada@example.com")
    before = await contents(store)

    async def register_and_fail(unit: Unit) -> None:
        id_ = await unit.new_id(CUSTOMER)
        await unit.load(CUSTOMER, id_)
        await detach_in(unit, id_)

    with pytest.raises(CustomerNotFound):
        await store.transact(BY, register_and_fail)
    with pytest.raises(ClaimTaken):
        await register(store, "ada@example.com")
    with pytest.raises(OrderNotFound):
        await transfer(store, 99, 1)
    assert await contents(store) == before


async def test_of_a_unit_whose_last_command_is_refused_nothing_stays(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    before = await contents(store)

    async def rename_then_fail(unit: Unit) -> None:
        await unit.decide(CUSTOMER, customer_id, ChangeCustomer(first_name="Eve", email="eve@example.com"))
        await unit.decide(ORDER, 99, RecordPayment(amount=1, transaction_id="t"))

    with pytest.raises(OrderNotFound):
        await store.transact(BY, rename_then_fail)
    assert await contents(store) == before
    assert await store.pool.fetchval("SELECT first_name FROM customers") == "Ada"


async def test_an_error_in_a_projection_takes_everything_back(store: Store) -> None:
    async def fail(_session: Session, _events: Sequence[Recorded]) -> None:
        raise ZeroDivisionError

    failing = Store(store.pool, store.log, Afterwards(store.log, fail))
    with pytest.raises(ZeroDivisionError):
        await register(failing, "ada@example.com")
    assert await contents(store) == dict.fromkeys(TABLES, 0)
    await register(store, "ada@example.com")


async def test_an_answered_command_is_visible_at_once(store: Store) -> None:
    for number in range(20):
        customer_id = await register(store, f"{number}@example.com")
        seen = await store.pool.fetchval("SELECT email FROM customers WHERE id = $1", customer_id)
        assert seen == f"{number}@example.com"


async def test_an_unanswered_command_is_not_visible_at_all(store: Store) -> None:
    async with store.pool.acquire() as slow, slow.transaction():
        await store.log.append(slow, facts(1))
        waiting = asyncio.create_task(register(store, "ada@example.com"))
        await a_writer_waits(store.pool)
        assert await contents(store) == dict.fromkeys(TABLES, 0)
    await waiting


async def test_an_order_is_placed_before_its_customer_is_erased_or_not_at_all(store: Store) -> None:
    for number in range(25):
        customer_id = await register(store, f"{number}@example.com")
        acts = [place(store, customer_id) for _ in range(3)]
        acts.insert(number % 4, erase(store, customer_id))  # type: ignore[arg-type]
        done = await outcomes(acts)
        assert {type(outcome) for outcome in done} <= {int, type(None), CustomerNotFound}
        assert await orders_of_nobody(store) == []


async def test_an_order_is_transferred_before_its_new_customer_is_erased_or_not_at_all(store: Store) -> None:
    giver = await register(store, "giver@example.com")
    order_id = await place(store, giver)
    for number in range(25):
        taker = await register(store, f"{number}@example.com")
        await outcomes([transfer(store, order_id, taker), erase(store, taker)])
        assert await orders_of_nobody(store) == []
        await transfer(store, order_id, giver)


async def orders_of_nobody(store: Store) -> list[Recorded]:
    """Orders that came to a customer who was erased before."""
    erased: set[int] = set()
    found = []
    for recorded in await store.log.page(store.pool, 0):
        if isinstance(recorded.event, CustomerErased):
            erased.add(recorded.stream.id)
        elif isinstance(recorded.event, OrderPlaced | OrderTransferred) and recorded.customer_id in erased:
            found.append(recorded)
    return found


async def test_commands_to_several_customers_at_once_never_wait_for_each_other_in_a_circle(
    store: Store, database: str
) -> None:
    await add_user(store, 9, "ada")
    customers = [await register(store, f"{number}@example.com") for number in range(4)]
    orders = [await place(store, customer_id) for customer_id in customers for _ in range(2)]
    async with open_store(database, connections=12) as crowd:  # what it has counted is known when it is closed
        crossing = (cross(crowd, random.Random(number), customers, orders) for number in range(12))
        await asyncio.wait_for(asyncio.gather(*crossing), PATIENCE)
    assert await store.pool.fetchval(DEADLOCKS) == 0
    assert await store.pool.fetchval("SELECT sum(purchase_count) FROM figures") == len(orders)
    assert await store.pool.fetchval("SELECT sum(ltv) FROM figures") == len(orders) * 1_000


async def test_customers_who_each_want_the_others_email_never_wait_for_each_other_in_a_circle(
    store: Store, database: str
) -> None:
    emails = [f"{letter}@example.com" for letter in "abc"]
    first, second = await register(store, emails[0]), await register(store, emails[1])

    async def change_about(crowd: Store, customer_id: int, wanted: Sequence[str]) -> None:
        for email in wanted:
            with suppress(ClaimTaken):
                await do(crowd, CUSTOMER, customer_id, ChangeCustomer(email=email))

    async with open_store(database, connections=4) as crowd:
        changes = [change_about(crowd, id_, order * 40) for id_ in (first, second) for order in (emails, emails[::-1])]
        await asyncio.wait_for(asyncio.gather(*changes), PATIENCE)
    assert await store.pool.fetchval(DEADLOCKS) == 0
    held = "SELECT array_agg(value ORDER BY value) FROM claims"
    assert await store.pool.fetchval(held) == await store.pool.fetchval(
        "SELECT array_agg(email ORDER BY email) FROM customers"
    )


async def cross(store: Store, chance: random.Random, customers: list[int], orders: list[int]) -> None:
    """A dozen commands, each of which touches what others touch."""
    for _ in range(12):
        one, other = chance.sample(customers, 2)
        acts = (
            lambda one=one: transfer(store, chance.choice(orders), one),
            lambda one=one, other=other: exchange_names(store, one, other),
            lambda one=one: attach(store, one, 9),
            lambda one=one: detach(store, one),
            lambda one=one: do(store, CUSTOMER, one, ChangeCustomer(email=f"{chance.randrange(6)}@example.com")),
        )
        with suppress(ClaimTaken, UserAlreadyAttached):
            await chance.choice(acts)()


async def exchange_names(store: Store, one: int, other: int) -> None:
    async def work(unit: Unit) -> None:
        first, second = await unit.load(CUSTOMER, one), await unit.load(CUSTOMER, other)
        assert first is not None
        assert second is not None
        await unit.decide(CUSTOMER, one, ChangeCustomer(first_name=f"{second.profile.first_name}'"))
        await unit.decide(CUSTOMER, other, ChangeCustomer(first_name=f"{first.profile.first_name}'"))

    await store.transact(BY, work)


async def test_an_answer_to_a_command_that_changes_nothing_is_kept_before_an_erasure_or_not_at_all(
    store: Store, database: str
) -> None:
    """Or it would be kept after the erasure has looked for what there is to forget."""
    customer_id = await register(store, "ada@example.com")
    asked, erased = asyncio.Event(), asyncio.Event()

    async def work(unit: Unit) -> None:
        await unit.decide(CUSTOMER, customer_id, ChangeCustomer(first_name="Ada"))

    async def show(session: Session, _result: None) -> None:
        email = await session.fetchval("SELECT email FROM customers")
        asked.set()
        await erased.wait()
        await session.execute(KEEP_ANSWER, email.encode(), customer_id)

    async with open_store(database, connections=2) as other:
        answering = asyncio.ensure_future(store.answer(BY, work, show))
        await asked.wait()
        erasing = asyncio.ensure_future(erase(other, customer_id))

        async def has_erased_or_waits() -> bool:
            return erasing.done() or await store.pool.fetchval(WRITER_WAITS)

        await until(has_erased_or_waits, "the erasure waits, or is done")
        erased.set()
        await asyncio.wait_for(asyncio.gather(answering, erasing), PATIENCE)
    assert await store.pool.fetchval("SELECT body FROM answers") == b""
