"""Wraps all keys by another master key while services run; and destroys keys that a backup brought back."""

from collections.abc import Callable
from typing import NamedTuple

import asyncpg

from domain.event import Stream
from domain.events import ERASING
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import BEGIN_AFTER, CODES, LAST_TO_PASS, from_uuid, to_uuid
from eventstore.sealing.master_keys import MasterKeyError
from eventstore.sealing.payloads import SealError, Sealing
from eventstore.sealing.stream_keys import CURRENT, DESTROY

AT_A_TIME = 1_000

# Rotations begin one after the other; each ends those that have begun before.
ONE_AT_A_TIME = "LOCK TABLE master_keys IN SHARE ROW EXCLUSIVE MODE"
LEAVE = "UPDATE master_keys SET is_current = false WHERE is_current AND id <> $1"
ENTER = "INSERT INTO master_keys (id, is_current) VALUES ($1, true) ON CONFLICT (id) DO UPDATE SET is_current = true"
# A transaction that makes a key holds a weaker lock on this table until it commits: when this lock is granted, no key
# that the former master key wraps is still to be committed.
WAIT_FOR_WRITERS = "LOCK TABLE stream_keys IN SHARE MODE"
COUNT = "SELECT count(*) FROM stream_keys WHERE master_id <> $1 AND wrapped IS NOT NULL"
NEXT = """
    SELECT originator_id, since, master_id, wrapped FROM stream_keys
    WHERE master_id <> $1 AND wrapped IS NOT NULL AND (originator_id, since) > ($2, $3)
        AND EXISTS (SELECT FROM master_keys WHERE id = $1 AND is_current)
    ORDER BY originator_id, since LIMIT $4"""
# Keys that are destroyed meanwhile, or wrapped by a later rotation, stay as they are.
REWRAP = """
    UPDATE stream_keys AS k SET master_id = $1, wrapped = n.wrapped
    FROM unnest($2::uuid[], $3::bigint[], $4::bytea[], $5::bytea[]) AS n (id, since, former, wrapped)
    WHERE (k.originator_id, k.since) = (n.id, n.since) AND k.wrapped = n.former
        AND EXISTS (SELECT FROM master_keys WHERE id = $1 AND is_current)"""
FIRST = ("00000000-0000-0000-0000-000000000000", -1)

UNDONE = f"""
    SELECT e.originator_id, max(e.originator_version) FROM stored_events AS e
    JOIN stream_keys AS k ON k.originator_id = e.originator_id AND k.since <= e.originator_version
    WHERE e.topic IN {stored_as(*ERASING)} AND k.wrapped IS NOT NULL GROUP BY e.originator_id"""
MISSING = """
    SELECT count(DISTINCT originator_id) FROM readable_events
    WHERE since IS NULL
        AND (substring(state FOR 1) = '\\x01'::bytea OR substring(state FOR 11) = '{"sealed":"'::bytea)"""
ALL = """
    SELECT originator_id, since, master_id, wrapped FROM stream_keys
    WHERE wrapped IS NOT NULL AND (originator_id, since) > ($1, $2) ORDER BY originator_id, since LIMIT $3"""
# Keys of events that are not in the log: if a stream gets such a version later, it needs a new key.
UNUSED = """
    DELETE FROM stream_keys AS k WHERE NOT EXISTS (
        SELECT FROM stored_events AS e WHERE e.originator_id = k.originator_id AND e.originator_version >= k.since)
    RETURNING 1"""
NEWEST = """
    SELECT originator_id FROM (
        (SELECT originator_id FROM stream_keys WHERE originator_id BETWEEN $1 AND $2 ORDER BY 1 DESC LIMIT 1)
        UNION ALL
        (SELECT originator_id FROM stored_events WHERE originator_id BETWEEN $1 AND $2 ORDER BY 1 DESC LIMIT 1)
    ) AS newest ORDER BY originator_id DESC LIMIT 1"""


class Rotated(NamedTuple):
    """How many keys the new master key wraps, and how many could not be opened and are unchanged."""

    rewrapped: int
    unopened: int


class FoundKeys(NamedTuple):
    """Keys that can and can't be opened; streams whose key is missing; keys of the erased, destroyed again; keys of
    events that are not in the log, deleted now.
    """

    opened: int
    unopened: int
    missing: int
    destroyed_again: int
    removed: int


async def rotate(pool: asyncpg.Pool, sealing: Sealing, master_id: str, progress: Callable[[int, int], None]) -> Rotated:
    """Make a master key the current one, and wrap every key by it.

    Raises MasterKeyError if it is unknown here, or if another rotation begins meanwhile.
    """
    sealing.masters.cipher(master_id)
    async with pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute(ONE_AT_A_TIME)
            await connection.execute(LEAVE, master_id)
            await connection.execute(ENTER, master_id)
        sealing.master_id = master_id
        async with connection.transaction():
            await connection.execute(WAIT_FOR_WRITERS)
        total: int = await connection.fetchval(COUNT, master_id)
        rewrapped = unopened = 0
        last = FIRST
        while rows := await connection.fetch(NEXT, master_id, *last, AT_A_TIME):
            anew = [(row[0], row[1], row[3], wrapped) for row in rows if (wrapped := _rewrapped(sealing, row))]
            if anew:
                await connection.execute(REWRAP, master_id, *zip(*anew, strict=True))
            last = rows[-1][0], rows[-1][1]
            rewrapped += len(anew)
            unopened += len(rows) - len(anew)
            progress(rewrapped + unopened, total)
        if (current := await connection.fetchval(CURRENT)) != master_id:
            raise MasterKeyError(f"another rotation has begun meanwhile, and wraps all keys by {current}")
    return Rotated(rewrapped, unopened)


def _secret(sealing: Sealing, row: asyncpg.Record) -> bytes | None:
    try:
        return sealing.secret(row[0].bytes, row[1], row[2], row[3])
    except (SealError, MasterKeyError):
        return None


def _rewrapped(sealing: Sealing, row: asyncpg.Record) -> bytes | None:
    secret = _secret(sealing, row)
    return sealing.wrap(secret, row[0].bytes, row[1]).wrapped if secret else None


async def check(pool: asyncpg.Pool, sealing: Sealing) -> FoundKeys:
    """Checks keys after a restore: destroys those of people whom the log names as erased, and makes sure that no id
    with a key or an event is used again.
    """
    undone = await pool.fetch(UNDONE)
    if undone:
        await pool.execute(DESTROY, [row[0] for row in undone], [row[1] for row in undone])
    await _pass_ids(pool)
    removed = await pool.fetch(UNUSED)
    opened = unopened = 0
    last = FIRST
    while rows := await pool.fetch(ALL, *last, AT_A_TIME):
        good = sum(_secret(sealing, row) is not None for row in rows)
        opened, unopened = opened + good, unopened + len(rows) - good
        last = rows[-1][0], rows[-1][1]
    return FoundKeys(opened, unopened, await pool.fetchval(MISSING), len(undone), len(removed))


async def _pass_ids(pool: asyncpg.Pool) -> None:
    for category in CODES:
        first, last = to_uuid(Stream(category, 1)), to_uuid(Stream(category, LAST_TO_PASS))
        if newest := await pool.fetchval(NEWEST, first, last):
            await pool.execute(BEGIN_AFTER.format(kind=category), from_uuid(newest).id)
