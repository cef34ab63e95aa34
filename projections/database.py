"""A PostgreSQL database as the service needs it: migrated, and reached through a pool."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from importlib import resources

import asyncpg

from domain.events import EVENTS
from eventstore.log.codec import Codec
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.migrate import LOG, Owner, is_made, is_newer, one_at_a_time
from eventstore.postgres.migrate import migrate as migrate_tables
from eventstore.postgres.servers import Servers
from eventstore.postgres.sessions import SESSION
from eventstore.postgres.watch import watched
from eventstore.reading.instance import Instances
from eventstore.sealing.master_keys import MasterKeys
from eventstore.sealing.payloads import Sealing
from eventstore.sealing.stream_keys import settle
from eventstore.store import Store
from projections.fold import days
from projections.live.projector import ReadModels
from projections.models import PROJECTIONS
from projections.replay.engine import replay
from projections.tables.schema import outdated, require_fit
from projections.tables.table import prepare

FOLDER = resources.files("projections")
# Each refers to the tables of those before it only.
OWNERS = (LOG, Owner("read_models", FOLDER), Owner("replays", FOLDER.joinpath("replay")))


async def migrate(dsn: str, owners: Sequence[Owner]) -> None:
    """Create or update all tables; rebuild the read models whose shape has changed. Any number of processes at once.

    Where a newer version has done that, nothing is rebuilt. Raises SchemaError where this one can't work with it.
    """
    async with watched(dsn) as servers:
        connection = await servers.connect()
        try:
            async with one_at_a_time(connection):
                await migrate_tables(connection, owners)
                if await is_newer(connection, owners):
                    await require_fit(connection, owners, PROJECTIONS)
                    return
                await days.reset(connection)
                async with store_at(servers) as store:
                    if names := await outdated(connection, PROJECTIONS):
                        await replay(store, names)
        finally:
            await connection.close()


async def has_store(dsn: str) -> bool:
    """Whether there is one in this database, of whatever version."""
    async with watched(dsn) as servers:
        connection = await servers.connect()
        try:
            return await is_made(connection)
        finally:
            await connection.close()


@asynccontextmanager
async def open_store(dsn: str, *, connections: int = 10) -> AsyncIterator[Store]:
    """The store in a migrated database, with a pool of at most so many connections, under the environment's master key.

    Raises MasterKeyError.
    """
    async with watched(dsn) as servers, store_at(servers, connections=connections) as store:
        yield store


@asynccontextmanager
async def store_at(
    servers: Servers, *, connections: int = 10, settings: Mapping[str, str] = SESSION
) -> AsyncIterator[Store]:
    """The same, where somebody watches the servers."""
    sealing = Sealing(MasterKeys.from_environment())
    log = Log(Codec(EVENTS), sealing)
    models = ReadModels(log)
    instances = Instances(models.new_cache)

    async def begin(connection: asyncpg.Connection) -> None:
        await prepare(connection)
        await instances.of(connection)

    async with servers.pool(begin, most=connections, settings=settings) as pool:
        await settle(pool, sealing)
        async with aclosing(Store(pool, log, models, instances=instances)) as store:
            yield store


@asynccontextmanager
async def at_one_moment(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """A connection that sees the store as it is now, whatever is written meanwhile."""
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        yield connection
