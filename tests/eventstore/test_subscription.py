"""A subscriber gets every event after its position, once, in order: woken, or polling, or on a new connection."""

import asyncio
from contextlib import suppress

import pytest
from eventsourcing.persistence import Notification, StoredEvent

from domain.event import Recorded, Stream
from eventstore.log.subscription import PAGE, Subscription
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from tests.eventstore.acts import PATIENCE, append, facts, register, until
from tests.eventstore.library_recorder import Recorder

NEVER = 3_600.0
FUNCTION = "SELECT pg_get_functiondef('append_events'::regproc)"
LISTENER = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid <> pg_backend_pid()"""
KILL = "SELECT pg_terminate_backend($1)"
KILL_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventstore.log.subscription.POLL_SECONDS", NEVER)


def subscribe(store: Store, after: int = 0) -> Subscription[Recorded]:
    return Subscription(
        store.pool,
        lambda position, limit: store.log.page(store.pool, position, limit),
        lambda recorded: recorded.position,
        after=after,
    )


async def positions(subscription: Subscription[Recorded], number: int) -> list[int]:
    """Positions of the next `count` events."""
    return [(await asyncio.wait_for(anext(subscription), PATIENCE)).position for _ in range(number)]


async def test_it_begins_after_its_position(store: Store, elsewhere: Store) -> None:
    await append(store, facts(1, 5))
    async with subscribe(elsewhere, after=2) as subscription:
        assert await positions(subscription, 3) == [3, 4, 5]


async def test_it_reads_on_from_page_to_page(store: Store, elsewhere: Store) -> None:
    await append(store, facts(1, PAGE * 2 + 1))
    async with subscribe(elsewhere) as subscription:
        assert await positions(subscription, PAGE * 2 + 1) == list(range(1, PAGE * 2 + 2))


async def test_an_event_wakes_it(store: Store, elsewhere: Store, no_poll: None) -> None:
    async with subscribe(elsewhere) as subscription:
        waiting = asyncio.create_task(positions(subscription, 1))
        await idle(elsewhere)
        await append(store, facts(1))
        assert await waiting == [1]


async def idle(store: Store) -> None:
    """Until a subscriber has read to the end and waits: all connections of its pool but the listener are free."""

    async def waits() -> bool:
        return store.pool.get_size() - store.pool.get_idle_size() == 1

    await until(waits, "the subscriber waits")
    await asyncio.sleep(0)


async def test_events_of_commands_wake_it(store: Store, elsewhere: Store, no_poll: None) -> None:
    async with subscribe(elsewhere) as subscription:
        waiting = asyncio.create_task(positions(subscription, 1))
        await register(store, "ada@example.com")
        assert await waiting == [1]


async def test_events_whose_notification_is_lost_come_with_the_next_poll(
    store: Store, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.log.subscription.POLL_SECONDS", 0.05)
    loud = await store.pool.fetchval(FUNCTION)
    assert "NOTIFY stored_events;" in loud
    await store.pool.execute(loud.replace("NOTIFY stored_events;", ""))
    async with subscribe(elsewhere) as subscription:
        waiting = asyncio.create_task(positions(subscription, 1))
        await idle(elsewhere)
        await append(store, facts(1))
        assert await waiting == [1]


async def test_a_killed_listener_is_replaced_at_once_without_loss_or_repeat(
    store: Store, elsewhere: Store, no_poll: None
) -> None:
    async with subscribe(elsewhere) as subscription:
        await append(store, facts(1, 2))
        assert await positions(subscription, 1) == [1]
        killed = await store.pool.fetchval(LISTENER)
        waiting = asyncio.create_task(positions(subscription, 2))
        await store.pool.execute(KILL, killed)

        async def listens_again() -> bool:
            return await store.pool.fetchval(LISTENER) not in {None, killed}

        await until(listens_again, "a new listener")
        await append(store, facts(1, after=2))
        assert await waiting == [2, 3]


async def test_it_survives_that_all_its_connections_are_killed_again_and_again(
    store: Store, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.log.subscription.POLL_SECONDS", 0.01)
    async with subscribe(elsewhere) as subscription:
        seen = asyncio.create_task(positions(subscription, 300))
        async with store.pool.acquire() as connection:
            for version in range(300):
                async with connection.transaction():
                    await store.log.append(connection, facts(1, after=version))
                if version % 20 == 0:
                    await connection.execute(KILL_OTHERS)
        assert await seen == list(range(1, 301))


async def test_the_librarys_subscription_survives_it_too(
    store: Store, elsewhere: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.log.subscription.POLL_SECONDS", 0.01)

    async def ids(subscription: Subscription[Notification], number: int) -> list[int]:
        return [(await asyncio.wait_for(anext(subscription), PATIENCE)).id for _ in range(number)]

    async with Recorder(elsewhere.pool).subscribe() as subscription:
        seen = asyncio.create_task(ids(subscription, 100))
        async with store.pool.acquire() as connection:
            for version in range(100):
                async with connection.transaction():
                    await store.log.append(connection, facts(1, after=version))
                if version % 10 == 0:
                    await connection.execute(KILL_OTHERS)
        assert await seen == list(range(1, 101))


async def test_stop_ends_one_that_waits(elsewhere: Store, no_poll: None) -> None:
    async with subscribe(elsewhere) as subscription:
        waiting = asyncio.create_task(everything(subscription))
        await idle(elsewhere)
        subscription.stop()
        assert await asyncio.wait_for(waiting, PATIENCE) == []


async def everything(subscription: Subscription[Recorded]) -> list[int]:
    return [recorded.position async for recorded in subscription]


async def test_stop_ends_one_that_has_more_to_tell(store: Store, elsewhere: Store) -> None:
    await append(store, facts(1, 3))
    seen = []
    async with subscribe(elsewhere) as subscription:
        async for recorded in subscription:
            seen.append(recorded.position)
            if recorded.position == 2:
                subscription.stop()
    assert seen == [1, 2]


async def test_one_that_is_stopped_before_it_begins_tells_nothing(store: Store, elsewhere: Store) -> None:
    await append(store, facts(1))
    subscription = subscribe(elsewhere)
    subscription.stop()
    async with subscription:
        assert await everything(subscription) == []


async def test_the_next_one_goes_on_where_it_stopped(store: Store, elsewhere: Store) -> None:
    await append(store, facts(1, 5))
    async with subscribe(elsewhere) as subscription:
        assert await positions(subscription, 2) == [1, 2]
    async with subscribe(elsewhere, after=2) as subscription:
        assert await positions(subscription, 3) == [3, 4, 5]


async def test_it_gives_its_connection_back_without_listening(elsewhere: Store) -> None:
    async with subscribe(elsewhere):
        assert await elsewhere.pool.fetchval(LISTENER) is not None
    assert await elsewhere.pool.fetchval("SELECT count(*) FROM pg_listening_channels()") == 0
    assert elsewhere.pool.get_size() == elsewhere.pool.get_idle_size()


async def test_it_sees_what_the_librarys_recorder_writes(store: Store, elsewhere: Store, no_poll: None) -> None:
    async with subscribe(elsewhere) as subscription:
        waiting = asyncio.create_task(positions(subscription, 1))
        await idle(elsewhere)
        topic, state = store.log.codec.encode(facts(1)[0].event)
        await Recorder(store.pool).insert_events([StoredEvent(to_uuid(Stream("label", 1)), 1, topic, state)])
        assert await waiting == [1]


async def test_only_the_topics_asked_for_come(store: Store, elsewhere: Store) -> None:
    await append(store, facts(1, 2))
    await register(store, "ada@example.com")
    async with Recorder(elsewhere.pool).subscribe(topics=["customer-registered#1"]) as subscription:
        notification = await asyncio.wait_for(anext(subscription), PATIENCE)
        assert (notification.id, notification.topic) == (3, "customer-registered#1")


async def test_one_that_is_cancelled_as_it_begins_leaves_no_connection_behind(store: Store, elsewhere: Store) -> None:
    async with store.pool.acquire() as connection:
        for turns in range(1, 12):  # wherever it is by then
            beginning = asyncio.create_task(subscribe(elsewhere).__aenter__())
            for _ in range(turns):
                await connection.fetchval("SELECT 1")
            beginning.cancel()
            with suppress(asyncio.CancelledError):
                await (await beginning).__aexit__(None, None, None)
    assert elsewhere.pool.get_idle_size() == elsewhere.pool.get_size()
