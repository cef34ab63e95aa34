"""Every event arrives in the stream once, in order, whoever is killed; and a log that was set back stops the relay."""

import asyncio

import pytest
from nats.js.client import JetStreamContext

from eventstore.store import Store
from projections.database import open_store
from service.relay.relay import Relay
from service.relay.report import relays
from service.relay.target import LogSetBack, RelayStopped
from tests.eventstore.acts import PATIENCE, add_user, append, erase, facts, register, rename, until
from tests.relay.broker import STREAM, Broker, arrived, at_work, positions, seen

STORE_URL = "https://store.example"
WINDOW = 1.0  # seconds for which the server remembers ids, in place of two minutes
LOSE = "DELETE FROM stored_events WHERE notification_id > $1"
BEGIN_AGAIN = "SELECT setval(pg_get_serial_sequence('stored_events', 'notification_id'), $1)"


def relay_to(broker: Broker, store: Store, **options: int | bool) -> Relay:
    return Relay(store, broker.target(), STORE_URL, **options)  # type: ignore[arg-type]


async def lose(store: Store, after: int) -> None:
    """Later events are gone, as after a failover to a server that did not have them."""
    await store.pool.execute(LOSE, after)
    await store.pool.execute(BEGIN_AGAIN, after)


async def stopped(relay: Relay) -> RelayStopped:
    with pytest.raises(RelayStopped) as raised:
        await asyncio.wait_for(relay.work(), PATIENCE)
    return raised.value


async def forgets_soon(js: JetStreamContext) -> None:
    """Make the stream, whose server forgets ids after a moment."""
    await js.add_stream(name=STREAM, subjects=["customers.>"], duplicate_window=WINDOW)


async def test_each_event_is_a_message_by_type_and_customer(store: Store, broker: Broker, js: JetStreamContext) -> None:
    customer_id = await register(store, "ada@example.com")
    await add_user(store, 5, "ada")
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 2)
        await rename(store, customer_id, "Augusta")  # which wakes it
        await arrived(broker, 3)
    first, second, third = await seen(js)
    assert first.subject == f"customers.customer-registered.{customer_id}"
    assert second.subject == "customers.user-registered.user-5"
    assert third.body["type"] == "customer-renamed"
    assert third.body["data"]["changed"]
    assert [int(each.body["id"]) for each in (first, second, third)] == [1, 2, 3]
    assert third.body["source"] == f"{STORE_URL}/customers"
    assert not [each for each in (first, second, third) if "ada" in str(each.body).lower()]


async def test_pages_follow_each_other(store: Store, broker: Broker, js: JetStreamContext) -> None:
    await append(store, facts(1, 2_345))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 2_345)
    assert await positions(js) == list(range(1, 2_346))


async def test_it_resumes_after_the_last_message(store: Store, broker: Broker, js: JetStreamContext) -> None:
    await append(store, facts(1, 5))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 5)
    await append(store, facts(2, 3))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 8)
    assert await positions(js) == list(range(1, 9))


async def test_a_server_that_is_killed_misses_nothing_and_gets_nothing_twice(store: Store, broker: Broker) -> None:
    async with at_work(relay_to(broker, store)):
        for number in range(1, 6):
            await append(store, facts(number, 700))
            await asyncio.sleep(0.03 * number)  # somewhere in the middle, each time elsewhere
            await broker.kill()
            await broker.start()
        await arrived(broker, 3_500)
    client = await broker.connect()
    assert await positions(client.jetstream()) == list(range(1, 3_501))
    await client.close()


async def test_it_goes_on_with_a_server_that_has_forgotten_ids(
    store: Store, broker: Broker, js: JetStreamContext
) -> None:
    await forgets_soon(js)
    await append(store, facts(1, 2))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 2)
        await asyncio.sleep(WINDOW)
        await broker.kill()
        await broker.start()
        await append(store, facts(2, 2))
        await arrived(broker, 4)
    client = await broker.connect()
    assert await positions(client.jetstream()) == [1, 2, 3, 4]
    await client.close()


async def test_two_relays_that_do_not_know_of_each_other_send_nothing_twice(
    store: Store, database: str, broker: Broker, js: JetStreamContext
) -> None:
    async with open_store(database) as elsewhere:
        other = Relay(elsewhere, broker.target(host="localhost"), STORE_URL)  # another name is another lock
        async with at_work(relay_to(broker, store), other):
            for number in range(1, 21):
                await append(store, facts(number, 50))
            await arrived(broker, 1_000)
    assert await positions(js) == list(range(1, 1_001))


async def test_one_relays_and_another_takes_over(
    store: Store, database: str, broker: Broker, js: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.relay.relay.TAKE_OVER", 0.1)
    async with open_store(database) as elsewhere, at_work(relay_to(broker, elsewhere)):
        async with at_work(relay_to(broker, store)):
            await append(store, facts(1))
            await arrived(broker, 1)
        await append(store, facts(2))
        await arrived(broker, 2)
    assert await positions(js) == [1, 2]


async def test_a_last_message_that_was_deleted_is_sent_again_and_no_other(
    store: Store, broker: Broker, js: JetStreamContext
) -> None:
    await forgets_soon(js)
    await append(store, facts(1, 3))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 3)
    await js.delete_msg(STREAM, 3)
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 3)
    assert await positions(js) == [1, 2, 3]


async def test_where_all_messages_were_deleted_somebody_says_where_to_resume(
    store: Store, broker: Broker, js: JetStreamContext
) -> None:
    await append(store, facts(1, 3))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 3)
    await js.purge_stream(STREAM)
    await append(store, facts(2, 2))
    assert "--after" in str(await stopped(relay_to(broker, store)))
    async with at_work(relay_to(broker, store, after=3)):
        await arrived(broker, 5)
    assert await positions(js) == [4, 5]


async def test_a_stream_that_drops_its_last_message_by_age_is_refused(
    store: Store, broker: Broker, js: JetStreamContext
) -> None:
    await js.add_stream(name=STREAM, subjects=["customers.>"], max_age=3_600)
    assert "drops messages by age" in str(await stopped(relay_to(broker, store)))


async def test_a_log_that_was_set_back_stops_it_until_somebody_rewinds(
    store: Store, broker: Broker, js: JetStreamContext
) -> None:
    await forgets_soon(js)
    await append(store, facts(1, 5))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 5)
    await lose(store, 3)
    assert isinstance(await stopped(relay_to(broker, store)), LogSetBack)  # the log ends before
    await append(store, facts(2, 4))
    assert isinstance(await stopped(relay_to(broker, store)), LogSetBack)  # it has others there
    assert await positions(js) == [1, 2, 3, 4, 5]
    (state,) = await relays(store.pool)
    assert "set back" in str(state.problem)
    async with at_work(relay_to(broker, store, rewind=True)):  # also while the server remembers the ids of the others
        await arrived(broker, 7)
    digests = [row[0] for row in await store.pool.fetch("SELECT encode(digest, 'hex') FROM stored_events ORDER BY 1")]
    messages = await seen(js)
    assert [each.position for each in messages] == list(range(1, 8))
    assert sorted(each.body["digest"] for each in messages) == digests


async def test_a_log_that_is_set_back_under_it_stops_it(store: Store, broker: Broker, js: JetStreamContext) -> None:
    await append(store, facts(1, 5))
    relay = asyncio.create_task(relay_to(broker, store).work())
    await arrived(broker, 5)
    async with store.pool.acquire() as connection, connection.transaction():
        await connection.execute(LOSE, 3)
        await connection.execute(BEGIN_AGAIN, 3)
        await store.log.append(connection, facts(2, 4))
    with pytest.raises(LogSetBack):
        await asyncio.wait_for(relay, PATIENCE)
    assert await positions(js) == [1, 2, 3, 4, 5]


async def test_thin_messages_of_an_erased_person_stay(store: Store, broker: Broker, js: JetStreamContext) -> None:
    customer_id = await register(store, "ada@example.com")
    await erase(store, customer_id)
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 2)
    assert await positions(js) == [1, 2]


async def test_full_messages_of_an_erased_person_are_purged(store: Store, broker: Broker, js: JetStreamContext) -> None:
    ada, bob = await register(store, "ada@example.com"), await register(store, "bob@example.com")
    async with at_work(Relay(store, broker.target("full"), STORE_URL)):
        await arrived(broker, 2)
        assert "ada@example.com" in str(await seen(js))
        await erase(store, ada)
        await arrived(broker, 3)

        async def is_purged() -> bool:
            return await positions(js) == [2, 3]

        await until(is_purged, "what was sent about Ada is deleted")
        await rename(store, bob, "Bert")
        await arrived(broker, 4)
    assert "ada@example.com" not in str(await seen(js))
    assert "bob@example.com" in str(await seen(js))


async def test_a_purge_that_a_crash_prevented_is_made_up_for(
    store: Store, broker: Broker, js: JetStreamContext
) -> None:
    customer_id = await register(store, "ada@example.com")
    async with at_work(Relay(store, broker.target("full"), STORE_URL)):
        await arrived(broker, 1)
    await erase(store, customer_id)
    async with at_work(relay_to(broker, store)):  # a thin one sends the erasure, and purges nothing
        await arrived(broker, 2)
    assert await positions(js) == [1, 2]
    async with at_work(Relay(store, broker.target("full"), STORE_URL)):

        async def is_purged() -> bool:
            return await positions(js) == [2]

        await until(is_purged, "what was sent about Ada is deleted")


async def test_it_reports_how_far_it_is(store: Store, broker: Broker, js: JetStreamContext) -> None:
    await append(store, facts(1, 3))
    async with at_work(relay_to(broker, store)):
        await arrived(broker, 3)

        async def is_up_to_date() -> bool:
            return [state.events for state in await relays(store.pool)] == [0]

        await until(is_up_to_date, "it reports that it is up to date")
    await append(store, facts(2, 2))
    (state,) = await relays(store.pool)
    assert (state.name, state.problem, state.events) == (broker.target().name, None, 2)
    assert 0 < state.seconds < PATIENCE
