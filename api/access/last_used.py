"""When and from where application passwords were last used: noted with each request, written now and then."""

import time
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from service.redaction import Personal

# In one order, so that two processes never wait for each other in a circle.
WRITE = """
    WITH used AS (
        SELECT c.uuid, u.at, u.address FROM credentials AS c
        JOIN unnest($1::uuid[], $2::timestamptz[], $3::text[]) AS u (uuid, at, address) ON c.uuid = u.uuid
        WHERE c.last_used_at IS NULL OR c.last_used_at < u.at
        ORDER BY c.uuid FOR UPDATE OF c)
    UPDATE credentials AS c SET last_used_at = used.at, last_used_from = used.address
    FROM used WHERE c.uuid = used.uuid"""


class Use(NamedTuple):
    at: float
    address: Personal


class Uses:
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._noted: dict[UUID, Use] = {}

    def note(self, credential: UUID, address: Personal) -> None:
        self._noted[credential] = Use(time.time(), address)

    async def write(self) -> None:
        """What was noted since the last time; if that fails, it is noted still."""
        if not self._noted:
            return
        noted, self._noted = self._noted, {}
        times = [datetime.fromtimestamp(use.at, UTC) for use in noted.values()]
        try:
            await self._pool.execute(WRITE, list(noted), times, [use.address.reveal() for use in noted.values()])
        except BaseException:
            self._noted = noted | self._noted
            raise
