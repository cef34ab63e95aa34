"""Pages of history, of a customer and its orders or of the whole store, and of the feed, which is history forwards.

A page costs the same however long the history is. Without filters an index gives exactly its events. Filters look at
the next WINDOW or LOG_WINDOW events only, so a page may be short or empty, and has a cursor to continue: an index for
each filter would make appends 6 to 50 % slower (measured), and none serves all combinations.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Self
from uuid import UUID

import asyncpg
import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from domain.customer import CustomerErased
from domain.event import Event, Forgotten, Recorded, Stream, data_of
from eventstore.log.envelopes import COLUMNS, enveloped
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import from_uuid, to_uuid
from projections.history.changes import Changes, Read, Stretch, changes_of
from projections.history.shown import FINGERPRINTS, SHOWN
from projections.queries.language.clock import Span

NEWEST = 2**63 - 1
WINDOW = 1_000
LOG_WINDOW = 10_000  # they are stored side by side

# Events about the customer, transfers of its orders to others, and events of its orders before they came.
ABOUT = """
    SELECT notification_id FROM (
        (SELECT notification_id FROM stored_events
         WHERE customer_id = $6 AND notification_id < $7 ORDER BY notification_id DESC LIMIT $8)
        UNION ALL
        (SELECT notification_id FROM stored_events
         WHERE former_customer_id = $6 AND notification_id < $7 ORDER BY notification_id DESC LIMIT $8)
        UNION ALL
        (SELECT notification_id FROM inherited_events
         WHERE customer_id = $6 AND notification_id < $7 ORDER BY notification_id DESC LIMIT $8)
    ) AS each ORDER BY notification_id DESC LIMIT $8"""
NEWEST_BELOW = f"""
    coalesce((
        SELECT s.version FROM snapshots AS s
        WHERE s.originator_id = found.originator_id AND s.version < found.originator_version
            AND s.fingerprint IN ('{"', '".join(FINGERPRINTS.values())}')
        ORDER BY s.version DESC LIMIT 1), 0)"""
# The page's events, and before them those of their streams since the newest snapshot below each. How far the filters
# have looked, and the customer's version, are in every row, of which there is one even without events. The inner ORDER
# BY leaves PostgreSQL no other plan than a walk over the key for each stretch. `order` is ascending or descending.
PAGE = f"""
    WITH about AS MATERIALIZED ({{about}}),
    found AS MATERIALIZED (
        SELECT notification_id, originator_id, originator_version FROM stored_events
        WHERE {{which}} AND ($2::text[] IS NULL OR topic = ANY($2)) AND ($3::text IS NULL OR actor = $3)
            AND ($4::timestamptz IS NULL OR occurred_at >= $4) AND ($5::timestamptz IS NULL OR occurred_at < $5)
        ORDER BY notification_id {{order}} LIMIT $1::bigint + 1),
    stretches AS (
        SELECT originator_id, after, max(originator_version) AS until, array_agg(notification_id) AS asked,
            (SELECT topic IN {stored_as(CustomerErased)} FROM stored_events AS newest
             WHERE newest.originator_id = start.originator_id ORDER BY originator_version DESC LIMIT 1) AS is_erased
        FROM (
            SELECT notification_id, originator_id, originator_version, {NEWEST_BELOW} AS after FROM found
            ORDER BY notification_id {{order}} LIMIT $1::bigint) AS start
        GROUP BY originator_id, after)
    SELECT {", ".join(f"e.{name.strip()}" for name in COLUMNS.split(","))},
        s.after, s.is_erased, e.notification_id = ANY(s.asked) AS is_asked, whole.*
    FROM (
        SELECT {{version}} AS version, (SELECT count(*) FROM found) > $1::bigint AS has_more,
            (SELECT CASE WHEN count(*) = {{window}} THEN {{last}}(notification_id) END FROM about) AS reached) AS whole
    LEFT JOIN (
        stretches AS s CROSS JOIN LATERAL (
            SELECT {COLUMNS} FROM readable_events AS e
            WHERE e.originator_id = s.originator_id
                AND e.originator_version > s.after AND e.originator_version <= s.until
            ORDER BY e.originator_version
        ) AS e) ON true"""
NO_LIMIT = 2**62
NOTHING = "SELECT NULL::bigint AS notification_id LIMIT 0"
AMONG_ABOUT = "notification_id = ANY(ARRAY(SELECT notification_id FROM about))"
BACKWARDS, FORWARDS = {"order": "DESC", "last": "min"}, {"order": "ASC", "last": "max"}
OF_CUSTOMER = PAGE.format(
    about=ABOUT, which=AMONG_ABOUT, version="(SELECT version FROM figures WHERE id = $6)", window="$8", **BACKWARDS
)
NO_CUSTOMER = {"about": NOTHING, "version": "NULL::bigint", "window": "NULL"}
OF_STORE = PAGE.format(which="notification_id < $6 AND notification_id >= $7", **NO_CUSTOMER, **BACKWARDS)
OF_STREAMS = PAGE.format(which="originator_id = ANY($6)", **NO_CUSTOMER, **BACKWARDS)
# What was an order's before its transfer stays the former customer's here: who follows has read it by then.
FROM_NOW_ON = """
    SELECT notification_id FROM (
        (SELECT notification_id FROM stored_events
         WHERE customer_id = $8 AND notification_id > $6 AND notification_id <= $7 ORDER BY notification_id LIMIT $9)
        UNION ALL
        (SELECT notification_id FROM stored_events
         WHERE former_customer_id = $8 AND notification_id > $6 AND notification_id <= $7
         ORDER BY notification_id LIMIT $9)
    ) AS each ORDER BY notification_id LIMIT $9"""
STORE_AFTER = PAGE.format(which="notification_id > $6 AND notification_id <= $7", **NO_CUSTOMER, **FORWARDS)
CUSTOMER_AFTER = PAGE.format(
    about=FROM_NOW_ON, which=AMONG_ABOUT, version="NULL::bigint", window="$9", **FORWARDS
)  # fmt: skip

REGISTERED = "SELECT EXISTS (SELECT FROM stored_events WHERE originator_id = $1 AND notification_id <= $2)"
ERASED = f"""
    SELECT s.id FROM unnest($1::uuid[]) AS s (id) CROSS JOIN LATERAL (
        SELECT topic FROM stored_events WHERE originator_id = s.id ORDER BY originator_version DESC LIMIT 1
    ) AS newest WHERE newest.topic IN {stored_as(CustomerErased)}"""


class Unreadable(Event, frozen=True, kw_only=True, tag="unreadable"):
    """Takes the place of an event that can't be decoded."""

    personal = False


class Entry(msgspec.Struct, frozen=True):
    """`changes` maps a field of what the event is about to its value before and after.

    `changes` and `data` are None for a forgotten event, and for one that can't be decoded or applied.
    """

    recorded: Recorded
    type: str
    data: dict[str, Any] | None
    changes: Changes | None


class Page(NamedTuple):
    """`before` is where the next page begins; None when there is nothing before this one. `version` is the customer's
    whose history it is; None for one that is erased or never existed.
    """

    entries: list[Entry]
    before: int | None
    version: int | None = None


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """`type` is an event's tag; `since` is included, `until` is not; both are UTC, of when events happened."""

    type: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def between(cls, type_: str | None, actor: str | None, first: Span | None, last: Span | None) -> Self:
        """From the start of one span through the end of another."""
        since, until = first and first.start.replace(tzinfo=UTC), last and last.end.replace(tzinfo=UTC)
        return cls(type=type_, actor=actor, since=since, until=until)


EVERYTHING = Filters()


async def customer_history(
    on: Executor, log: Log, customer_id: int, filters: Filters = EVERYTHING, *, before: int = NEWEST, limit: int
) -> Page:
    """Events before a position; none for a customer that never existed.

    Data that orders held while they were another customer's are left out.
    """
    window = limit + 1 if filters == EVERYTHING else max(WINDOW, limit + 1)
    rows = await on.fetch(OF_CUSTOMER, limit, *_filtering(log, filters), customer_id, before, window)
    return await _page(on, partial(log.recorded, words_of=customer_id), rows, rows[0]["reached"])


async def store_history(
    on: Executor, log: Log, filters: Filters = EVERYTHING, *, before: int = NEWEST, limit: int
) -> Page:
    """A page of the history of the whole store, otherwise as `customer_history`."""
    before = min(before, await log.head(on) + 1)
    lowest = 0 if filters == EVERYTHING else max(0, before - LOG_WINDOW)
    rows = await on.fetch(OF_STORE, limit, *_filtering(log, filters), before, lowest)
    return await _page(on, log.recorded, rows, lowest if lowest > 1 else None)


async def events_after(
    on: Executor,
    log: Log,
    after: int,
    until: int,
    *,
    types: Iterable[str] = (),
    customer_id: int | None = None,
    limit: int,
) -> tuple[list[Entry], int]:
    """Events after a position, oldest first, and how far it has looked: `until` is included, and is the end.

    Of these types, or of all; about this customer now or until a transfer, or about anybody. Filters look at the next
    events only, as in history.
    """
    topics = [topic for type_ in types for topic in log.codec.topics(type_)] or None
    filtering = topics, None, None, None
    if customer_id is None:
        end = until if topics is None else min(until, after + LOG_WINDOW)
        rows = await on.fetch(STORE_AFTER, limit, *filtering, after, end)
    else:
        end, window = until, limit + 1 if topics is None else max(WINDOW, limit + 1)
        rows = await on.fetch(CUSTOMER_AFTER, limit, *filtering, after, end, customer_id, window)
    entries = (await _page(on, log.recorded, rows, None)).entries[::-1]
    if rows[0]["has_more"]:
        return entries, entries[-1].recorded.position
    return entries, rows[0]["reached"] or max(after, end)


async def streams_history(on: Executor, log: Log, streams: Iterable[Stream]) -> list[Entry]:
    """All events of these streams, newest first."""
    ids = [to_uuid(stream) for stream in streams]
    rows = await on.fetch(OF_STREAMS, NO_LIMIT, *_filtering(log, EVERYTHING), ids)
    return (await _page(on, log.recorded, rows, None)).entries


async def was_registered(on: Executor, customer_id: int, until: int = NEWEST) -> bool:
    """Whether such a customer exists or existed, at a position."""
    known: bool = await on.fetchval(REGISTERED, to_uuid(Stream("customer", customer_id)), until)
    return known


async def erased_among(on: Executor, customer_ids: Iterable[int]) -> set[int]:
    """The ids of those who are erased. Nothing comes after an erasure: it is the last event of its stream."""
    ids = [to_uuid(Stream("customer", id_)) for id_ in customer_ids]
    return {from_uuid(row[0]).id for row in await on.fetch(ERASED, ids)}


def _filtering(log: Log, filters: Filters) -> tuple[Any, ...]:
    topics = None if filters.type is None else log.codec.topics(filters.type)
    return topics, filters.actor, filters.since, filters.until


async def _page(on: Executor, read: Read, rows: Sequence[asyncpg.Record], lowest: int | None) -> Page:
    """Makes a page. `lowest` is the position down to which filters have looked, if there are events below."""
    stretches: dict[tuple[UUID, int], Stretch] = {}
    asked: list[tuple[Recorded, str, bool]] = []
    for row in rows if rows[0]["originator_id"] else ():
        key = row["originator_id"], row["after"]
        stretch = stretches.get(key) or stretches.setdefault(key, Stretch(from_uuid(key[0]), row["after"]))
        stretch.events.append(row)
        if row["is_asked"]:
            recorded = _recorded(read, row)
            is_forgotten = row["is_erased"] or isinstance(recorded.event, Forgotten)
            asked.append((recorded, row["topic"].partition("#")[0], is_forgotten))
            if not is_forgotten and not isinstance(recorded.event, Unreadable) and stretch.stream.category in SHOWN:
                stretch.ask(recorded)
    changes = await changes_of(on, read, [stretch for stretch in stretches.values() if stretch.needed])
    entries = [
        Entry(recorded, type_, _data(recorded, is_forgotten=is_forgotten), changes.get(recorded.position))
        for recorded, type_, is_forgotten in sorted(asked, key=lambda each: -each[0].position)
    ]
    return Page(entries, entries[-1].recorded.position if rows[0]["has_more"] else lowest, rows[0]["version"])


def _recorded(read: Read, row: asyncpg.Record) -> Recorded:
    try:
        return read(row)
    except MapperDeserialisationError:
        return enveloped(row, Unreadable())


def _data(recorded: Recorded, *, is_forgotten: bool) -> dict[str, Any] | None:
    if isinstance(recorded.event, Unreadable) or (is_forgotten and not isinstance(recorded.event, CustomerErased)):
        return None
    return data_of(recorded.event)
