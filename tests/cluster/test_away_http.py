"""However a database is away, clients are told to come again, the log says it once a second, and then it is over."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import asyncpg
import httpx
import pytest

from api.handling.readiness import STANDS, Unready
from eventstore.postgres.away import LOG_SECONDS
from eventstore.postgres.sessions import IS_READ_ONLY
from eventstore.store import OutcomeUnknown
from projections.database import open_store
from proof import disk
from tests.api.shop import Shop, new_email, open_shop
from tests.cluster.nodes import Node, copied, own_place
from tests.conftest import with_database
from tests.eventstore.acts import register, rename, until

ROOT = "http://store.example"
READY_SECONDS = 6.0  # on a busy machine; a server that hangs is asked for longer than that
SOON = 15.0  # seconds after which nobody waits for a server that hangs
AT_ONCE = 30
NOBODY = """
    ALTER DATABASE custodiary ALLOW_CONNECTIONS false;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'custodiary'"""
EVERYBODY = "ALTER DATABASE custodiary ALLOW_CONNECTIONS true"
READ_ONLY = """
    ALTER DATABASE custodiary SET default_transaction_read_only = on;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'custodiary'"""
WRITABLE = "ALTER DATABASE custodiary RESET default_transaction_read_only"

WATCHING = f"SELECT count(*) FROM pg_stat_activity WHERE query = $${IS_READ_ONLY}$$"

Act = Callable[[Node], Awaitable[None]]


class Way(NamedTuple):
    """How it goes away, how it comes back, and what `/health/ready` says meanwhile."""

    go: Act
    come: Act
    unready: Unready
    answers_reads: bool = False


@pytest.fixture
async def node(migrated_data: Path) -> AsyncIterator[Node]:
    """A server that is the only one."""
    with own_place() as place:
        node = copied(migrated_data, place / "alone")
        await node.start()
        yield node
        node.kill()


def signalled(act: Callable[[Node], None]) -> Act:
    async def work(node: Node) -> None:
        act(node)

    return work


def told(sql: str) -> Act:
    async def work(node: Node) -> None:
        connection = await asyncpg.connect(with_database(node.dsn, "postgres"))
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    return work


WAYS = {
    "it hangs": Way(signalled(Node.halt), signalled(Node.go_on), "hanging"),
    "it is killed": Way(signalled(Node.kill), Node.start, "away"),
    "it is stopped": Way(signalled(Node.stop), Node.start, "away"),
    "it lets nobody in": Way(told(NOBODY), told(EVERYBODY), "away"),
    "it is read-only": Way(told(READ_ONLY), told(WRITABLE), "read_only", answers_reads=True),
}


async def ready(shop: Shop) -> httpx.Response:
    began = time.monotonic()
    answer = await shop.get(f"{ROOT}/health/ready")
    assert time.monotonic() - began < READY_SECONDS
    return answer


async def unready(shop: Shop) -> str:
    answer = await ready(shop)
    return "" if answer.status_code == 200 else str(answer.json()["reason"])


async def until_it_says(word: str, shop: Shop) -> None:
    async def says() -> bool:
        return await unready(shop) == word

    await until(says, f"it is {word or 'ready'}")


async def create(shop: Shop) -> httpx.Response:
    return await shop.post("/customers", {"email": new_email(), "first_name": "Ann"})


def is_no_primary(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json().get("reason")) == (503, "no_primary") and "retry-after" in answer.headers


@pytest.mark.parametrize("way", WAYS)
async def test_clients_are_told_to_come_again_until_it_is_back(
    node: Node, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_shop(node.dsn) as shop:
        id_ = await shop.customer()
        await asyncio.sleep(LOG_SECONDS)  # the test before may have logged, and a line a second is logged
        caplog.clear()
        began = time.monotonic()
        await WAYS[way].go(node)
        asked = [shop.get(f"/customers/{id_}"), create(shop), shop.get(f"{ROOT}/metrics")]
        await asyncio.wait_for(asyncio.gather(*asked), SOON)
        for answer in await asyncio.gather(*(create(shop) for _ in range(AT_ONCE))):
            assert is_no_primary(answer), answer.text
        assert (await shop.get(f"/customers/{id_}")).status_code == (200 if WAYS[way].answers_reads else 503)
        assert await unready(shop) == WAYS[way].unready
        assert (await shop.get(f"{ROOT}/health/live")).status_code == 200
        await WAYS[way].come(node)

        await until_it_says("", shop)
        assert (await create(shop)).status_code == 200
        lasted = time.monotonic() - began
    problems = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert {record.name for record in problems} == {"custodiary.database"}
    assert 1 <= len(problems) <= lasted / LOG_SECONDS + 1
    assert not [record for record in problems if record.exc_info]
    assert not [record for record in caplog.records if vars(record).get("status") == 503]


async def test_a_write_that_is_under_way_when_the_only_server_hangs_is_answered_soon(node: Node) -> None:
    async with open_store(node.dsn) as store:
        customer_id = await register(store, "ann@example.com")
        await until(lambda: node.ask(WATCHING), "the server is watched")
        node.halt()
        with pytest.raises(OutcomeUnknown):
            await asyncio.wait_for(rename(store, customer_id, "Zoe"), SOON + 5)  # on a machine with much else to do
        node.go_on()

        async def there() -> bool:
            with suppress(ConnectionError):
                await rename(store, customer_id, "Eve")
                return True
            return False

        await until(there, "it takes writes again")
        assert await store.pool.fetchval("SELECT first_name FROM customers") == "Eve"


async def test_a_full_disk_is_told_while_it_is_full(migrated_data: Path) -> None:
    with own_place() as place:
        if not disk.mount(place):
            pytest.skip("only root may mount a disk for it, and not everywhere")
        place.chmod(0o711)
        node = copied(migrated_data, place / "alone")
        try:
            await node.start()
            async with open_shop(node.dsn) as shop:
                await until_it_says("", shop)
                assert await disk.fill(place)
                await until_it_says("full", shop)
                assert (await shop.get("/customers")).status_code == 200
                disk.free(place)
                await until_it_says("", shop)
                assert (await create(shop)).status_code == 200
        finally:
            node.kill()
            disk.unmount(place)


async def test_a_schema_of_another_version_is_told(node: Node) -> None:
    async with open_shop(node.dsn) as shop:
        await until_it_says("", shop)
        for changed, back in (
            ("UPDATE migrations SET sha256 = 'x' || sha256", "UPDATE migrations SET sha256 = substr(sha256, 2)"),
            ("ALTER TABLE migrations RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO migrations"),
            (
                "UPDATE read_models SET fingerprint = 'x' || fingerprint",
                "UPDATE read_models SET fingerprint = substr(fingerprint, 2)",
            ),
        ):
            await shop.pool.execute(changed)
            await until_it_says("other_schema", shop)
            await shop.pool.execute(back)
            await until_it_says("", shop)
        await shop.pool.execute("INSERT INTO migrations (name, sha256) VALUES ('log/9999_of_a_newer_version.sql', '')")
        await asyncio.sleep(STANDS)
        assert (await ready(shop)).status_code == 200


async def test_everybody_who_asks_at_once_is_told_by_one_look(node: Node) -> None:
    async with open_shop(node.dsn) as shop:
        await until_it_says("", shop)
        node.halt()
        await asyncio.sleep(STANDS)
        answers = await asyncio.gather(*(ready(shop) for _ in range(AT_ONCE)))
        assert {answer.json()["reason"] for answer in answers} == {"hanging"}
        node.go_on()
        await until_it_says("", shop)
        looking = await shop.pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%'")
        assert looking <= 1
