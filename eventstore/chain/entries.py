"""Events as an auditor sees them: the bytes that digests are made of, not what they mean."""

import asyncio
from collections.abc import AsyncGenerator
from hashlib import sha256
from struct import Struct
from typing import NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

from eventstore.log.digest import EVENT, NONE
from eventstore.postgres.stream_ids import UNKNOWN, from_uuid

Executor: TypeAlias = asyncpg.Pool | asyncpg.pool.PoolConnectionProxy

PAGE = 2_000
MAX = 2**63 - 1
HEAD = "SELECT max(notification_id) FROM stored_events"
# The predecessor is the event before it now: if one is missing, digests do not fit.
ENTRIES = f"""
    SELECT e.notification_id, timestamptz_send(e.recorded_at), p.originator_version, p.digest, e.digest, {EVENT}
    FROM stored_events AS e LEFT JOIN LATERAL (
        SELECT originator_version, digest FROM stored_events
        WHERE originator_id = e.originator_id AND originator_version < e.originator_version
        ORDER BY originator_version DESC LIMIT 1
    ) AS p ON true
    WHERE e.notification_id > $1 AND e.notification_id <= $2 ORDER BY e.notification_id LIMIT $3"""

# Position, time of recording, version and digest of the predecessor, digest, and the event as `digest` takes it.
Entry: TypeAlias = tuple[int, bytes, int | None, bytes | None, bytes | None, bytes]

_ID, _VERSION = slice(12, 28), slice(36, 44)  # of an event's bytes
_note = Struct(">q8s16s8s8s")
NOTE = _note.size


class Place(NamedTuple):
    """Where an event is, or should be."""

    stream: str
    version: int
    position: int | None

    @property
    def event(self) -> tuple[str, int]:
        return self.stream, self.version


class Note(NamedTuple):
    """An event in a few bytes: enough to distinguish it from every other."""

    position: int
    recorded_at: bytes
    id: bytes
    version: bytes
    digest: bytes  # its first 8 bytes

    @property
    def event(self) -> tuple[bytes, bytes]:
        return self.id, self.version

    @property
    def place(self) -> Place:
        return Place(named(self.id), int.from_bytes(self.version), self.position)


def place(entry: Entry) -> Place:
    return Place(named(entry[5][_ID]), int.from_bytes(entry[5][_VERSION]), entry[0])


def named(id_: bytes) -> str:
    """The stream of an id, in words."""
    uuid = UUID(bytes=id_)
    stream = from_uuid(uuid)
    return str(uuid) if stream.category == UNKNOWN else f"{stream.category} {stream.id}"


def due(entry: Entry) -> bytes:
    """The digest that it should have."""
    return sha256((entry[3] or NONE) + entry[5]).digest()


def note(entry: Entry, digest: bytes) -> bytes:
    """See Note."""
    event = entry[5]
    return _note.pack(entry[0], entry[1], event[_ID], event[_VERSION], digest[:8])


def notes(noted: bytes) -> list[Note]:
    return [Note(*fields) for fields in _note.iter_unpack(noted)]


async def pages(on: Executor, *, after: int = -MAX, until: int | None = None) -> AsyncGenerator[list[Entry]]:
    """Events after a position, in order, up to a position or to the current end.

    PostgreSQL prepares the next page while the last one is processed. Close it before you use its connection.
    """
    end = until if until is not None else await on.fetchval(HEAD) or 0
    reading = asyncio.ensure_future(_page(on, after, end))
    try:
        while entries := await reading:
            reading = asyncio.ensure_future(_page(on, entries[-1][0], end))
            await asyncio.sleep(0)  # sends it
            yield entries
    finally:  # a connection does one thing at a time
        await asyncio.wait([reading])


async def _page(on: Executor, after: int, until: int) -> list[Entry]:
    return [tuple(row) for row in await on.fetch(ENTRIES, after, until, PAGE)]
