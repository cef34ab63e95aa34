"""The servers that the tests beside this one are about do what they are taken for."""

import asyncio

import asyncpg
import pytest

from tests.cluster.nodes import Pair
from tests.cluster.proxy import way_to
from tests.eventstore.acts import until

MAKE, COUNT = "CREATE TABLE made (id int)", "SELECT count(*) FROM pg_tables WHERE tablename = 'made'"
SLEEPS = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')"


async def test_a_standby_that_is_cut_off_lacks_what_came_after_when_it_is_promoted(pair: Pair) -> None:
    await pair.cut_off()
    await pair.primary.ask(MAKE)
    await pair.fail_over()
    assert await pair.standby.ask(COUNT) == 0
    connection = await asyncpg.connect(pair.dsn)
    await connection.execute(MAKE)
    await connection.close()


async def test_a_standby_that_streams_has_what_a_synchronous_commit_waited_for(pair: Pair) -> None:
    await pair.primary.set("synchronous_standby_names", "*")
    await pair.primary.ask(MAKE)
    await pair.fail_over()
    assert await pair.standby.ask(COUNT) == 1


async def test_a_way_is_cut_and_hangs_and_tells_of_a_process_of_its_own(pair: Pair) -> None:
    async with way_to(pair.primary.dsn, is_pooler=True) as (dsn, proxy):
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT pg_backend_pid()") != connection.get_server_pid()
        proxy.hang()
        with pytest.raises(TimeoutError):
            await connection.fetchval("SELECT 1", timeout=0.2)
        connection.terminate()
        proxy.flow()
        connection = await asyncpg.connect(dsn)
        waiting = asyncio.ensure_future(connection.fetchval("SELECT pg_sleep(60)"))
        await until(lambda: pair.primary.ask(SLEEPS), "the server is at it")
        proxy.cut()
        with pytest.raises((asyncpg.PostgresConnectionError, OSError)):
            await waiting


async def test_a_server_that_is_halted_answers_nobody_until_it_goes_on(pair: Pair) -> None:
    pair.primary.halt()
    with pytest.raises(TimeoutError):
        await asyncpg.connect(pair.primary.dsn, timeout=0.2)
    pair.primary.go_on()
    assert await pair.primary.ask("SELECT 1") == 1
