"""Whether writes work, and if not, why: found out on a connection that is for nothing else, once for all who ask."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Literal, NamedTuple, TypeAlias

import asyncpg

from api.process.tables import OWNERS
from eventstore.postgres.away import Why, log_away
from eventstore.postgres.connection import Connection
from eventstore.postgres.durability import sync
from eventstore.postgres.migrate import SchemaError
from eventstore.postgres.servers import Servers
from eventstore.postgres.sessions import IS_READ_ONLY, SESSION
from projections.checks.findings import Known, known
from projections.models import PROJECTIONS
from projections.tables.schema import require_fit

logger = logging.getLogger("custodiary.database")

Unready: TypeAlias = Why | Literal["other_schema"]

PATIENCE = 1.5  # seconds for an answer; who asks is answered within two
STANDS = 1.0  # seconds for which it need not be found out again
# A full disk refuses that a file grows long before it refuses a commit, which is the server's end. So PostgreSQL is
# given less memory than the numbers of GROW take, and has to write them to where tables are.
SETTINGS = SESSION | {"work_mem": "64kB", "temp_tablespaces": ""}
GROW = "SELECT count(*) FROM generate_series(1, 20000)"


class Standing(NamedTuple):
    """`unready` is what stands against writing, if anything does; `drift` what is known of the figures."""

    unready: Unready | None
    drift: Known | None = None


class Readiness:
    def __init__(self, servers: Servers) -> None:
        self._servers = servers
        self._connection: asyncpg.Connection | None = None
        self._looking: asyncio.Task[Standing] | None = None
        self._found: Unready | None = None
        self._stands_until = 0.0

    async def now(self) -> Standing:
        """Within two seconds, whatever the database does."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        done, _ = await asyncio.wait({self._looking}, timeout=PATIENCE)
        return self._looking.result() if done else Standing("hanging")

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking
        self._drop()

    async def _look(self) -> Standing:
        stands = time.monotonic() < self._stands_until
        if stands and self._found is not None:
            return Standing(self._found)
        drift = None
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._servers.connect(SETTINGS)
            if not stands:
                self._found = await _unready(self._connection)
            if self._found is None:
                drift = await known(self._connection)
        except asyncpg.SyntaxOrAccessError:  # a table is not there, or not as we know it
            logger.warning("the database has the schema of another version")
            self._found = "other_schema"
        except Exception as error:
            self._drop()
            self._found = log_away(error)
            if self._found is None:
                logger.exception("it could not be found out whether writes work")
                self._found = "away"
        if not stands:
            self._stands_until = time.monotonic() + STANDS
        return Standing(self._found, drift)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


@asynccontextmanager
async def readiness(servers: Servers) -> AsyncIterator[Readiness]:
    """Until the end of the block."""
    ready = Readiness(servers)
    try:
        yield ready
    finally:
        await ready.close()


async def _unready(connection: Connection) -> Unready | None:
    if await connection.fetchval(IS_READ_ONLY):
        return "read_only"
    await connection.execute(GROW)
    await sync(connection)
    try:
        await require_fit(connection, OWNERS, PROJECTIONS)
    except SchemaError as error:
        logger.warning("%s", str(error))
        return "other_schema"
    return None
