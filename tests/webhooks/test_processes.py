"""Several processes deliver, one for an endpoint at a time; whatever ends one, another goes on and skips nothing."""

import asyncio
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from eventstore.postgres.servers import Servers
from eventstore.store import Store
from projections.database import store_at
from service.webhooks.delivery.progress import Progress, WebhookMessage
from service.webhooks.delivery.recorder import Recorder, Run
from service.webhooks.delivery.state import load
from tests.eventstore.acts import register, rename
from tests.webhooks.desk import Clock, deliveries, endpoint, positions, until
from tests.webhooks.receiver import Receiver, receiving, take

ONLY = ("customer-registered", "customer-renamed")
# Sessions that hold the lock of an endpoint.
LEADERS = """
    SELECT array_agg(DISTINCT pid) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND granted AND objsubid = 1"""
ARE_LED = LEADERS.replace("array_agg(DISTINCT pid)", "count(*) = $1")


@asynccontextmanager
async def another(dsn: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = sys.executable, "-m", "api.process.parent", str(os.getpid()), "deliver"
    settings = {"WEBHOOK_ALLOW": "127.0.0.0/8"}
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, **settings, "DATABASE_URL": dsn})
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_of_two_processes_one_delivers_for_an_endpoint_and_nothing_arrives_twice(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    for number in range(30):
        await endpoint(store, receiver.url(f"/{number}"), types=ONLY)
    async with deliveries(store, servers), deliveries(store, servers):
        await until(store, ARE_LED, 30)
        ada = await register(store, "ada@example.com")
        await rename(store, ada, "Augusta")
        await receiver.until(lambda: len(receiver.received) >= 60)
        await asyncio.sleep(0.5)  # in which a repetition would come
    expected = await positions(store, ada)
    for number in range(30):
        assert [each.events[0]["id"] for each in receiver.received if each.path == f"/{number}"] == [
            *map(str, expected)
        ]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_another_process_goes_on_within_ten_seconds(
    database: str, store: Store, servers: Servers, receiver: Receiver, how: signal.Signals
) -> None:
    await endpoint(store, receiver, types=ONLY)
    ada = await register(store, "ada@example.com")
    async with another(database) as process:
        await receiver.until(lambda: len(receiver.received) == 1)
        async with deliveries(store, servers):
            await asyncio.sleep(1.5)  # in which it finds that there is nothing to do
            process.send_signal(how)
            ended = time.monotonic()
            await rename(store, ada, "Augusta")
            await receiver.until(lambda: len(receiver.taken) == 2)
            assert time.monotonic() - ended < 10
            expected = await positions(store, ada)
            assert receiver.of(ada) == expected


async def test_one_whose_parent_is_gone_does_not_begin(database: str) -> None:
    command = sys.executable, "-m", "api.process.parent", "1", "deliver"
    process = await asyncio.create_subprocess_exec(*command, env={**os.environ, "DATABASE_URL": database})
    assert await process.wait() == 1


async def test_a_lost_session_stops_its_deliveries_at_once(store: Store, servers: Servers, receiver: Receiver) -> None:
    entered, may_answer = asyncio.Event(), asyncio.Event()

    async def wait(_request: web.Request) -> web.StreamResponse:
        entered.set()
        await may_answer.wait()
        return web.Response()

    receiver.answer = wait
    await endpoint(store, receiver, types=ONLY)
    ada = await register(store, "ada@example.com")
    async with deliveries(store, servers, timeout=30):
        await entered.wait()
        await rename(store, ada, "Augusta")
        entered.clear()
        await store.pool.execute(f"SELECT pg_terminate_backend(pid) FROM unnest(({LEADERS})) AS pid")
        await entered.wait()  # again, with the next session: what was on its way counts as not sent
        may_answer.set()
        await receiver.until(
            lambda: set(receiver.of(ada)) == set(receiver.positions) and len(set(receiver.of(ada))) == 2
        )
    assert list(dict.fromkeys(receiver.of(ada))) == await positions(store, ada)


async def test_who_is_cancelled_while_state_is_written_loses_none_of_it(store: Store, servers: Servers) -> None:
    """Otherwise the next one would write a cursor that has passed retries which are not there."""
    webhook_id = await endpoint(store, "https://store.example", types=ONLY)
    connection = await servers.connect()
    try:
        found = await load(connection, webhook_id, 0)
        progress, recorder = Progress(0, b"", found.retries[0]), Recorder(connection)
        recorder.follow(Run(webhook_id, 0, None, progress))
        progress.add(WebhookMessage(1, b"1", "customer-renamed", "customers/1", 1, None, b"{}"))
        flight = progress.take(datetime.now(UTC), ())
        assert flight is not None
        progress.failed(flight, flight.messages, datetime.now(UTC))
        flushing = asyncio.create_task(recorder.flush())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        flushing.cancel()
        with suppress(asyncio.CancelledError):
            await flushing
        progress.skip(2, b"2")
        await recorder.flush()
    finally:
        await connection.close()
    assert await store.pool.fetchval("SELECT position FROM webhook_cursors") == 2
    assert await store.pool.fetchval("SELECT count(*) FROM webhook_retries") == 1


async def test_a_log_that_was_set_back_is_noticed(store: Store, servers: Servers, receiver: Receiver) -> None:
    """A failover may leave this: the last events are gone, the cursor is not, and others have their positions."""
    await endpoint(store, receiver, types=ONLY)
    ada = await register(store, "ada@example.com")
    async with deliveries(store, servers):
        await receiver.until(lambda: len(receiver.taken) == 1)
        for name in ("one", "two", "three"):
            await rename(store, ada, name)
        await receiver.until(lambda: len(receiver.taken) == 4)
        await until(store, "SELECT position = $1 FROM webhook_cursors", (await positions(store, ada))[-1])
    first, *lost = await positions(store, ada)
    await store.pool.execute("DELETE FROM stored_events WHERE notification_id > $1", first)
    await store.pool.execute("SELECT setval('stored_events_notification_id_seq', $1)", first)
    store.forget([])
    async with store_at(servers) as fresh:
        for name in ("eins", "zwei", "drei", "vier"):
            await rename(fresh, ada, name)
        assert (await positions(fresh, ada))[1:4] == lost
        before = len(receiver.taken)
        async with deliveries(fresh, servers):
            await receiver.until(lambda: len(receiver.taken) == before + 4)
        assert receiver.of(ada)[before:] == (await positions(fresh, ada))[1:]


async def test_an_endpoint_misses_nothing_where_the_end_that_it_was_made_at_was_lost(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    """A failover may come between the look at the log's end and the event that makes it."""
    await endpoint(store, receiver, types=ONLY, since=await store.log.head(store.pool) + 5)
    ada = await register(store, "ada@example.com")
    async with deliveries(store, servers):
        await receiver.until(lambda: len(receiver.taken) == 1)
    assert receiver.of(ada) == await positions(store, ada)


@pytest.mark.parametrize("order", ["customer", "store"])
async def test_whatever_fails_and_ends_each_event_arrives_in_order(store: Store, servers: Servers, order: str) -> None:
    """Answers fail at random, and processes begin and end; in the end all is taken, and repeats have the same id."""
    draw = random.Random(7)

    async def at_random(request: web.Request) -> web.StreamResponse:
        return web.Response(status=500) if draw.random() < 0.3 else await take(request)

    clock = Clock()
    async with receiving() as receiver:
        receiver.answer = at_random
        await endpoint(store, receiver, types=ONLY, order=order)
        customers = [await register(store, f"{number}@example.com") for number in range(5)]
        for round_ in range(6):
            async with deliveries(store, servers, now=clock.now):
                for number in range(10):
                    await rename(store, draw.choice(customers), f"{round_} {number}")
                    clock.ahead += timedelta(seconds=3)
                    await asyncio.sleep(0.02)
        receiver.answer = take
        expected = [row[0] for row in await store.pool.fetch(
            "SELECT notification_id FROM stored_events WHERE topic LIKE 'customer-%' ORDER BY 1")]  # fmt: skip
        async with deliveries(store, servers, now=clock.now):
            while set(receiver.positions) != set(expected):
                clock.ahead += timedelta(hours=1)
                await asyncio.sleep(0.1)
        for customer in customers:
            assert list(dict.fromkeys(receiver.of(customer))) == await positions(store, customer)
        if order == "store":
            assert list(dict.fromkeys(receiver.positions)) == expected
        bodies: dict[str, set[bytes]] = {}
        for each in receiver.received:
            bodies.setdefault(each.id, set()).add(each.body)
        assert {len(variants) for variants in bodies.values()} == {1} or order == "store"
