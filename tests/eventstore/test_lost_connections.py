"""Commands whose connection breaks: answered with what became of them, and never carried out twice."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

import asyncpg
import pytest

from api.process.tables import migrate
from domain.address import AddAddress, AddressDetails, ChangeAddress
from domain.customer import CUSTOMER
from domain.event import Stream
from domain.label import LABEL, CreateLabel, RenameLabel
from eventstore.commit import writer
from eventstore.postgres.connection import Connection
from eventstore.store import OutcomeUnknown, Store
from projections.database import open_store
from tests.eventstore.acts import PATIENCE, a_writer_waits, count, do, facts, register, rename, until
from tests.eventstore.arriving import arriving_together, so_many_wait
from tests.eventstore.unreliable import Way, unreliable
from tests.projections.rows import folded, live

KILL_WHO_WAITS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"""
NUMBER_WHO_WAIT = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"""
SEVERAL = 4  # connections, of which the client makes two when it is refused the first
Where = Literal["before", "after"]


@pytest.fixture
async def far(database: str) -> AsyncIterator[tuple[Store, Way]]:
    async with unreliable(database) as (dsn, way), open_store(dsn, connections=5) as store:
        yield store, way


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_command_whose_commit_is_lost_is_carried_out_once(
    store: Store, far: tuple[Store, Way], where: Where
) -> None:
    distant, way = far
    customer_id = await register(distant, "ada@example.com")
    way.breaks = where
    await asyncio.wait_for(rename(distant, customer_id, "Zoe"), PATIENCE)
    assert way.broken == 1
    stream = await store.log.stream(store.pool, Stream(CUSTOMER.category, customer_id))
    assert [recorded.version for recorded in stream] == [1, 2]
    assert await store.pool.fetchval("SELECT first_name FROM customers") == "Zoe"


@pytest.mark.parametrize("where", ["before", "after"])
async def test_of_a_batch_whose_commit_is_lost_each_is_carried_out_once(
    store: Store, far: tuple[Store, Way], where: Where
) -> None:
    distant, way = far
    for round_ in range(5):
        way.breaks = where
        ids = range(round_ * 20 + 1, round_ * 20 + 21)
        await asyncio.gather(*(do(distant, LABEL, id_, CreateLabel(value=f"label {id_}")) for id_ in ids))
        assert way.broken == round_ + 1
    assert await count(store.pool, "stored_events") == await count(store.pool, "labels") == 100
    assert await count(store.pool, "claims") == 100


@pytest.fixture
async def plain(server: str) -> AsyncIterator[str]:
    """A database of a role that may do nothing but own it."""
    name = f"custodiary_plain_{os.getpid()}"
    parts = urlsplit(server)
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE ROLE {name} LOGIN NOSUPERUSER NOREPLICATION PASSWORD '{name}'")
        await connection.execute(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0")
        place = parts.netloc.rpartition("@")[2]
        yield parts._replace(netloc=f"{name}:{name}@{place}", path=f"/{name}").geturl()
    finally:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"DROP ROLE IF EXISTS {name}")
        await connection.close()


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_role_that_only_owns_its_database_finds_out_what_became_of_a_commit(plain: str, where: Where) -> None:
    await migrate(plain)
    async with unreliable(plain) as (dsn, way), open_store(dsn, connections=5) as distant:
        way.breaks = where
        await asyncio.wait_for(register(distant, "ada@example.com"), PATIENCE)
        assert way.broken == 1
        assert await count(distant.pool, "stored_events") == await count(distant.pool, "customers") == 1


async def test_what_is_still_being_written_when_its_connection_is_lost_is_waited_for_and_not_done_again(
    store: Store, far: tuple[Store, Way]
) -> None:
    """The lost session goes on. It has the locks, so whoever has them after it sees what it did."""
    distant, way = far
    customer_id = await register(distant, "ada@example.com")
    home = AddAddress(address_id=5, type="billing", details=AddressDetails(name="Ada"))
    async with store.pool.acquire() as slow, slow.transaction():
        await store.log.append(slow, facts(999))
        adding = asyncio.ensure_future(do(distant, CUSTOMER, customer_id, home))
        await a_writer_waits(store.pool)
        await way.close()

        async def two_wait() -> bool:
            return bool(await store.pool.fetchval(NUMBER_WHO_WAIT) == 2)

        await until(two_wait, "the command waits in another session, too")
    await asyncio.wait_for(adding, PATIENCE)
    assert await count(store.pool, "stored_events WHERE topic LIKE 'address-added%'") == 1


@pytest.mark.parametrize("where", ["before", "after"])
async def test_what_comes_of_a_commit_that_cannot_be_asked_about_is_said_to_be_unknown(
    store: Store, far: tuple[Store, Way], where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.2)
    distant, way = far
    await do(distant, LABEL, 1, CreateLabel(value="one"))
    way.breaks, way.is_open = where, False
    await leave_one_connection(distant)
    with pytest.raises(OutcomeUnknown):
        await do(distant, LABEL, 1, RenameLabel(value="two"))
    way.is_open = True
    await do(distant, LABEL, 1, RenameLabel(value="three"))
    values = {"before": ["one", "three"], "after": ["one", "two", "three"]}[where]
    stream = await store.log.stream(store.pool, Stream(LABEL.category, 1))
    assert [recorded.event.value for recorded in stream] == values  # type: ignore[attr-defined]


async def test_what_was_seen_and_is_not_known_to_be_durable_is_said_to_be_unknown(far: tuple[Store, Way]) -> None:
    distant, way = far

    async def look(connection: Connection) -> int:
        way.breaks = "after"
        return int(await connection.fetchval("SELECT count(*) FROM stored_events"))

    with pytest.raises(OutcomeUnknown):
        await distant.durably(look)
    assert way.broken == 1


async def leave_one_connection(store: Store) -> None:
    """So that who loses it has to make another. It is the next to be used: a pool gives what came back last."""

    async def idle() -> bool:
        return store.pool.get_idle_size() > 0

    await until(idle, "the writer's connection is back in the pool")
    kept, *rest = [await store.pool.acquire() for _ in range(store.pool.get_idle_size())]
    for connection in rest:
        connection.terminate()
    for connection in (*rest, kept):
        await store.pool.release(connection)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_a_database_that_cannot_be_asked_at_first_about_a_commit_is_asked_again(
    store: Store, server: str, database: str, far: tuple[Store, Way], where: Where
) -> None:
    """Whatever its reason is: a full disk, for one, lets nobody in."""
    distant, way = far
    await do(distant, LABEL, 1, CreateLabel(value="one"))
    await leave_one_connection(distant)
    way.breaks = where
    tried = way.tried
    async with closed(server, database):
        renaming = asyncio.ensure_future(do(distant, LABEL, 1, RenameLabel(value="two")))

        async def asked_again() -> bool:
            return renaming.done() or way.tried > tried + SEVERAL

        await until(asked_again, "the writer asks again")
    await asyncio.wait_for(renaming, PATIENCE)
    stream = await store.log.stream(store.pool, Stream(LABEL.category, 1))
    assert [recorded.event.value for recorded in stream] == ["one", "two"]  # type: ignore[attr-defined]


@asynccontextmanager
async def closed(server: str, database: str) -> AsyncIterator[None]:
    """No new connections to it: PostgreSQL refuses them for a reason that is none of a lost connection."""
    name = urlsplit(database).path[1:]
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        yield
    finally:
        await connection.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await connection.close()


async def test_commands_whose_connection_is_ended_before_the_commit_go_again(store: Store, database: str) -> None:
    async with open_store(database, connections=5) as victim:
        await do(victim, LABEL, 100, CreateLabel(value="first"))
        async with store.pool.acquire() as slow, slow.transaction():
            await store.log.append(slow, facts(999))
            tasks = [
                asyncio.ensure_future(do(victim, LABEL, id_, CreateLabel(value=f"label {id_}"))) for id_ in range(1, 21)
            ]
            await a_writer_waits(store.pool)
            assert await store.pool.fetchval(KILL_WHO_WAITS) in {1, 2}  # so many batches at a time
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
    assert await count(store.pool, "labels") == 21
    assert await count(store.pool, "stored_events") == 22


async def test_of_two_that_were_decided_on_the_same_before_and_after_a_loss_each_is_shown_as_it_is(
    store: Store, database: str
) -> None:
    """The second knows nothing of the first, which waits to be written: both stand for the same version of a stream."""
    async with open_store(database, connections=5) as victim:
        customer_id = await register(victim, "ada@example.com")
        home = AddressDetails(name="Ada")
        added = [AddAddress(address_id=id_, type="billing", details=home) for id_ in (5, 6)]
        await do(victim, CUSTOMER, customer_id, *added)
        async with arriving_together(victim) as start:
            [first] = start(do(victim, CUSTOMER, customer_id, ChangeAddress(address_id=5, city="Lyon")))
            await so_many_wait(victim, 1)
            assert await store.pool.fetchval(KILL_WHO_WAITS) == 1
            victim._instances.remembered.heads.drop(Stream(CUSTOMER.category, customer_id))
            [second] = start(do(victim, CUSTOMER, customer_id, ChangeAddress(address_id=6, city="Nice")))
            await so_many_wait(victim, 2)
    assert [first.exception(), second.exception()] == [None, None]
    assert (await live(store))["addresses"] == (await folded(store))["addresses"]
