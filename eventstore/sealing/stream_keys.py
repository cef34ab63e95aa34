"""Keys of streams in the database: made with their first event, read for a range of streams, destroyed for good."""

from collections.abc import Iterable, Sequence
from math import inf
from typing import Any, TypeAlias

import asyncpg
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.event import Stream
from domain.events import ERASING
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.json import encode
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import from_uuid, id_of, to_bytes, to_hex, to_uuid
from eventstore.sealing.payloads import DataKey, KeyMissingError, Sealing, unseal, unseal_words

COLUMNS = "uuid_send(originator_id) AS stream, since, until, master_id, wrapped"
OF_RANGE = f"SELECT {COLUMNS} FROM stream_keys WHERE originator_id BETWEEN $1 AND $2"
OF_SOME = f"SELECT {COLUMNS} FROM stream_keys WHERE originator_id = ANY($1)"
# A key that the current master key does not wrap has no name here, and can't be written.
MAKE = """
    INSERT INTO stream_keys (originator_id, since, until, master_id, wrapped, destroyed_at)
    SELECT originator_id, since, until,
        (SELECT id FROM master_keys WHERE id = k.master_id AND is_current),
        CASE WHEN until IS NULL THEN decode(wrapped, 'base64') END,
        CASE WHEN until IS NOT NULL THEN clock_timestamp() END
    FROM json_to_recordset($1::text::json) AS k (
        originator_id uuid, since bigint, until bigint, master_id text, wrapped text)"""
DESTROY = """
    UPDATE stream_keys AS k SET wrapped = NULL, until = coalesce(k.until, e.until), destroyed_at = clock_timestamp()
    FROM unnest($1::uuid[], $2::bigint[]) AS e (id, until)
    WHERE k.originator_id = e.id AND k.since < e.until AND k.wrapped IS NOT NULL"""
# Plain events of these streams, which another program has written.
OVERWRITE = f"""
    UPDATE stored_events AS e SET state = '\\x01' FROM unnest($1::uuid[], $2::bigint[]) AS s (id, until)
    WHERE e.originator_id = s.id AND e.originator_version < s.until
        AND substring(e.state FOR 1) <> '\\x01' AND e.topic NOT IN {stored_as(*ERASING)}
    RETURNING s.id, e.originator_version, s.until"""
# Versions without a destroyed key: a key covers versions up to where the next key begins.
COVER = """
    INSERT INTO stream_keys (originator_id, since, until, master_id, destroyed_at)
    SELECT id, min(version), until, '', clock_timestamp() FROM (
        SELECT e.id, e.version, coalesce((
            SELECT min(k.since) FROM stream_keys AS k WHERE k.originator_id = e.id AND k.since > e.version
        ), e.until) AS until
        FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS e (id, version, until)
        WHERE NOT EXISTS (
            SELECT FROM stream_keys AS k WHERE k.originator_id = e.id AND k.since <= e.version AND e.version < k.until)
    ) AS uncovered GROUP BY id, until"""
NO_KEY = ""  # the master key of what COVER has put in the place of one
BEGIN_WITH = "INSERT INTO master_keys (id, is_current) VALUES ($1, true) ON CONFLICT DO NOTHING"
CURRENT = "SELECT id FROM master_keys WHERE is_current"
OPENABLE = "SELECT DISTINCT originator_id FROM stream_keys WHERE originator_id = ANY($1) AND wrapped IS NOT NULL"


class MasterKeyChangedError(Exception):
    """A rotation has begun: another master key wraps new keys now."""


# Stream; the first version that a key opens and the first that it doesn't; the cipher, unless the key is destroyed; the
# number of the stream.
Known: TypeAlias = tuple[bytes, int, float, AESGCM | None, int]


class StreamKeys:
    """Keys of some streams, which open their events, one stream after another: used for each event of a replay."""

    def __init__(self, sealing: Sealing, rows: Iterable[asyncpg.Record]) -> None:
        self._unwrap = sealing.unwrap
        self._last: Known = b"", 0, 0, None, 0  # only one: a cipher is large, and is faster to make than to find
        self._rows: dict[bytes, list[asyncpg.Record]] = {}
        for row in rows:
            self._rows.setdefault(row[0], []).append(row)

    @classmethod
    async def of(cls, on: Executor, sealing: Sealing, streams: Iterable[Stream]) -> "StreamKeys":
        return cls(sealing, await on.fetch(OF_SOME, [to_uuid(stream) for stream in streams]))

    @classmethod
    async def between(cls, on: Executor, sealing: Sealing, first: Stream, last: Stream) -> "StreamKeys":
        return cls(sealing, await on.fetch(OF_RANGE, to_uuid(first), to_uuid(last)))

    def opened(self, originator_id: bytes, version: int, topic: str, state: bytes) -> bytes | None:
        """Opens a sealed state; None if its key is destroyed. Raises SealError and MasterKeyError."""
        id_, since, until, cipher, _number = self._last
        if id_ != originator_id or not since <= version < until:
            self._last = self._find(originator_id, version)
            cipher = self._last[3]
        return None if cipher is None else unseal(cipher, originator_id + version.to_bytes(8) + topic.encode(), state)

    def with_words(self, customer_id: int, place: bytes, state: bytes) -> bytes:
        """Opens the words of an event; without them if the customer's key is destroyed. Raises as `opened`."""
        if self._last[4] != customer_id:  # events with words come with those of customers, so other keys are not there
            self._last = self._find(to_bytes(Stream("customer", customer_id)))
        cipher = self._last[3]
        return state if cipher is None else unseal_words(cipher, place, state)

    async def add(self, on: Executor, streams: Iterable[Stream]) -> None:
        for row in await on.fetch(OF_SOME, [to_uuid(stream) for stream in streams]):
            self._rows.setdefault(row[0], []).append(row)

    def _find(self, originator_id: bytes, version: int | None = None) -> Known:
        """The key of a version, or of a customer's words: a customer never has a second key."""
        for _id, since, until, master_id, wrapped in self._rows.get(originator_id, ()):
            if since <= version and (until is None or version < until) if version else master_id != NO_KEY:
                cipher = None if wrapped is None else self._unwrap(originator_id, since, master_id, wrapped)
                return originator_id, since, inf if until is None else until, cipher, id_of(originator_id)
        raise KeyMissingError


async def settle(on: Executor, sealing: Sealing) -> None:
    """Makes the store's current master key wrap new keys; in a new store it is the first one. Raises MasterKeyError."""
    current = await on.fetchval(CURRENT)
    if current is None:
        await on.execute(BEGIN_WITH, sealing.masters.first)
        current = await on.fetchval(CURRENT)
    sealing.masters.cipher(current)
    sealing.master_id = current


async def change_keys(
    on: Connection, made: Sequence[tuple[Stream, DataKey]], ended: Sequence[tuple[Stream, int]]
) -> None:
    """Stores new keys, and destroys those of streams that end, up to their last versions, which must ascend.

    Raises MasterKeyChangedError if another master key must wrap new keys now.
    """
    if ended:
        first = dict(reversed(ended))
        ends = [to_uuid(stream) for stream in first], list(first.values())
        await on.execute(DESTROY, *ends)
        if plain := await on.fetch(OVERWRITE, *ends):
            await on.execute(COVER, *zip(*plain, strict=True))
    if made:
        try:
            await on.execute(MAKE, described(made, ended))
        except asyncpg.NotNullViolationError as error:
            raise MasterKeyChangedError from error


def making(number: int) -> str:
    """A part of a `Statement` that stores new keys, as `described`. Raises asyncpg.NotNullViolationError where
    `change_keys` raises MasterKeyChangedError.
    """
    return f"{MAKE.replace('$1', f'${number}')} RETURNING 1"


def described(made: Iterable[tuple[Stream, DataKey]], ended: Sequence[tuple[Stream, int]] = ()) -> str:
    return encode([_row(stream, key, ended) for stream, key in made]).decode()


def _row(stream: Stream, key: DataKey, ended: Iterable[tuple[Stream, int]]) -> dict[str, Any]:
    return {
        "originator_id": to_hex(stream),
        "since": key.since,
        "until": next((version for each, version in ended if each == stream and version > key.since), None),
        "master_id": key.master_id,
        "wrapped": key.wrapped,
    }


async def openable(on: Executor, streams: Iterable[Stream]) -> set[Stream]:
    """The streams that have events under a key that is not destroyed."""
    return {from_uuid(row[0]) for row in await on.fetch(OPENABLE, list(map(to_uuid, streams)))}
