"""A standby is promoted that lacks what the primary had acknowledged, under two running processes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress

import pytest

from domain.customer import CUSTOMER, ChangeCustomer
from domain.order import ORDER, RecordPayment
from eventstore.postgres.away import UNREACHABLE
from eventstore.store import Store
from projections.database import open_store
from tests.cluster.nodes import Pair
from tests.eventstore.acts import do, place, register, rename, until
from tests.eventstore.chained import unchained
from tests.projections.rows import folded, live

PERSON = "SELECT first_name || ' ' || last_name FROM customers"


@pytest.fixture
async def stores(pair: Pair) -> AsyncIterator[tuple[Store, Store]]:
    async with AsyncExitStack() as stack:
        yield (
            await stack.enter_async_context(open_store(pair.dsn, connections=5)),
            await stack.enter_async_context(open_store(pair.dsn, connections=5)),
        )


async def fail_over(pair: Pair, *stores: Store) -> None:
    await pair.fail_over()
    for store in stores:

        async def is_back(store: Store = store) -> bool:
            with suppress(*UNREACHABLE):
                return bool(await store.pool.fetchval("SELECT NOT pg_is_in_recovery()"))
            return False

        await until(is_back, "the process has found the new primary")


async def figures(pair: Pair, one: Store, other: Store) -> None:
    order_id = await place(one, await register(one, "ann@example.com"), 1_000)
    await pair.cut_off()
    await do(one, ORDER, order_id, RecordPayment(amount=70_000, transaction_id="lost"))
    await fail_over(pair, one, other)
    await do(other, ORDER, order_id, RecordPayment(amount=5, transaction_id="t"))
    await do(one, ORDER, order_id, RecordPayment(amount=10, transaction_id="u"))
    assert await one.pool.fetchval("SELECT ltv FROM figures") == 1_015


async def change(pair: Pair, one: Store, other: Store) -> None:
    customer_id = await register(one, "ann@example.com")
    await pair.cut_off()
    await rename(one, customer_id, "Lost")
    await fail_over(pair, one, other)
    await do(other, CUSTOMER, customer_id, ChangeCustomer(last_name="New"))
    await do(one, CUSTOMER, customer_id, ChangeCustomer(first_name="Lost", last_name="Byron", notes="n"))
    assert await one.pool.fetchval(PERSON) == "Lost Byron"


async def nothing_to_change(pair: Pair, one: Store, other: Store) -> None:
    customer_id = await register(one, "ann@example.com")
    await pair.cut_off()
    await rename(one, customer_id, "Lost")
    await fail_over(pair, one, other)
    await do(other, CUSTOMER, customer_id, ChangeCustomer(last_name="New"))
    await do(one, CUSTOMER, customer_id, ChangeCustomer(first_name="Lost", last_name="Byron"))
    assert await one.pool.fetchval(PERSON) == "Lost Byron"


async def same_id(pair: Pair, one: Store, other: Store) -> None:
    await pair.cut_off()
    lost = [await register(one, f"lost{number}@example.com") for number in range(40)]
    await fail_over(pair, one, other)
    new = [await register(other, f"new{number}@example.com") for number in range(40)]
    again = sorted({*lost} & {*new})
    assert again
    for id_ in again:
        await rename(one, id_, "Zoe")
        await rename(other, id_, "Ann")


@pytest.mark.parametrize("case", [figures, change, nothing_to_change, same_id])
async def test_after_a_failover_that_lost_transactions_nothing_is_built_on_what_was_lost(
    pair: Pair, stores: tuple[Store, Store], case: Callable[[Pair, Store, Store], Awaitable[None]]
) -> None:
    await case(pair, *stores)
    assert await live(stores[0]) == await folded(stores[0])
    assert not await unchained(stores[0])
