"""Events from before there were digests: chained once, when the store is brought up to date."""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

import asyncpg

from eventstore.chain.digest import EVENT, NONE

AT_A_TIME = 200

NEXT = "SELECT originator_id FROM unchained_streams ORDER BY originator_id LIMIT $1"
EVENTS = f"""
    SELECT e.originator_id, e.originator_version, {EVENT} FROM stored_events AS e
    WHERE e.originator_id = ANY($1) ORDER BY e.originator_id, e.originator_version"""
WRITE = """
    UPDATE stored_events AS e SET digest = c.digest
    FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS c (id, version, digest)
    WHERE (e.originator_id, e.originator_version) = (c.id, c.version)"""
DONE = "DELETE FROM unchained_streams WHERE originator_id = ANY($1)"


async def chain_old(pool: asyncpg.Pool) -> None:
    """Goes on where it was interrupted. Nobody writes meanwhile, or new events would be chained to nothing."""
    while ids := [row[0] for row in await pool.fetch(NEXT, AT_A_TIME)]:
        async with pool.acquire() as connection, connection.transaction():
            await _chain(connection, ids)
            await connection.execute(DONE, ids)


async def _chain(connection: asyncpg.pool.PoolConnectionProxy, ids: Sequence[UUID]) -> None:
    newest: dict[UUID, bytes] = {}
    versions: list[int] = []
    digests: list[bytes] = []
    events = await connection.fetch(EVENTS, ids)
    for id_, version, event in events:
        newest[id_] = linked = sha256(newest.get(id_, NONE) + event).digest()
        versions.append(version)
        digests.append(linked)
    await connection.execute(WRITE, [event[0] for event in events], versions, digests)
