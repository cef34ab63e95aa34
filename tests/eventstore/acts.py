"""What people do to a store, each in one line, and looking at what came of it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import asyncpg

from domain.customer import (
    CUSTOMER,
    AttachUser,
    ChangeCustomer,
    CustomerProfile,
    RegisterCustomer,
)
from domain.event import Decider, Recorded, Stream
from domain.label import LabelCreated
from domain.order import ORDER, PlaceOrder
from domain.terms import Terms
from domain.user import UserProfile
from eventstore.store import By, Store, Unit
from service import orders, privacy, users
from service.customers import require_customer

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
BY = By(actor="ann", at=NOW, request_id="r-1", correlation_id="c-1")
PATIENCE = 60.0  # seconds, after which something that must happen is said not to have happened


async def do(store: Store, decider: Decider[Any], id_: int, *commands: Any, at: datetime | None = None) -> None:
    """The commands, to one stream, in one transaction; `at` is when it happened, if not now."""

    async def work(unit: Unit) -> None:
        for command in commands:
            await unit.decide(decider, id_, command, at=at)

    await store.transact(BY, work)


async def say(store: Store, customer_id: int, order_id: int, *commands: Any) -> None:
    """Commands with words, to an order: their customer is loaded, whose key seals them."""

    async def work(unit: Unit) -> None:
        await require_customer(unit, customer_id)
        for command in commands:
            await unit.decide(ORDER, order_id, command)

    await store.transact(BY, work)


async def register(store: Store, email: str, *, user_id: int | None = None) -> int:
    async def work(unit: Unit) -> int:
        id_ = await unit.new_id(CUSTOMER)
        profile = CustomerProfile(email=email, first_name="Ada", last_name="Byron")
        await unit.decide(CUSTOMER, id_, RegisterCustomer(profile=profile, uuid=f"{id_:032x}", user_id=user_id))
        return id_

    return await store.transact(BY, work)


async def rename(store: Store, customer_id: int, first_name: str) -> None:
    await do(store, CUSTOMER, customer_id, ChangeCustomer(first_name=first_name))


async def attach(store: Store, customer_id: int, user_id: int) -> None:
    """Also a user that was never here, as an import does."""
    await do(store, CUSTOMER, customer_id, AttachUser(user_id=user_id))


async def detach(store: Store, customer_id: int) -> None:
    await store.transact(BY, lambda unit: users.detach(unit, customer_id))


async def erase(store: Store, customer_id: int) -> None:
    await store.transact(BY, lambda unit: privacy.erase(unit, [customer_id], ""))


async def add_user(store: Store, user_id: int, login: str) -> None:
    profile = UserProfile(user_login=login, user_email=f"{login}@example.com")
    await store.transact(BY, lambda unit: users.register(unit, user_id, profile))


async def place(store: Store, customer_id: int, total_paid: int = 1_000, *, rate: Decimal = Decimal(1)) -> int:
    """An order, paid; its id."""
    order = PlaceOrder(terms=terms(customer_id, total_paid, rate=rate))
    return await store.transact(BY, lambda unit: orders.place(unit, order))


def terms(customer_id: int, total_paid: int, *, rate: Decimal = Decimal(1), currency: str = "USD") -> Terms:
    return Terms(
        customer_id=customer_id,
        uuid="0" * 32,
        currency=currency,
        total_amount=total_paid,
        total_paid=total_paid,
        payment_status="paid",
        rate=rate,
        created_at=NOW,
    )


async def transfer(store: Store, order_id: int, customer_id: int) -> None:
    await store.transact(BY, lambda unit: orders.transfer(unit, order_id, customer_id))


def facts(label_id: int, count: int = 1, *, after: int = 0) -> list[Recorded]:
    """Events of one stream, as many as asked for, that no rule has looked at."""
    return [
        Recorded(
            stream=Stream("label", label_id),
            version=version,
            event=LabelCreated(value=f"{label_id}/{version}"),
            occurred_at=NOW,
            actor="ann",
        )
        for version in range(after + 1, after + count + 1)
    ]


async def append(store: Store, events: Sequence[Recorded]) -> list[int]:
    """Events straight into the log, past rules and projections; their positions."""
    async with store.pool.acquire() as connection, connection.transaction():
        return await store.log.append(connection, events)


async def until(condition: Callable[[], Awaitable[Any]], what: str) -> None:
    """Wait for something that must become so."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        await asyncio.sleep(0.005)


WRITER_WAITS = """
    SELECT EXISTS (
        SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted)"""


async def a_writer_waits(pool: asyncpg.Pool) -> None:
    """Until one does, for the lock of the log."""
    await until(lambda: pool.fetchval(WRITER_WAITS), "a writer waits for the log")


async def count(on: asyncpg.Pool | asyncpg.Connection, table: str) -> int:
    number: int = await on.fetchval(f"SELECT count(*) FROM {table}")
    return number


FUNCTION = "SELECT pg_get_functiondef('append_events'::regproc)"
LOCK = "PERFORM pg_advisory_xact_lock(hashtext('stored_events'));"


async def break_append(store: Store) -> None:
    """From now on it does without the log's lock."""
    sound = await store.pool.fetchval(FUNCTION)
    assert LOCK in sound
    await store.pool.execute(sound.replace(LOCK, ""))
