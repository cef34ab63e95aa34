"""The log: recorded events into and out of `stored_events`."""

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

import asyncpg
import msgspec
from eventsourcing.persistence import MapperDeserialisationError

from domain.event import Claim, Event, Recorded, Stream
from eventstore.log.codec import Codec
from eventstore.log.digest import NONE, digest
from eventstore.log.predecessors import predecessors
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.json import encode
from eventstore.postgres.sql import Statement
from eventstore.postgres.stream_ids import End, from_uuid, to_bytes, to_hex, to_uuid
from eventstore.sealing.master_keys import MasterKeyError
from eventstore.sealing.payloads import (
    FORGOTTEN,
    DataKey,
    KeyMissingError,
    SealError,
    Sealing,
    bound,
    has_sealed_words,
    is_sealed,
    key_stream,
    seal,
    seal_words,
    unseal,
    unseal_words,
)
from eventstore.sealing.stream_keys import change_keys

PAGE = 10_000
# The server has room for some thousands of locks in all. A larger command, such as an import's, relies on row locks,
# and may be rolled back and retried.
MAX_KEYS = 1_000

# Of `readable_events`: the last three are of the key.
COLUMNS = """originator_id, originator_version, topic, state, notification_id, occurred_at, recorded_at,
    actor, request_id, correlation_id, customer_id, former_customer_id, digest, since, master_id, wrapped"""
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
APPEND = "SELECT notification_id FROM append_events($1::text::json, NULL, NULL)"
APPEND_WHOLE = """
    SELECT append_whole(
        hold_unmoved(${0}::text::bigint[], ${1}::text::uuid[], ${2}::text::bigint[], ${3}::text::text[]),
        {{written}}, ${4}, ${5}::text::json, ${6}::text::json)"""
TRY = "SELECT coalesce(bool_and(pg_try_advisory_xact_lock(k)), true) FROM unnest($1::text::bigint[]) AS k"
WRITTEN = """
    SELECT originator_id, originator_version, digest FROM stored_events
    JOIN unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS r (originator_id, originator_version, digest)
        USING (originator_id, originator_version, digest)"""


class Row(msgspec.Struct, frozen=True, gc=False):
    """What `append_events` knows of an event."""

    originator_id: str
    originator_version: int
    topic: str
    state: bytes
    digest: bytes
    occurred_at: datetime
    actor: str = ""
    request_id: str = ""
    correlation_id: str = ""
    customer_id: int | None = None
    former_customer_id: int | None = None


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


class Log:
    """Reads and appends recorded events. Every method takes the connection or pool that it works on."""

    def __init__(self, codec: Codec, sealing: Sealing) -> None:
        self.codec = codec
        self.sealing = sealing

    async def streams(self, on: Executor, streams: Iterable[Stream]) -> History:
        """All events of these streams, each stream in order of version."""
        return self._history(await on.fetch(STREAMS, [to_uuid(stream) for stream in streams]))

    async def since(self, on: Executor, versions: Mapping[Stream, int]) -> History:
        """The events of these streams from a version on, including it."""
        return self._history(await on.fetch(SINCE, [to_uuid(stream) for stream in versions], list(versions.values())))

    def _history(self, rows: Sequence[asyncpg.Record]) -> History:
        events = [self.recorded(row) for row in rows]
        newest = {recorded.stream: row for recorded, row in zip(events, rows, strict=True)}
        keys = {stream: key for stream, row in newest.items() if (key := self._key(row))}
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

    def new_key(self, stream: Stream, since: int) -> DataKey:
        """A key for a stream's events from a version on; `change_keys` must store it with the first one."""
        return self.sealing.new_key(to_bytes(stream), since)

    def rows(
        self, events: Iterable[Recorded], keys: Iterable[DataKey | None], digests: dict[Stream, bytes]
    ) -> list[bytes]:
        """Events, encoded for `append_whole`; each sealed with its key, if it has personal data.

        `digests` holds the digests of the streams' last events, and is updated.
        """
        return [self._row(recorded, key, digests) for recorded, key in zip(events, keys, strict=True)]

    def _row(self, recorded: Recorded, key: DataKey | None, digests: dict[Stream, bytes]) -> bytes:
        topic, state = self.codec.encode(recorded.event)
        id_ = to_bytes(recorded.stream)
        if recorded.event.personal:
            assert key is not None, "a stream with personal data has a key"
            state = seal(key.cipher, bound(id_, recorded.version, topic), state)
        elif key is not None:
            state = seal_words(
                key.cipher, bound(id_, recorded.version, topic), state, self.codec.encode_words(recorded.event)
            )
        rest = (
            recorded.occurred_at,
            recorded.actor,
            recorded.request_id,
            recorded.correlation_id,
            recorded.customer_id,
            recorded.former_customer_id,
        )
        previous = digests.get(recorded.stream, NONE)
        digests[recorded.stream] = linked = digest(previous, (id_, recorded.version, topic, state, *rest))
        return encode(Row(id_.hex(), recorded.version, topic, state, linked, *rest))

    def recorded(self, row: asyncpg.Record, words_of: int | None = None) -> Recorded:
        """Decodes a row of COLUMNS. With `words_of` a customer, words about others stay sealed, as if forgotten.

        Raises MapperDeserialisationError.
        """
        topic, state = row[2], row[3]
        has_words = has_sealed_words(state)
        if not (is_sealed(state) or has_words) or (has_words and words_of not in (None, row[10])):
            return enveloped(row, self.codec.decode(topic, state))
        try:
            opened = self._opened(row, has_words=has_words)
        except (SealError, MasterKeyError) as error:
            raise MapperDeserialisationError(f"{topic}: {error}") from error
        return enveloped(row, FORGOTTEN if opened is None else self.codec.decode(topic, opened))

    def _opened(self, row: asyncpg.Record, *, has_words: bool) -> bytes | None:
        """Opens a sealed state; without its key, all but the words, or None. Raises SealError, MasterKeyError."""
        originator_id, version, topic, state = row[0].bytes, row[1], row[2], row[3]
        since, master_id, wrapped = row[13:16]
        if since is None:
            raise KeyMissingError
        if wrapped is None:
            return state if has_words else None
        place = bound(originator_id, version, topic)
        if not has_words:
            return unseal(self.sealing.cipher(originator_id, since, master_id, wrapped), place, state)
        owner = to_bytes(Stream("customer", row[10]))
        return unseal_words(self.sealing.cipher(owner, since, master_id, wrapped), place, state)

    def _key(self, row: asyncpg.Record) -> DataKey | None:
        """The key that seals the events after a row of COLUMNS."""
        originator_id, (since, master_id, wrapped) = row[0].bytes, row[13:16]
        if wrapped is None or has_sealed_words(row[3]):  # those have their customer's key
            return None
        return DataKey(since, master_id, wrapped, self.sealing.cipher(originator_id, since, master_id, wrapped))


def enveloped(row: asyncpg.Record, event: Event) -> Recorded:
    """The envelope that a row of COLUMNS gives an event."""
    return Recorded(
        stream=from_uuid(row[0]),
        version=row[1],
        event=event,
        position=row[4],
        occurred_at=row[5],
        recorded_at=row[6],
        actor=row[7],
        request_id=row[8],
        correlation_id=row[9],
        customer_id=row[10],
        former_customer_id=row[11],
        digest=row[12] or NONE,
    )


def json_array(rows: Iterable[bytes]) -> str:
    return (b"[" + b",".join(rows) + b"]").decode()


def array(values: Iterable[int | str]) -> str:
    """An array as PostgreSQL writes it, for values that need no quotes."""
    return "{" + ",".join(map(str, values)) + "}"


def _columns(ends: Mapping[Stream, End]) -> tuple[str, str, str]:
    """Streams, versions and digests."""
    versions, digests = [end.version for end in ends.values()], [f'"{end.digest.hex()}"' for end in ends.values()]
    return array(map(to_hex, ends)), array(versions), array(digests)
