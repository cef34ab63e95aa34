"""Events of customers and users from before there were keys: sealed once, when the store is brought up to date."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from eventstore.keys import change_keys
from eventstore.log import Connection, Log
from eventstore.sealing import FORMAT, DataKey, bound, seal
from eventstore.streams import from_uuid, lock_key

AT_A_TIME = 200

NEXT = "SELECT originator_id FROM unsealed_streams ORDER BY originator_id LIMIT $1"
# Those that outlive an erasure are left as they are.
PLAIN = """
    SELECT originator_id, originator_version, topic, state FROM stored_events
    WHERE originator_id = ANY($1) AND substring(state FOR 1) = '{' AND topic NOT LIKE '%-erased#%'
    ORDER BY originator_id, originator_version FOR UPDATE"""
ERASED = """
    SELECT originator_id, originator_version FROM stored_events
    WHERE originator_id = ANY($1) AND topic LIKE '%-erased#%'"""
# Whoever writes with keys has waited for this; but what can be read is left alone rather than made unreadable.
WITH_KEY = "SELECT originator_id FROM stream_keys WHERE originator_id = ANY($1)"
WRITE = """
    UPDATE stored_events AS e SET state = s.state
    FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS s (id, version, state)
    WHERE (e.originator_id, e.originator_version) = (s.id, s.version)"""
# What is chained already is chained to what was stored before.
CHAIN_AGAIN = """
    INSERT INTO unchained_streams SELECT id FROM unnest($1::uuid[]) AS id ON CONFLICT DO NOTHING"""
DONE = "DELETE FROM unsealed_streams WHERE originator_id = ANY($1)"


async def seal_old(pool: asyncpg.Pool, log: Log) -> None:
    """Every event of theirs; of those that are erased, under no key at all. Goes on where it was interrupted."""
    while ids := [row[0] for row in await pool.fetch(NEXT, AT_A_TIME)]:
        async with pool.acquire() as connection, connection.transaction():
            await log.hold(connection, {}, [lock_key(from_uuid(id_)) for id_ in ids])
            await _seal(connection, log, ids)
            await connection.execute(CHAIN_AGAIN, ids)
            await connection.execute(DONE, ids)


async def _seal(connection: Connection, log: Log, ids: Sequence[UUID]) -> None:
    have_keys = {row[0] for row in await connection.fetch(WITH_KEY, ids)}
    erased = {row[0]: row[1] for row in await connection.fetch(ERASED, ids)}
    made: dict[UUID, DataKey] = {}
    sealed: list[tuple[UUID, int, bytes]] = []
    for id_, version, topic, state in await connection.fetch(PLAIN, ids):
        if id_ in have_keys:
            continue
        key = made.get(id_) or made.setdefault(id_, log.new_key(from_uuid(id_), 1))
        place = bound(id_.bytes, version, topic)
        sealed.append((id_, version, FORMAT if id_ in erased else seal(key.cipher, place, state)))
    if sealed:
        await connection.execute(WRITE, *zip(*sealed, strict=True))
    ended = [(from_uuid(id_), version) for id_, version in erased.items()]
    await change_keys(connection, [(from_uuid(id_), key) for id_, key in made.items()], ended)
