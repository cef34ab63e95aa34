"""Events arrive at endpoints: in order, again where they failed, and none is skipped."""

import time
from datetime import timedelta

import pytest
from standardwebhooks import Webhook as StandardWebhook

from domain.customer import CUSTOMER, RelabelCustomer
from domain.label import LABEL, CreateLabel
from domain.webhook import DeliveryOrder, ReplayWebhook, TestWebhook
from eventstore.postgres.servers import Servers
from eventstore.store import Store
from service.webhooks.delivery.tail import AHEAD
from tests.eventstore.acts import do, erase, place, register, rename, transfer
from tests.webhooks.desk import Clock, change, deliveries, endpoint, pause, positions, resume, tell, until
from tests.webhooks.receiver import Receiver, answering, refusing, refusing_types, take
from tests.webhooks.test_signing import keys, verify_pair, whsec


async def test_what_happens_after_an_endpoint_was_made_is_sent_to_it(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    await register(store, "early@example.com")
    webhook_id = await endpoint(store, receiver, types=("customer-registered", "customer-renamed"))
    async with deliveries(store, servers):
        ada = await register(store, "ada@example.com")
        await rename(store, ada, "Augusta")
        expected = await positions(store, ada)
        await receiver.until(lambda: len(receiver.received) == 2)
    assert receiver.positions == expected
    assert [each.id for each in receiver.received] == [f"{webhook_id}-{position}" for position in expected]
    first = receiver.received[0].events[0]
    assert (first["type"], first["subject"], first["source"]) == (
        "customer-registered", f"customers/{ada}", "https://store.example/customers",
    )  # fmt: skip
    assert b"ada@example.com" not in receiver.received[0].body
    assert receiver.received[0].headers["content-type"] == "application/cloudevents+json"


async def test_a_customers_events_come_in_order_and_a_failing_customer_holds_up_itself_alone(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    await endpoint(store, receiver)
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    for name in ("Augusta", "Adele", "Ann"):
        await rename(store, ada, name)
        await rename(store, eve, name)
    clock = Clock()
    receiver.answer = refusing(ada)
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: len(receiver.of(eve)) == 4)
        assert receiver.of(eve) == await positions(store, eve)
        assert receiver.of(ada) == []
        assert len([each for each in receiver.received if each.status == 500]) == 1
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.of(ada)) == 4)
    assert receiver.of(ada) == await positions(store, ada)


async def test_what_a_customer_is_behind_comes_in_order_however_much_it_is(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    """More than is read of its lane at a time, and with events of its orders, also of one that comes and goes."""
    await endpoint(store, receiver)
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    clock = Clock()
    receiver.answer = refusing(ada)
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: any(each.status == 500 for each in receiver.received))
        order = await place(store, ada)
        for number in range(AHEAD):
            await rename(store, ada, f"Ada {number}")
        await transfer(store, order, eve)
        await transfer(store, order, ada)
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        expected = await positions(store, ada)
        await receiver.until(lambda: len(receiver.of(ada)) == len(expected))
    assert receiver.of(ada) == expected


async def test_in_the_order_of_the_store_events_come_by_position_in_batches(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, order="store", since=0)
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    clock = Clock()
    receiver.answer = refusing(eve)
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: len(receiver.received) == 1)
        await rename(store, ada, "Augusta")
        failed = receiver.received[0]
        assert failed.headers["content-type"] == "application/cloudevents-batch+json"
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.positions) == 4)
        assert (receiver.taken[0].id, receiver.taken[0].body) == (failed.id, failed.body), "the same batch again"
    everything = [row[0] for row in await store.pool.fetch("SELECT notification_id FROM stored_events ORDER BY 1")]
    assert receiver.positions == everything
    assert receiver.taken[-1].id == f"{webhook_id}-{everything[-1]}"


async def test_filters_say_which_types_and_whose_events(store: Store, servers: Servers, receiver: Receiver) -> None:
    await do(store, LABEL, 3, CreateLabel(value="wholesale"))
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    await endpoint(store, receiver, types=("customer-renamed",), labels=(3,))
    await do(store, CUSTOMER, ada, RelabelCustomer(labels=frozenset({3}), existing=frozenset({3})))
    async with deliveries(store, servers):
        await rename(store, eve, "Evelyn")
        await rename(store, ada, "Augusta")
        await receiver.until(lambda: len(receiver.received) == 1)
        await rename(store, ada, "Adele")
        await receiver.until(lambda: len(receiver.received) == 2)
    assert [each.events[0]["subject"] for each in receiver.received] == [f"customers/{ada}"] * 2


async def test_that_a_label_is_taken_away_is_the_last_that_is_sent_about_its_customer(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    await do(store, LABEL, 3, CreateLabel(value="wholesale"))
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    await endpoint(store, receiver, labels=(3,))
    async with deliveries(store, servers):
        for labels in ({3}, set[int]()):
            await do(store, CUSTOMER, ada, RelabelCustomer(labels=frozenset(labels), existing=frozenset({3})))
        await rename(store, ada, "Augusta")
        await do(store, CUSTOMER, eve, RelabelCustomer(labels=frozenset({3}), existing=frozenset({3})))
        await receiver.until(lambda: len(receiver.of(eve)) == 1)
        taken = [each.events[0] for each in receiver.received if each.events[0]["data"]["customer_id"] == ada]
    assert [each["type"] for each in taken][-1] == "customer-relabelled"
    assert taken[-1]["id"] == str((await positions(store, ada))[2])


async def test_a_test_is_sent_at_once_whatever_the_filters_and_whatever_waits(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    receiver.answer = refusing_types("customer-registered")
    webhook_id = await endpoint(store, receiver, types=("customer-registered",), order="store")
    await register(store, "ada@example.com")
    async with deliveries(store, servers):
        await receiver.until(lambda: len(receiver.received) == 1)
        tested = await tell(store, webhook_id, TestWebhook())
        await receiver.until(lambda: len(receiver.taken) == 1)
    assert receiver.taken[0].id == f"{webhook_id}-{tested}"
    assert receiver.taken[0].events[0]["type"] == "webhook-tested"


async def test_a_range_is_sent_again_with_the_same_ids_and_disturbs_no_cursor(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    ada = await register(store, "ada@example.com")
    await rename(store, ada, "Augusta")
    first, second = await positions(store, ada)
    webhook_id = await endpoint(store, receiver, types=("customer-registered", "customer-renamed"))
    async with deliveries(store, servers):
        await tell(store, webhook_id, ReplayWebhook(after=0, until=second))
        await receiver.until(lambda: len(receiver.received) == 2)
        await rename(store, ada, "Adele")
        await receiver.until(lambda: len(receiver.received) == 3)
        await tell(store, webhook_id, ReplayWebhook(after=first, until=second))
        await receiver.until(lambda: len(receiver.received) == 4)
        await until(store, "SELECT count(*) = 1 FROM webhook_cursors")
    third = (await positions(store, ada))[2]
    assert receiver.positions == [first, second, third, second]
    assert receiver.received[3].id == receiver.received[1].id


async def test_the_endpoint_is_sent_what_it_says_now(store: Store, servers: Servers, receiver: Receiver) -> None:
    webhook_id = await endpoint(store, receiver)
    async with deliveries(store, servers):
        ada = await register(store, "ada@example.com")
        await receiver.until(lambda: ada in receiver.customers)
        await change(store, webhook_id, receiver.url("/elsewhere"), types=("customer-renamed",))
        await rename(store, ada, "Augusta")
        await receiver.until(lambda: len(receiver.of(ada)) == 2)
        assert receiver.received[-1].path == "/elsewhere"
        await change(store, webhook_id, receiver.url("/last"), types=("customer-renamed",), order="store")
        await rename(store, ada, "Adele")
        await receiver.until(lambda: len(receiver.of(ada)) == 3)
    assert receiver.received[-1].headers["content-type"] == "application/cloudevents-batch+json"


async def test_headers_that_the_endpoint_wants_go_with_each_message(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    await endpoint(store, receiver, headers={"Authorization": "Bearer of-theirs"})
    async with deliveries(store, servers):
        await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.received) == 2)
    assert {each.headers["authorization"] for each in receiver.received} == {"Bearer of-theirs"}


async def test_every_message_is_verified_by_the_package_of_the_standard(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    await endpoint(store, receiver)
    async with deliveries(store, servers):
        await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.received) == 2)
    for each in receiver.received:
        StandardWebhook(whsec(1)).verify(each.body, each.headers)
        verify_pair(keys(1).public, each.headers, each.body)


async def test_a_full_message_is_opened_when_it_is_sent(store: Store, servers: Servers, receiver: Receiver) -> None:
    receiver.answer = answering(500)
    await endpoint(store, receiver, form="full", types=("customer-registered",))
    ada = await register(store, "ada@example.com")
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: len(receiver.received) == 1)
        assert b"ada@example.com" in receiver.received[0].body
        await erase(store, ada)
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.taken) == 2)
    assert [each.events[0]["type"] for each in receiver.taken] == ["customer-erased", "customer-registered"]
    assert not any(b"ada@example.com" in each.body for each in receiver.taken)


@pytest.mark.parametrize("order", ["customer", "store"])
async def test_full_messages_say_what_has_changed(
    store: Store, servers: Servers, receiver: Receiver, order: DeliveryOrder
) -> None:
    await endpoint(store, receiver, form="full", order=order, types=("customer-renamed",))
    ada = await register(store, "ada@example.com")
    async with deliveries(store, servers):
        for name in ("Augusta", "Adele"):
            await rename(store, ada, name)
        await receiver.until(lambda: len(receiver.of(ada)) == 2)
        await until(store, "SELECT position = (SELECT max(notification_id) FROM stored_events) FROM webhook_cursors")
    events = [event["data"]["event"]["first_name"] for each in receiver.received for event in each.events]
    assert events == ["Augusta", "Adele"]


async def test_no_more_than_its_rate_is_sent(store: Store, servers: Servers, receiver: Receiver) -> None:
    await endpoint(store, receiver, rate=10, types=("customer-registered",))
    for number in range(6):
        await register(store, f"{number}@example.com")
    async with deliveries(store, servers):
        began = time.monotonic()
        await receiver.until(lambda: len(receiver.received) == 6)
    assert time.monotonic() - began >= 0.5


async def test_what_failed_as_a_batch_comes_as_that_batch_when_the_order_was_changed(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    """Also erasures among it: none is acknowledged that was not sent."""
    webhook_id = await endpoint(store, receiver, types=("customer-erased",), order="store")
    customers = [await register(store, f"{number}@example.com") for number in range(3)]
    await pause(store, webhook_id)
    for id_ in customers:
        await erase(store, id_)
    receiver.answer = answering(500)
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        await resume(store, webhook_id)
        await receiver.until(lambda: len(receiver.received) == 1)
        await until(store, "SELECT count(*) = 1 FROM webhook_retries")
        await change(store, webhook_id, receiver.url(), types=("customer-erased",))
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.customers) == 3)
        await until(store, "SELECT count(*) = 3 FROM webhook_erasures WHERE acknowledged_at IS NOT NULL")
        await until(store, "SELECT NOT EXISTS (SELECT FROM webhook_retries)")
    failed, sent = receiver.received
    assert (sent.id, sent.body) == (failed.id, failed.body)
    assert receiver.customers == customers


async def test_customers_that_fail_hold_up_all_once_the_order_is_the_stores(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    types = ("customer-registered",)
    webhook_id = await endpoint(store, receiver, types=types)
    receiver.answer = answering(500)
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        ada = await register(store, "ada@example.com")
        await until(store, "SELECT count(*) = 1 FROM webhook_retries")
        await change(store, webhook_id, receiver.url(), types=types, order="store")
        receiver.answer = take
        eve = await register(store, "eve@example.com")
        await until(store, "SELECT NOT EXISTS (SELECT FROM webhook_attempts OFFSET 1)")
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.customers) == 2)
    assert receiver.customers == [ada, eve]
