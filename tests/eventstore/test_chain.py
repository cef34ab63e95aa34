"""Every event's digest is over that of its predecessor and over all that is stored of it, however it came there."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from domain.event import Stream
from domain.label import LABEL, RenameLabel
from eventstore.log.digest import EVENT, digest
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from tests.eventstore.acts import append, do, facts, register, rename
from tests.eventstore.arriving import arriving_together, label
from tests.eventstore.chained import unchained
from tests.eventstore.library_recorder import Recorder
from tests.projections.history import History

DIGEST = f"""
    SELECT sha256($1 || {EVENT}) FROM (
        SELECT $2::uuid AS originator_id, $3::bigint AS originator_version, $4::text AS topic, $5::bytea AS state,
            $6::timestamptz AS occurred_at, $7::text AS actor, $8::text AS request_id, $9::text AS correlation_id,
            $10::bigint AS customer_id, $11::bigint AS former_customer_id
    ) AS e"""
INSERT = """
    INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES ($1, 1, $2, $3)"""

# PostgreSQL's text has no NUL, and UTF-8 no surrogates.
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
IDS = st.none() | st.integers(1, 2**53 - 1)
TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - see timezones
EVENTS = st.tuples(
    st.uuids(), st.integers(0, 2**63 - 1), TEXTS, st.binary(max_size=50), TIMES, TEXTS, TEXTS, TEXTS, IDS, IDS
)


@pytest.fixture(scope="module")
async def postgresql(server: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(server)
    yield connection
    await connection.close()


@given(event=EVENTS, previous=st.sampled_from([b"", b"\xff" * 32]))
async def test_postgresql_reckons_the_same_digest_of_any_event(
    postgresql: asyncpg.Connection, event: tuple[Any, ...], previous: bytes
) -> None:
    id_, *rest = event
    assert digest(previous, (id_.bytes, *rest)) == await postgresql.fetchval(DIGEST, previous, *event)


async def test_any_history_is_chained(store: Store) -> None:
    history = History(store, 11)
    await history.live(300)
    assert history.accepted > 100
    assert await unchained(store) == []


async def test_commands_that_count_on_others_that_wait_are_chained_to_theirs(store: Store) -> None:
    async with arriving_together(store) as start:
        start(label(store, 1))
        for number in range(20):
            start(do(store, LABEL, 1, RenameLabel(value=f"name {number}")))
    assert len(await store.log.stream(store.pool, Stream("label", 1))) > 20
    assert await unchained(store) == []


async def test_what_two_processes_write_in_turn_is_one_chain(store: Store, elsewhere: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    for number in range(10):
        await asyncio.gather(*(rename(each, customer_id, f"{number}") for each in (store, elsewhere)))
    assert len(await store.log.stream(store.pool, Stream("customer", customer_id))) > 10
    assert await unchained(store) == []


async def test_what_is_appended_past_the_rules_is_chained_to_what_is_there(store: Store) -> None:
    await append(store, [*facts(1), *facts(2, 3), *facts(1, 2, after=1)])
    await append(store, [*facts(2, 2, after=3), *facts(3)])
    assert await unchained(store) == []


async def test_what_comes_through_the_librarys_contract_is_chained(store: Store) -> None:
    recorder = Recorder(store.pool)
    first, second = UUID(int=1), to_uuid(Stream("label", 2))
    await recorder.insert_events([StoredEvent(first, 1, "one", b"1"), StoredEvent(second, 1, "one", b"1")])
    await recorder.insert_events([StoredEvent(first, version, "more", b"2") for version in (2, 3)])
    assert await unchained(store) == []


async def test_who_inserts_past_the_service_chains_nothing(store: Store) -> None:
    [event] = facts(1)
    await store.pool.execute(INSERT, to_uuid(event.stream), *store.log.codec.encode(event.event))
    await do(store, LABEL, 1, RenameLabel(value="golden"))
    assert await unchained(store) == [(str(to_uuid(Stream("label", 1))), 1)]
