"""What is written in one statement, on what a process remembers: as if it had read everything first."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest

from domain.address import AddAddress, AddressDetails
from domain.customer import CUSTOMER, RecordOrderDetails
from domain.event import Stream
from domain.order import ORDER, RecordPayment
from domain.terms import OrderDetails
from eventstore.store import Store
from projections.live import row_cache
from projections.live.projector import MOST
from projections.replay.engine import replay
from tests.eventstore.acts import add_user, attach, do, erase, place, register, rename, transfer
from tests.projections.rows import folded, live

WRITES = "append_whole"


@asynccontextmanager
async def statements(store: Store) -> AsyncIterator[list[str]]:
    """What is asked of the database meanwhile, on the connections that there are now."""
    asked: list[str] = []

    def note(query: asyncpg.connection.LoggedQuery) -> None:
        asked.append(query.query)

    connections = [await store.pool.acquire() for _ in range(store.pool.get_size())]
    for connection in connections:
        connection.add_query_logger(note)
        await store.pool.release(connection)
    yield asked


def cache(store: Store) -> row_cache.RowCache:
    rows = store._instances.remembered.rows
    assert isinstance(rows, row_cache.RowCache)
    return rows


async def test_a_command_on_what_is_remembered_is_one_statement(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    async with statements(store) as asked:
        await do(store, ORDER, order_id, RecordPayment(amount=5, transaction_id="t"))
    assert [WRITES in query for query in asked if "typeinfo" not in query and "jit" not in query] == [True]


async def test_new_rows_are_not_looked_for_first(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    async with statements(store) as asked:
        await place(store, customer_id)
        await register(store, "eve@example.com")
    assert not [query for query in asked if "json_agg" in query or "BEGIN" in query]
    assert len([query for query in asked if WRITES in query]) == 2


async def renamed(store: Store, customer_id: int, _order_id: int) -> None:
    await rename(store, customer_id, "Zoe")


async def paid(store: Store, _customer_id: int, order_id: int) -> None:
    await do(store, ORDER, order_id, RecordPayment(amount=7, transaction_id="elsewhere"))


async def another_placed(store: Store, customer_id: int, _order_id: int) -> None:
    await place(store, customer_id, 300)


async def transferred(store: Store, _customer_id: int, order_id: int) -> None:
    await transfer(store, order_id, await register(store, "eve@example.com"))


async def address_added(store: Store, customer_id: int, _order_id: int) -> None:
    await do(store, CUSTOMER, customer_id, AddAddress(address_id=9, type="billing", details=AddressDetails(name="Ada")))


async def attached(store: Store, customer_id: int, _order_id: int) -> None:
    await add_user(store, 3, "ada")
    await attach(store, customer_id, 3)


@pytest.mark.parametrize("act", [renamed, paid, another_placed, transferred, address_added, attached])
async def test_what_another_process_has_changed_is_not_taken_from_memory(
    store: Store, elsewhere: Store, act: Callable[[Store, int, int], Awaitable[None]]
) -> None:
    customer_id = await register(store, "ada@example.com")
    order_id = await place(store, customer_id, 100)
    other_id = await place(store, customer_id, 200)
    await act(elsewhere, customer_id, order_id)
    await do(store, ORDER, other_id, RecordPayment(amount=5, transaction_id="here"))
    await do(store, ORDER, order_id, RecordPayment(amount=6, transaction_id="there"))
    await rename(store, customer_id, "Ann")
    assert await live(store) == await folded(store)


async def test_a_row_that_stays_as_it_is_is_also_as_it_was_thought_to_be(store: Store, elsewhere: Store) -> None:
    """Details of an order count if it is the customer's, which it has only just become."""
    customer_id = await register(elsewhere, "ada@example.com")
    order_id = await place(store, await register(store, "eve@example.com"))
    await transfer(elsewhere, order_id, customer_id)
    details = OrderDetails(note="Ring twice.")
    await do(store, CUSTOMER, customer_id, RecordOrderDetails(order_id=order_id, details=details))
    assert await live(store) == await folded(store)


@pytest.mark.parametrize("corrupt", ["figures SET ltv = 1", "orders SET total_paid = 1", "customers SET notes = 'x'"])
async def test_what_a_replay_has_put_right_is_not_taken_from_memory(store: Store, corrupt: str) -> None:
    customer_id = await register(store, "ada@example.com")
    order_id = await place(store, customer_id, 100)
    await store.pool.execute(f"UPDATE {corrupt}")
    await rename(store, customer_id, "Zoe")
    await do(store, ORDER, order_id, RecordPayment(amount=5, transaction_id="t"))
    await replay(store)
    await do(store, ORDER, order_id, RecordPayment(amount=6, transaction_id="u"))
    assert await live(store) == await folded(store)


async def test_what_is_remembered_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_cache, "MOST_ROWS", 10)
    for number in range(20):
        await register(store, f"ada{number}@example.com")
    assert len(cache(store)) == 10


async def test_an_order_of_many_parts_is_not_remembered(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    assert cache(store).get("orders", order_id) is not None
    for number in range(MOST + 1):
        await do(store, ORDER, order_id, RecordPayment(amount=1, transaction_id=f"t{number}"))
    assert cache(store).get("orders", order_id) is None


async def test_nothing_of_an_erased_customer_is_remembered(store: Store, elsewhere: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await place(store, customer_id)
    await erase(elsewhere, customer_id)
    store.forget([Stream("customer", customer_id)])
    assert len(cache(store)) == 0
