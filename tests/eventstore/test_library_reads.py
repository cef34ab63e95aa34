"""The library's own psycopg recorder and ours, on one table."""

import asyncio
from collections.abc import Iterator

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresProcessRecorder
from psycopg.conninfo import conninfo_to_dict

from domain.event import Stream
from domain.label import LabelCreated, LabelRenamed
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from tests.eventstore.acts import append, facts, register, until
from tests.eventstore.library_recorder import Recorder

TABLE_WAITED_FOR = """
    SELECT EXISTS (
        SELECT FROM pg_locks WHERE NOT granted AND mode = 'ExclusiveLock' AND relation = 'stored_events'::regclass)"""
LABEL = Stream("label", 7)


@pytest.fixture
def library(database: str) -> Iterator[PostgresProcessRecorder]:
    said = conninfo_to_dict(database)
    datastore = PostgresDatastore(
        dbname=str(said["dbname"]),
        host=str(said["host"]),
        port=str(said["port"]),
        user=str(said["user"]),
        password=str(said.get("password", "")),
    )
    with datastore:
        recorder = PostgresProcessRecorder(
            datastore, events_table_name="stored_events", tracking_table_name="notification_tracking"
        )
        recorder.create_table()
        yield recorder


async def test_the_library_reads_what_we_wrote(store: Store, library: PostgresProcessRecorder) -> None:
    customer_id = await register(store, "ada@example.com")
    await append(store, facts(7, 3))
    stored = library.select_events(to_uuid(Stream("customer", customer_id)))
    assert [(event.originator_version, event.topic) for event in stored] == [(1, "customer-registered#1")]
    assert [event.originator_version for event in library.select_events(to_uuid(LABEL), gt=1)] == [2, 3]
    notifications = library.select_notifications(start=None, limit=10)
    assert [notification.id for notification in notifications] == [1, 2, 3, 4]
    assert notifications == await Recorder(store.pool).select_notifications(start=None, limit=10)


async def test_we_read_what_the_library_wrote(store: Store, library: PostgresProcessRecorder) -> None:
    events = [LabelCreated(value="gold"), LabelRenamed(value="golden")]
    encoded = [store.log.codec.encode(event) for event in events]
    stored = [StoredEvent(to_uuid(LABEL), version, *encoded[version - 1]) for version in (1, 2)]
    assert library.insert_events(stored) == [1, 2]
    recorded = await store.log.stream(store.pool, LABEL)
    assert [each.event for each in recorded] == events
    assert [(each.version, each.position, each.actor) for each in recorded] == [(1, 1, ""), (2, 2, "")]
    assert await store.log.page(store.pool, 0) == recorded
    assert await Recorder(store.pool).select_events(to_uuid(LABEL)) == stored


async def test_a_version_that_we_wrote_is_taken_for_the_library(store: Store, library: PostgresProcessRecorder) -> None:
    await append(store, facts(7))
    with pytest.raises(IntegrityError):
        library.insert_events([StoredEvent(to_uuid(LABEL), 1, "label-created#1", b"{}")])


async def test_both_know_how_far_a_follower_has_come(store: Store, library: PostgresProcessRecorder) -> None:
    await Recorder(store.pool).insert_tracking(Tracking("mailing", 5))
    assert library.max_tracking_id("mailing") == 5
    library.insert_tracking(Tracking("mailing", 6))
    assert await Recorder(store.pool).max_tracking_id("mailing") == 6


async def test_positions_are_in_order_of_commit_when_both_write(store: Store, library: PostgresProcessRecorder) -> None:
    """The library locks the table, we take an advisory lock and then write to the table: each waits for the other."""
    async with store.pool.acquire() as connection, connection.transaction():
        ours = await store.log.append(connection, facts(1))
        theirs = asyncio.create_task(
            asyncio.to_thread(library.insert_events, [StoredEvent(to_uuid(LABEL), 1, "label-created#1", b"{}")])
        )
        await until(lambda: store.pool.fetchval(TABLE_WAITED_FOR), "the library waits for the table")
    assert ours == [1]
    assert await theirs == [2]
