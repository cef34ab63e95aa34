"""What people see of deliveries."""

from datetime import timedelta

import pytest

from domain.label import LABEL, CreateLabel, RenameLabel
from eventstore.postgres.servers import Servers
from eventstore.store import Store
from service.webhooks.delivery.reading import (
    DeliveryNotFound,
    EndpointLag,
    deliveries_about,
    lags,
    resend,
)
from service.webhooks.delivery.reading import deliveries as attempts
from tests.eventstore.acts import do, register, rename
from tests.webhooks.desk import Clock, change, deliveries, endpoint, pause, positions, resume, until
from tests.webhooks.receiver import Receiver, answering, refusing, refusing_types, take

ONLY = ("customer-registered", "customer-renamed")
ATTEMPTED = "SELECT count(*) = $1 FROM webhook_attempts"


async def lag(store: Store, webhook_id: int, types: tuple[str, ...] = ONLY) -> EndpointLag:
    return (await lags(store, {webhook_id: types}))[webhook_id]


async def test_each_attempt_is_kept_with_its_answer(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    receiver.answer = answering(500, text="no\0t now \xff" + "x" * 2_000)
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        ada = await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.received) == 1)
        receiver.answer = answering(204)
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.taken) == 1)
        await until(store, ATTEMPTED, 2)
    second, first = await attempts(store.pool, webhook_id, limit=10)
    assert (first.status, first.attempt, first.is_success) == (500, 1, False)
    assert first.answer.startswith("no")
    assert first.answer.endswith("x" * 900)
    assert (second.status, second.attempt, second.is_success, second.answer) == (204, 2, True, "")
    assert (second.type, second.kind, second.customer_id, second.events) == ("customer-registered", "new", ada, 1)
    assert second.position == second.until == (await positions(store, ada))[0]
    assert await attempts(store.pool, webhook_id, before=second.id, limit=10) == [first]
    assert await deliveries_about(store.pool, ada, limit=1) == [second]
    assert (await lag(store, webhook_id)).last_failure == first


async def test_lag_is_the_events_that_wait_and_the_age_of_the_oldest(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    receiver.answer = answering(500)
    async with deliveries(store, servers):
        ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
        await rename(store, ada, "Augusta")
        await until(store, "SELECT count(*) = 2 FROM webhook_retries")
        await until(store, "SELECT position = (SELECT max(notification_id) FROM stored_events) FROM webhook_cursors")
        waiting = await lag(store, webhook_id)
        assert (waiting.lag_events, waiting.customers_held_up) == (3, 2)
        assert 0 < waiting.lag_seconds < 60
        assert waiting.failing_since is not None
        await pause(store, webhook_id)
        await until(store, "SELECT failing_since IS NULL FROM webhook_endpoints")
        await rename(store, eve, "Evelyn")
        assert (await lag(store, webhook_id)).lag_events == 4
        receiver.answer = take
        await resume(store, webhook_id)
        await receiver.until(lambda: len(receiver.taken) == 4)
        await until(store, "SELECT count(*) = 0 FROM webhook_retries")
        await until(store, "SELECT position = (SELECT max(notification_id) FROM stored_events) FROM webhook_cursors")
    done = await lag(store, webhook_id)
    assert (done.lag_events, done.lag_seconds, done.customers_held_up, done.failing_since) == (0, 0, 0, None)
    assert done.last_failure is not None


async def test_so_are_those_of_a_stream_that_is_no_customers(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    types = "label-created", "label-renamed"
    webhook_id = await endpoint(store, receiver, types=types)
    receiver.answer = refusing_types("label-created")
    async with deliveries(store, servers):
        await do(store, LABEL, 1, CreateLabel(value="vip"))
        await register(store, "ada@example.com")
        await do(store, LABEL, 1, RenameLabel(value="good"))
        await until(store, "SELECT count(*) = 1 FROM webhook_retries")
        await until(store, "SELECT position = (SELECT max(notification_id) FROM stored_events) FROM webhook_cursors")
        assert (await lag(store, webhook_id, types)).lag_events == 2


async def test_in_the_order_of_the_store_all_that_follows_is_behind(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, order="store")
    receiver.answer = refusing(0)
    ada = await register(store, "ada@example.com")
    receiver.answer = refusing(ada)
    async with deliveries(store, servers):
        await until(store, "SELECT count(*) = 1 FROM webhook_retries")
        await rename(store, ada, "Augusta")
        assert (await lag(store, webhook_id, ())).lag_events == 3  # its own creation, too


async def test_a_delivery_is_sent_once_more_with_the_same_id(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    async with deliveries(store, servers):
        ada = await register(store, "ada@example.com")
        await rename(store, ada, "Augusta")
        await receiver.until(lambda: len(receiver.taken) == 2)
        await until(store, ATTEMPTED, 2)
        first = (await attempts(store.pool, webhook_id, limit=10))[1]
        await resend(store.pool, webhook_id, first.id)
        await receiver.until(lambda: len(receiver.taken) == 3)
        await until(store, ATTEMPTED, 3)
    assert receiver.received[2].id == receiver.received[0].id
    assert receiver.received[2].body == receiver.received[0].body
    assert (await attempts(store.pool, webhook_id, limit=1))[0].kind == "resent"
    with pytest.raises(DeliveryNotFound):
        await resend(store.pool, webhook_id + 1, first.id)


async def test_a_batch_is_sent_once_more_as_it_was(store: Store, servers: Servers, receiver: Receiver) -> None:
    ada = await register(store, "ada@example.com")
    await rename(store, ada, "Augusta")
    webhook_id = await endpoint(store, receiver, types=ONLY, order="store", since=0)
    async with deliveries(store, servers):
        await until(store, ATTEMPTED, 1)
        [sent] = await attempts(store.pool, webhook_id, limit=10)
        assert (sent.events, sent.customer_id) == (2, None)
        await change(store, webhook_id, receiver.url("/other"))  # in another order, and without filters
        await resend(store.pool, webhook_id, sent.id)
        await receiver.until(lambda: receiver.received[0].body in {each.body for each in receiver.taken[1:]})


async def test_attempts_are_forgotten_after_thirty_days(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver, types=ONLY)
    async with deliveries(store, servers):
        await register(store, "ada@example.com")
        await until(store, ATTEMPTED, 1)
    for days, left in ((29, 1), (31, 0)):
        clock = Clock()
        clock.ahead = timedelta(days=days)
        async with deliveries(store, servers, now=clock.now):
            await until(store, ATTEMPTED, left)
        assert len(await attempts(store.pool, webhook_id, limit=10)) == left
