"""Pages of history, of a customer and its orders or of the whole store.

A page costs the same however long the history is. Without filters an index gives exactly its events. Filters look at
the next WINDOW or LOG_WINDOW events only, so a page may be short or empty, and has a cursor to continue: an index for
each filter would make appends 6 to 50 % slower (measured), and none serves all combinations.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple, Self

import asyncpg
import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from domain.customer import CustomerErased
from domain.event import Event, Forgotten, Recorded, Stream
from eventstore.log.log import COLUMNS, Connection, Log, enveloped
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import from_uuid, to_uuid
from projections.history.changes import Changes, Read, changes_of
from projections.history.shown import SHOWN
from projections.queries.language.clock import Span

NEWEST = 2**63 - 1
WINDOW = 1_000
LOG_WINDOW = 10_000  # they are stored side by side

# Events about the customer, transfers of its orders to others, and events of its orders before they came.
POSITIONS = """
    SELECT notification_id FROM (
        (SELECT notification_id FROM stored_events
         WHERE customer_id = $1 AND notification_id < $2 ORDER BY notification_id DESC LIMIT $3)
        UNION ALL
        (SELECT notification_id FROM stored_events
         WHERE former_customer_id = $1 AND notification_id < $2 ORDER BY notification_id DESC LIMIT $3)
        UNION ALL
        (SELECT notification_id FROM inherited_events
         WHERE customer_id = $1 AND notification_id < $2 ORDER BY notification_id DESC LIMIT $3)
    ) AS about ORDER BY notification_id DESC LIMIT $3"""
FILTERED = """
    ($2::text[] IS NULL OR topic = ANY($2)) AND ($3::text IS NULL OR actor = $3)
    AND ($4::timestamptz IS NULL OR occurred_at >= $4) AND ($5::timestamptz IS NULL OR occurred_at < $5)
    ORDER BY notification_id DESC LIMIT $6"""
AT = f"SELECT {COLUMNS} FROM readable_events WHERE notification_id = ANY($1::bigint[]) AND {FILTERED}"
BELOW = f"SELECT {COLUMNS} FROM readable_events WHERE notification_id < $1 AND notification_id >= $7 AND {FILTERED}"

REGISTERED = "SELECT EXISTS (SELECT FROM stored_events WHERE originator_id = $1 AND notification_id <= $2)"
OF_STREAMS = "SELECT notification_id FROM stored_events WHERE originator_id = ANY($1)"
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
    """`before` is where the next page begins; None when there is nothing before this one."""

    entries: list[Entry]
    before: int | None


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
    on: Connection, log: Log, customer_id: int, filters: Filters = EVERYTHING, *, before: int = NEWEST, limit: int
) -> Page:
    """Events before a position; none for a customer that never existed. The connection must see one snapshot.

    Data that orders held while they were another customer's are left out.
    """
    window = limit + 1 if filters == EVERYTHING else max(WINDOW, limit + 1)
    positions = [row[0] for row in await on.fetch(POSITIONS, customer_id, before, window)]
    rows = await on.fetch(AT, positions, *_filtering(log, filters), limit + 1)
    lowest = positions[-1] if len(positions) == window else None
    return await _page(on, partial(log.recorded, words_of=customer_id), rows, limit, lowest)


async def store_history(
    on: Connection, log: Log, filters: Filters = EVERYTHING, *, before: int = NEWEST, limit: int
) -> Page:
    """A page of the history of the whole store, otherwise as `customer_history`."""
    before = min(before, await log.head(on) + 1)
    lowest = 0 if filters == EVERYTHING else max(0, before - LOG_WINDOW)
    rows = await on.fetch(BELOW, before, *_filtering(log, filters), limit + 1, lowest)
    return await _page(on, log.recorded, rows, limit, lowest if lowest > 1 else None)


async def streams_history(on: Connection, log: Log, streams: Iterable[Stream]) -> list[Entry]:
    """All events of these streams, newest first."""
    positions = [row[0] for row in await on.fetch(OF_STREAMS, [to_uuid(stream) for stream in streams])]
    rows = await on.fetch(AT, positions, *_filtering(log, EVERYTHING), len(positions))
    return (await _page(on, log.recorded, rows, len(positions), None)).entries


async def was_registered(on: Connection, customer_id: int, until: int = NEWEST) -> bool:
    """Whether such a customer exists or existed, at a position."""
    known: bool = await on.fetchval(REGISTERED, to_uuid(Stream("customer", customer_id)), until)
    return known


async def erased_among(on: Connection, customer_ids: Iterable[int]) -> set[int]:
    """The ids of those who are erased. Nothing comes after an erasure: it is the last event of its stream."""
    ids = [to_uuid(Stream("customer", id_)) for id_ in customer_ids]
    return {from_uuid(row[0]).id for row in await on.fetch(ERASED, ids)}


def _filtering(log: Log, filters: Filters) -> tuple[Any, ...]:
    topics = None if filters.type is None else log.codec.topics(filters.type)
    return topics, filters.actor, filters.since, filters.until


async def _page(on: Connection, read: Read, rows: Sequence[asyncpg.Record], limit: int, lowest: int | None) -> Page:
    """Makes a page. `lowest` is the position down to which filters have looked, if there are events below."""
    page = [_recorded(read, row) for row in rows[:limit]]
    erased = await erased_among(on, {recorded.stream.id for recorded in page if recorded.stream.category == "customer"})
    known = [recorded for recorded in page if recorded.stream.category in SHOWN and not _is_forgotten(recorded, erased)]
    changes = await changes_of(on, read, known)
    entries = [
        Entry(recorded, row["topic"].partition("#")[0], _data(recorded, erased), changes.get(recorded.position))
        for recorded, row in zip(page, rows, strict=False)
    ]
    return Page(entries, page[-1].position if len(rows) > limit else lowest)


def _recorded(read: Read, row: asyncpg.Record) -> Recorded:
    try:
        return read(row)
    except MapperDeserialisationError:
        return enveloped(row, Unreadable())


def _is_forgotten(recorded: Recorded, erased: set[int]) -> bool:
    """Whether the event is forgotten, also if a restored backup has brought the customer's key back."""
    of_erased = recorded.stream.category == "customer" and recorded.stream.id in erased
    return of_erased or isinstance(recorded.event, Forgotten)


def _data(recorded: Recorded, erased: set[int]) -> dict[str, Any] | None:
    """The event's business data, defaults included, without its tag."""
    if isinstance(recorded.event, Unreadable):
        return None
    if _is_forgotten(recorded, erased) and not isinstance(recorded.event, CustomerErased):
        return None
    return {name: getattr(recorded.event, name) for name in recorded.event.__struct_fields__}
