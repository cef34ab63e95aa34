"""The log: recorded events into and out of `stored_events`."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import asyncpg

from domain.event import Claim, Recorded, Stream
from eventstore.log.envelopes import COLUMNS, Envelopes
from eventstore.log.predecessors import predecessors
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.json import encode
from eventstore.postgres.sql import Statement
from eventstore.postgres.stream_ids import End, from_uuid, to_hex, to_uuid
from eventstore.sealing.payloads import DataKey, key_stream
from eventstore.sealing.stream_keys import change_keys

PAGE = 10_000
# The server has room for some thousands of locks in all. A larger command, such as an import's, relies on row locks,
# and may be rolled back and retried.
MAX_KEYS = 1_000

STREAMS = f"""
    SELECT {COLUMNS} FROM readable_events
    WHERE originator_id = ANY($1) ORDER BY originator_id, originator_version"""
SINCE = f"""
    SELECT {COLUMNS} FROM readable_events JOIN unnest($1::uuid[], $2::bigint[]) AS s (id, version) ON id = originator_id
    WHERE originator_version >= s.version ORDER BY originator_id, originator_version"""
STREAM = f"""
    SELECT {COLUMNS} FROM readable_events
    WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= coalesce($3, originator_version)
        AND recorded_at <= coalesce($4, recorded_at)
    ORDER BY originator_version"""
LOG = f"""
    SELECT {COLUMNS} FROM readable_events
    WHERE notification_id > $1 ORDER BY notification_id LIMIT $2"""
HEAD = "SELECT max(notification_id) FROM stored_events"
HOLD = """
    SELECT originator_id, version, digest, kind, value
    FROM hold_streams($1::text::bigint[], $2::text::uuid[], $3::text::bigint[], $4::text::text[], $5::text::json)"""
APPEND = "SELECT notification_id FROM append_events($1::text::json, NULL)"
APPEND_WHOLE = """
    SELECT append_whole(
        hold_unmoved(${0}::text::bigint[], ${1}::text::uuid[], ${2}::text::bigint[], ${3}::text::text[]),
        {{written}}, ${4}, ${5}::text::json, ${6}::text::json)"""
TRY = "SELECT coalesce(bool_and(pg_try_advisory_xact_lock(k)), true) FROM unnest($1::text::bigint[]) AS k"
WRITTEN = """
    SELECT originator_id, originator_version, digest FROM stored_events
    JOIN unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS r (originator_id, originator_version, digest)
        USING (originator_id, originator_version, digest)"""


class Receipt(NamedTuple):
    """Identifies an event: its digest covers all of it, also who asked for it and when, and all events before."""

    stream: Stream
    end: End


class Expected(NamedTuple):
    """A statement with the number of rows that it must write, and the ends of streams while `keys` are locked."""

    statement: Statement
    keys: Collection[int]
    ends: Mapping[Stream, End]


class History(NamedTuple):
    """Events of streams, stream by stream, and the keys that seal their next events, if they have one."""

    events: list[Recorded]
    keys: dict[Stream, DataKey]

    def by_stream(self) -> dict[Stream, list[Recorded]]:
        return {stream: list(events) for stream, events in groupby(self.events, attrgetter("stream"))}


class Log(Envelopes):
    """Reads and appends recorded events. Every method takes the connection or pool that it works on."""

    async def streams(self, on: Executor, streams: Iterable[Stream]) -> History:
        """All events of these streams, each stream in order of version."""
        return self._history(await on.fetch(STREAMS, [to_uuid(stream) for stream in streams]))

    async def since(self, on: Executor, versions: Mapping[Stream, int]) -> History:
        """The events of these streams from a version on, including it."""
        return self._history(await on.fetch(SINCE, [to_uuid(stream) for stream in versions], list(versions.values())))

    def _history(self, rows: Sequence[asyncpg.Record]) -> History:
        events = [self.recorded(row) for row in rows]
        newest = {recorded.stream: row for recorded, row in zip(events, rows, strict=True)}
        keys = {stream: key for stream, row in newest.items() if (key := self.key(row))}
        return History(events, keys)

    async def stream(
        self, on: Executor, stream: Stream, *, after: int = 0, until: int | None = None, at: datetime | None = None
    ) -> list[Recorded]:
        """One stream's events after a version, up to a version or a recorded time."""
        rows = await on.fetch(STREAM, to_uuid(stream), after, until, at)
        return [self.recorded(row) for row in rows]

    async def page(self, on: Executor, after: int, limit: int = PAGE) -> list[Recorded]:
        """The next events of the log after a position, in order."""
        return [self.recorded(row) for row in await on.fetch(LOG, after, limit)]

    async def pages(self, on: Executor, after: int = 0, until: int | None = None) -> AsyncIterator[list[Recorded]]:
        """The log from a position on, page by page, up to a position or to the current end."""
        while page := await self.page(on, after):
            if until is not None and page[-1].position > until:
                page = [recorded for recorded in page if recorded.position <= until]
                if page:
                    yield page
                return
            yield page
            after = page[-1].position

    async def head(self, on: Executor) -> int:
        """The position of the newest event; 0 for an empty log."""
        return await on.fetchval(HEAD) or 0

    async def hold(
        self, on: Executor, ends: Mapping[Stream, End], keys: Collection[int] = (), claims: Sequence[Claim] = ()
    ) -> tuple[dict[Stream, End], dict[Claim, Stream]]:
        """Locks the keys, then returns the streams that do not end as given, with their ends (version 0 for one that is
        not there), and the holders of those claims that are taken.

        Keys and claims are locked until the transaction ends. Claims must ascend, or two commands could deadlock.
        """
        held = sorted(keys) if len(keys) <= MAX_KEYS else ()
        wanted = encode(claims).decode() if claims else None
        rows = await on.fetch(HOLD, array(held), *_columns(ends), wanted)
        moved = {from_uuid(id_): End(version, digest) for id_, version, digest, kind, _value in rows if kind is None}
        holders = {Claim(kind, value): from_uuid(id_) for id_, _, _, kind, value in rows if kind is not None}
        return moved, holders

    async def try_keys(self, on: Executor, keys: Iterable[int]) -> bool:
        """Lock these keys, too, in any order; False if another transaction holds one of them."""
        free: bool = await on.fetchval(TRY, array(keys))
        return free

    async def append(self, on: Connection, events: Sequence[Recorded]) -> list[int]:
        """Append events in the connection's transaction, as late as possible: it holds the log's lock until it ends.

        Returns their positions. Raises asyncpg.UniqueViolationError when a version is taken.
        """
        before = [(to_uuid(recorded.stream), recorded.version) for recorded in events]
        digests = {from_uuid(id_): digest for id_, digest in (await predecessors(on, before)).items()}
        personal = {recorded.stream: recorded.version for recorded in reversed(events) if recorded.event.personal}
        owners = [key_stream(recorded) for recorded in events]
        wanted = {owner for owner in owners if owner is not None}
        keys = (await self.streams(on, wanted)).keys if wanted else {}
        new = {stream: self.new_key(stream, since) for stream, since in personal.items() if stream not in keys}
        await change_keys(on, list(new.items()), [])
        sealed_with = [None if owner is None else (keys | new).get(owner) for owner in owners]
        rows = json_array(self.rows(events, sealed_with, digests))
        return [row["notification_id"] for row in await on.fetch(APPEND, rows)]

    async def append_whole(
        self, on: Connection, expected: Expected, rows: Sequence[bytes], taken: str | None = None
    ) -> int:
        """Append encoded rows, with the claims that are taken and all else that is written, in one statement.

        Returns the mark of what was written. Raises asyncpg.SerializationError if anything is not as expected, and
        asyncpg.UniqueViolationError when a version or a claim is taken; then nothing is written.
        """
        statement, keys, ends = expected
        first = len(statement.arguments) + 1
        query = statement.followed_by(APPEND_WHOLE.format(*range(first, first + 7)))
        held = array(sorted(keys)), *_columns(ends)
        mark: int = await on.fetchval(query, *statement.arguments, *held, statement.rows, json_array(rows), taken)
        return mark

    async def written(self, on: Connection, receipts: Sequence[Receipt]) -> set[Receipt]:
        """The receipts whose events are in the log."""
        ids = [to_uuid(stream) for stream, _ in receipts]
        versions, digests = zip(*(end for _, end in receipts), strict=True)
        found = await on.fetch(WRITTEN, ids, versions, digests)
        return {Receipt(from_uuid(id_), End(version, digest)) for id_, version, digest in found}


def json_array(rows: Iterable[bytes]) -> str:
    return (b"[" + b",".join(rows) + b"]").decode()


def array(values: Iterable[int | str]) -> str:
    """An array as PostgreSQL writes it, for values that need no quotes."""
    return "{" + ",".join(map(str, values)) + "}"


def _columns(ends: Mapping[Stream, End]) -> tuple[str, str, str]:
    """Streams, versions and digests."""
    versions, digests = [end.version for end in ends.values()], [f'"{end.digest.hex()}"' for end in ends.values()]
    return array(map(to_hex, ends)), array(versions), array(digests)
