"""An erasure reaches whoever was told of the person, before anything else about them."""

from datetime import timedelta

from domain.order import ORDER, TransferOrder
from eventstore.postgres.servers import Servers
from eventstore.store import Store
from service.webhooks.delivery.reading import Notice, notices
from service.webhooks.delivery.reading import deliveries as attempts
from tests.eventstore.acts import do, erase, place, register, rename
from tests.webhooks.desk import Clock, deliveries, endpoint, pause, positions, replay, resume, until
from tests.webhooks.receiver import Receiver, answering, receiving, refusing, take

REGISTERED = ("customer-registered",)


def types(receiver: Receiver) -> list[str]:
    return [event["type"] for each in receiver.taken for event in each.events]


async def test_it_goes_to_every_endpoint_that_got_something_whatever_its_filters(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    async with receiving() as stranger, deliveries(store, servers):
        told = await endpoint(store, receiver, types=REGISTERED)
        await endpoint(store, stranger, types=("label-created",))
        ada = await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.taken) == 1)
        await erase(store, ada)
        await receiver.until(lambda: len(receiver.taken) == 2)
        await until(store, "SELECT bool_and(acknowledged_at IS NOT NULL) FROM webhook_erasures")
    assert types(receiver) == ["customer-registered", "customer-erased"]
    assert stranger.received == []
    [notice] = await notices(store.pool, ada)
    assert (notice.webhook_id, notice.acknowledged_at is not None) == (told, True)


async def test_it_goes_ahead_of_what_waits(store: Store, servers: Servers, receiver: Receiver) -> None:
    await endpoint(store, receiver)
    ada = await register(store, "ada@example.com")
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: receiver.of(ada) != [])
        receiver.answer = refusing(ada)
        await rename(store, ada, "Augusta")
        await rename(store, ada, "Adele")
        await receiver.until(lambda: receiver.received[-1].status == 500)
        await erase(store, ada)
        await receiver.until(lambda: receiver.received[-1].events[0]["type"] == "customer-erased")
        assert receiver.received[-1].status == 500
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.of(ada)) == 4)
    registered, first, second, erased = await positions(store, ada)
    assert receiver.of(ada) == [registered, erased, first, second]


async def test_in_the_order_of_the_store_it_goes_ahead_too(store: Store, servers: Servers, receiver: Receiver) -> None:
    await endpoint(store, receiver, order="store", types=("customer-registered", "customer-renamed"))
    ada = await register(store, "ada@example.com")
    clock = Clock()
    async with deliveries(store, servers, now=clock.now):
        await receiver.until(lambda: receiver.of(ada) != [])
        receiver.answer = answering(500)
        await rename(store, ada, "Augusta")
        await receiver.until(lambda: receiver.received[-1].status == 500)
        await erase(store, ada)
        receiver.answer = take
        await clock.go_on(store, receiver, timedelta(seconds=6))
        await receiver.until(lambda: len(receiver.of(ada)) == 3)
    registered, renamed, erased = await positions(store, ada)
    assert receiver.of(ada) == [registered, erased, renamed]


async def test_who_got_nothing_hears_of_it_in_its_place(store: Store, servers: Servers, receiver: Receiver) -> None:
    ada = await register(store, "ada@example.com")
    await erase(store, ada)
    webhook_id = await endpoint(store, receiver, since=0)
    async with deliveries(store, servers):
        await receiver.until(lambda: len(receiver.of(ada)) >= 2)
        await until(store, "SELECT bool_and(acknowledged_at IS NOT NULL) FROM webhook_erasures")
    assert receiver.of(ada)[:2] == await positions(store, ada)
    assert [notice.webhook_id for notice in await notices(store.pool, ada)] == [webhook_id]


async def test_who_is_sent_the_past_of_somebody_erased_hears_of_that(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    ada = await register(store, "ada@example.com")
    await erase(store, ada)
    webhook_id = await endpoint(store, receiver, types=REGISTERED)
    async with deliveries(store, servers):
        await replay(store, webhook_id, 0, (await positions(store, ada))[0])
        await receiver.until(lambda: len(receiver.taken) == 2)
    assert types(receiver) == ["customer-registered", "customer-erased"]


async def test_a_paused_endpoint_is_told_first_of_all_when_it_is_resumed(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, types=("customer-registered", "customer-renamed"))
    async with deliveries(store, servers):
        ada = await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.taken) == 1)
        await pause(store, webhook_id)
        await rename(store, ada, "Augusta")
        await erase(store, ada)
        await resume(store, webhook_id)
        await receiver.until(lambda: len(receiver.taken) == 3)
    assert types(receiver) == ["customer-registered", "customer-erased", "customer-renamed"]


async def test_what_an_endpoint_answered_about_the_erased_is_forgotten(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, types=REGISTERED)
    receiver.answer = answering(200, text="Welcome, Ada!")
    async with deliveries(store, servers):
        ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
        await receiver.until(lambda: len(receiver.taken) == 2)
        await until(store, "SELECT count(*) = 2 FROM webhook_attempts")
        receiver.answer = take
        await erase(store, ada)
        await receiver.until(lambda: len(receiver.taken) == 3)
        await until(store, "SELECT count(*) = 3 FROM webhook_attempts")
    about = {
        each.customer_id: each.answer for each in await attempts(store.pool, webhook_id, limit=9) if each.position < 5
    }
    assert (about[ada], about[eve]) == ("", "Welcome, Ada!")


async def test_the_receipt_has_who_was_sent_it_before_they_acknowledge(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    webhook_id = await endpoint(store, receiver, types=REGISTERED)
    async with deliveries(store, servers):
        ada = await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.taken) == 1)
        receiver.answer = answering(500)
        await erase(store, ada)
        await until(store, "SELECT count(*) = 1 FROM webhook_erasures WHERE sent_at IS NOT NULL")
    [notice] = await notices(store.pool, ada)
    assert notice == Notice(webhook_id, notice.sent_at, None)


async def test_it_goes_to_who_knows_the_person_only_as_whose_order_was_anothers(
    store: Store, servers: Servers, receiver: Receiver
) -> None:
    await endpoint(store, receiver, types=("order-transferred",))
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    order = await place(store, ada)
    async with deliveries(store, servers):
        await do(store, ORDER, order, TransferOrder(customer_id=eve))
        await receiver.until(lambda: len(receiver.taken) == 1)
        await until(store, "SELECT count(*) = 2 FROM webhook_customers")
        await erase(store, ada)
        await receiver.until(lambda: len(receiver.taken) == 2)
    assert types(receiver) == ["order-transferred", "customer-erased"]


async def test_what_is_sent_again_after_it_names_no_field(store: Store, servers: Servers, receiver: Receiver) -> None:
    """Though the message that was made before the erasure is still in memory."""
    webhook_id = await endpoint(store, receiver, types=REGISTERED)
    async with deliveries(store, servers):
        ada = await register(store, "ada@example.com")
        await receiver.until(lambda: len(receiver.taken) == 1)
        await erase(store, ada)
        await receiver.until(lambda: len(receiver.taken) == 2)
        await replay(store, webhook_id, 0, (await positions(store, ada))[0])
        await receiver.until(lambda: len(receiver.taken) == 3)
    first, _, again = receiver.taken
    assert first.events[0]["data"]["changed"]
    assert (again.id, again.events[0]["data"]["changed"]) == (first.id, None)
