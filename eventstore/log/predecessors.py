"""The digests that new events are chained to, for streams that are not cached."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

PREDECESSORS = """
    SELECT s.id, p.digest FROM unnest($1::uuid[], $2::bigint[]) AS s (id, version)
    CROSS JOIN LATERAL (
        SELECT digest FROM stored_events
        WHERE originator_id = s.id AND originator_version < s.version
        ORDER BY originator_version DESC LIMIT 1
    ) AS p
    WHERE p.digest IS NOT NULL"""


async def predecessors(
    on: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, events: Sequence[tuple[UUID, int]]
) -> dict[UUID, bytes]:
    """The digest of the last stored event before the first of these in each stream, where it has one."""
    first: dict[UUID, int] = {}
    for id_, version in events:
        first.setdefault(id_, version)
    return {row[0]: row[1] for row in await on.fetch(PREDECESSORS, list(first), list(first.values()))}
