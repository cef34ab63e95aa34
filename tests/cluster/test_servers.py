"""Whoever connects gets the server that takes writes, and leaves one that does not any more."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from eventstore.postgres.servers import Servers
from eventstore.postgres.sessions import IS_READ_ONLY
from projections.database import open_store
from tests.cluster.nodes import HOST, Pair
from tests.cluster.proxy import Proxy, way_to
from tests.conftest import with_database
from tests.eventstore.acts import register, rename, until

WRITABLE = "SET transaction_read_only = off; ALTER DATABASE custodiary RESET default_transaction_read_only"
SOON = 15.0  # seconds in which a server that is there has to be found


@asynccontextmanager
async def through(pair: Pair) -> AsyncIterator[tuple[str, Proxy]]:
    """A DSN of both, in which the way to the primary can hang."""
    async with way_to(pair.primary.dsn) as (dsn, way):
        yield dsn.replace(f"{HOST}:{way.port}", f"{HOST}:{way.port},{HOST}:{pair.standby.port}"), way


async def test_of_several_servers_the_one_that_takes_writes_is_connected_to(pair: Pair) -> None:
    both = f"{HOST}:{pair.standby.port},{HOST}:{pair.primary.port}"
    connection = await Servers(pair.primary.dsn.replace(f"{HOST}:{pair.primary.port}", both)).connect()
    try:
        assert await connection.fetchval("SELECT inet_server_port()") == pair.primary.port
    finally:
        await connection.close()


async def test_a_standby_is_not_taken_for_the_database_even_if_there_is_no_other(pair: Pair) -> None:
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched, match="it is a standby"):
        await Servers(pair.standby.dsn).connect()


async def test_a_primary_that_hangs_is_left_for_the_one_that_is_there(pair: Pair) -> None:
    async with through(pair) as (dsn, way), open_store(dsn) as store:
        id_ = await register(store, "ann@example.com")
        await pair.cut_off()
        way.hang()
        asked = [asyncio.create_task(rename(store, id_, "Ada")), asyncio.create_task(store.pool.fetchval("SELECT 1"))]
        await pair.standby.promote()
        began = time.monotonic()
        await asyncio.wait_for(asyncio.gather(*asked, return_exceptions=True), SOON)
        await rename(store, id_, "Grace")
        assert time.monotonic() - began < SOON
        assert await pair.standby.ask("SELECT first_name FROM customers") == "Grace"


async def test_a_server_that_has_become_read_only_is_left_for_the_one_that_is_not(pair: Pair) -> None:
    async with through(pair) as (dsn, _), open_store(dsn) as store:
        id_ = await register(store, "ann@example.com")
        await pair.cut_off()
        await pair.standby.promote()
        await pair.primary.set("default_transaction_read_only", "on")

        async def answers() -> bool:
            try:
                await rename(store, id_, "Grace")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return False
            return True

        began = time.monotonic()
        await until(answers, "the store is written to again")
        assert time.monotonic() - began < SOON
        assert await pair.standby.ask("SELECT first_name FROM customers") == "Grace"


async def test_a_session_that_began_as_read_only_is_left_when_the_server_takes_writes(pair: Pair) -> None:
    """However short that was: a session stays what it began as."""
    watching = f"SELECT count(*) FROM pg_stat_activity WHERE query = $${IS_READ_ONLY}$$"
    async with open_store(pair.primary.dsn) as store:
        await until(lambda: pair.primary.ask(watching), "the server is watched")
        await pair.primary.ask("ALTER DATABASE custodiary SET default_transaction_read_only = on")
        await store.pool.expire_connections()
        async with store.pool.acquire() as session:
            pid = await session.fetchval("SELECT pg_backend_pid()")
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                await session.execute("CREATE TABLE written ()")
            elsewhere = await asyncpg.connect(with_database(pair.primary.dsn, "postgres"))
            await elsewhere.execute("ALTER DATABASE custodiary RESET default_transaction_read_only")
            await elsewhere.close()

            async def is_left() -> bool:
                return not await pair.primary.ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}")

            await until(is_left, "the session is left")
