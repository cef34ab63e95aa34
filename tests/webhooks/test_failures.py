"""Endpoints that do not take what they are sent: nothing is skipped, and none is switched off in silence."""

import asyncio
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from aiohttp import web

from eventstore.postgres.servers import Servers
from eventstore.store import Store
from service.webhooks.delivery.dispatch import MOST_AT_ONCE
from service.webhooks.delivery.reading import deliveries as attempts
from service.webhooks.delivery.reading import lags
from tests.eventstore.acts import PATIENCE, register, rename
from tests.webhooks.desk import Clock, deliveries, endpoint, pause, positions, resume, until, webhook
from tests.webhooks.receiver import Receiver, answering, receiving, take

DAY = timedelta(days=1)
ONLY = ("customer-registered", "customer-renamed")


async def hang(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def test_five_hundred_for_a_day_loses_nothing(store: Store, servers: Servers, receiver: Receiver) -> None:
    """The clock goes on by twenty minutes at a time, and something happens in each."""
    await endpoint(store, receiver, types=ONLY)
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    clock = Clock()
    receiver.answer = answering(500, text="out of order")
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: len(receiver.received) == 2)
        for number in range(72):
            clock.ahead += timedelta(minutes=20)
            await rename(store, ada if number % 2 else eve, f"{number}")
            await asyncio.sleep(0.01)
        assert receiver.taken == []
        receiver.answer = take
        clock.ahead += timedelta(hours=15)
        await receiver.until(lambda: len(receiver.taken) == 74)
    for customer in (ada, eve):
        assert receiver.of(customer) == await positions(store, customer)
    assert len(receiver.received) < 74 + 2 * 10, "the same message, at ever longer intervals"


async def test_who_answers_after_the_time_has_not_taken_it(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    receiver.answer = hang
    await register(store, "ada@example.com")
    async with deliveries(store, servers, timeout=0.3):
        await until(store, "SELECT count(*) = 1 FROM webhook_attempts")
    [attempt] = await attempts(store.pool, webhook_id, limit=10)
    assert (attempt.status, attempt.error, attempt.is_success) == (None, "no answer within 0.3 s", False)
    assert attempt.milliseconds >= 300


async def test_who_answers_slowly_has_taken_it(store: Store, servers: Servers, receiver: Receiver) -> None:
    async def slowly(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(1)
        return web.Response()

    await endpoint(store, receiver, types=ONLY)
    receiver.answer = slowly
    ada = await register(store, "ada@example.com")
    async with deliveries(store, servers, timeout=15):
        await receiver.until(lambda: receiver.of(ada) != [])
    assert len(receiver.received) == 1


async def test_gone_pauses_and_every_other_endpoint_hears_of_it(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    async with receiving() as other:
        gone = await endpoint(store, receiver, types=ONLY)
        await endpoint(store, other, types=("label-created",), labels=(99,))
        receiver.answer = answering(410)
        ada = await register(store, "ada@example.com")
        async with deliveries(store, servers):
            await other.until(lambda: len(other.received) == 1)
            assert (await webhook(store, gone)).paused == "gone"
            assert other.received[0].events[0]["type"] == "webhook-paused"
            assert other.received[0].events[0]["subject"] == f"webhooks/{gone}"
            await rename(store, ada, "Augusta")
            receiver.answer = take
            await resume(store, gone)
            await receiver.until(lambda: len(receiver.taken) == 2)
    assert receiver.of(ada) == await positions(store, ada), "it goes on from the cursor"
    assert "webhook-paused" not in [each.events[0]["type"] for each in receiver.received]


async def test_a_redirect_is_a_failure(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    receiver.answer = answering(307, {"location": receiver.url("/elsewhere")})
    await register(store, "ada@example.com")
    async with deliveries(store, servers):
        await until(store, "SELECT count(*) = 1 FROM webhook_attempts")
    assert [each.status for each in await attempts(store.pool, webhook_id, limit=10)] == [307]
    assert [each.path for each in receiver.received] == ["/hook"]


async def test_an_address_inside_is_not_connected_to(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    await register(store, "ada@example.com")
    async with deliveries(store, servers, allowed=()):
        await until(store, "SELECT count(*) = 1 FROM webhook_attempts")
    [attempt] = await attempts(store.pool, webhook_id, limit=10)
    assert attempt.error == "its address is not one that webhooks may go to"
    assert receiver.received == []


async def test_nothing_but_failures_for_long_enough_pauses_and_keeps_the_cursor(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    receiver.answer = answering(500)
    ada = await register(store, "ada@example.com")
    clock = Clock()
    async with deliveries(store, servers, now=clock.now, patience=5 * DAY):
        for attempts in range(1, 6):
            await receiver.until(lambda: len(receiver.received) == attempts)  # noqa: B023 - it is awaited here
            assert (await webhook(store, webhook_id)).paused is None
            await clock.go_on(store, receiver, DAY + timedelta(hours=3))
        await until(store, "SELECT paused = 'failing' FROM webhooks WHERE id = $1", webhook_id)
        assert len(receiver.received) == 6  # the first, and one in each 27 hours until five days are over
        receiver.answer = take
        await rename(store, ada, "Augusta")
        await resume(store, webhook_id)
        await receiver.until(lambda: len(receiver.taken) == 2)
        assert receiver.of(ada) == await positions(store, ada)
    assert (await lags(store, {webhook_id: ONLY}))[webhook_id].failing_since is None


async def test_what_is_delivered_begins_the_patience_anew(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    receiver.answer = answering(500)
    ada = await register(store, "ada@example.com")
    clock = Clock()
    async with deliveries(store, servers, now=clock.now, patience=2 * DAY):
        await receiver.until(lambda: len(receiver.received) == 1)
        receiver.answer = take
        await clock.go_on(store, receiver, 1.5 * DAY)
        await receiver.until(lambda: len(receiver.taken) == 1)
        receiver.answer = answering(500)
        await rename(store, ada, "Augusta")
        await receiver.until(lambda: receiver.received[-1].status == 500)
        await clock.go_on(store, receiver, 1.5 * DAY)
        failed = len(receiver.received)
        await receiver.until(lambda: len(receiver.received) > failed)
        assert (await webhook(store, webhook_id)).paused is None


@pytest.mark.parametrize("status", [429, 503])
async def test_who_is_busy_is_left_alone_for_as_long_as_it_says(
    store: Store, servers: Servers, receiver: Receiver, status: int
) -> None:
    await endpoint(store, receiver, types=ONLY)
    receiver.answer = answering(status, {"retry-after": "120"})
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.received) == 1)
        receiver.answer = take
        await register(store, "eve@example.com")
        clock.ahead += timedelta(seconds=100)
        await asyncio.sleep(1.5)  # longer than it takes to look again
        assert receiver.taken == []
        clock.ahead += timedelta(seconds=30)
        await receiver.until(lambda: len(receiver.taken) == 2)


async def test_who_hangs_is_asked_one_thing_at_a_time(store: Store, servers: Servers, receiver: Receiver) -> None:
    receiver.answer = hang
    await endpoint(store, receiver, types=ONLY)
    for number in range(10):
        await register(store, f"{number}@example.com")
    async with deliveries(store, servers, timeout=0.3):
        await until(store, "SELECT count(*) >= 5 FROM webhook_attempts")
    times = [row[0] for row in await store.pool.fetch("SELECT at FROM webhook_attempts ORDER BY at LIMIT 5")]
    assert all(after - before >= timedelta(seconds=0.29) for before, after in pairwise(times))


async def test_who_answers_gets_more_at_a_time(store: Store, servers: Servers, receiver: Receiver) -> None:
    asked, are_many, may_answer = 0, asyncio.Event(), asyncio.Event()

    async def answer(_request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        if asked > MOST_AT_ONCE:
            if asked == 2 * MOST_AT_ONCE:
                are_many.set()
            await may_answer.wait()
        return web.Response()

    receiver.answer = answer
    await endpoint(store, receiver, types=ONLY)
    for number in range(2 * MOST_AT_ONCE + 1):
        await register(store, f"{number}@example.com")
    async with deliveries(store, servers):
        await asyncio.wait_for(are_many.wait(), PATIENCE)
        assert asked == 2 * MOST_AT_ONCE
        may_answer.set()
        await receiver.until(lambda: len(receiver.taken) == 2 * MOST_AT_ONCE + 1)


async def test_one_that_hangs_holds_up_no_other(store: Store, servers: Servers, receiver: Receiver) -> None:
    async with receiving() as hanging:
        hanging.answer = hang
        for _ in range(5):
            await endpoint(store, hanging, types=ONLY)
        await endpoint(store, receiver, types=ONLY)
        async with deliveries(store, servers, timeout=20):
            began = time.monotonic()
            ada = await register(store, "ada@example.com")
            await receiver.until(lambda: receiver.of(ada) != [])
            assert time.monotonic() - began < 10


async def test_nothing_is_sent_to_a_paused_endpoint(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    async with receiving() as other, deliveries(store, servers):
        await endpoint(store, other, types=ONLY)
        await pause(store, webhook_id)
        ada = await register(store, "ada@example.com")
        await other.until(lambda: other.of(ada) != [])
        assert receiver.received == []
        await resume(store, webhook_id)
        await receiver.until(lambda: receiver.of(ada) != [])
