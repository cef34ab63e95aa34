"""The read models as they were: folded, and put into temporary tables of the same names for every query."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

import asyncpg

from eventstore.log.log import Log
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.servers import Servers
from eventstore.postgres.sessions import SESSION
from eventstore.store import Store
from projections.fold.fold import Folded, PoisonedError, fold_range, fold_some, projections_of
from projections.fold.ranges import EVERYTHING, split
from projections.models import PROJECTIONS
from projections.models.customers import CUSTOMERS
from projections.queries.language.refusals import BeyondTheEnd
from projections.tables.projection import Part
from projections.tables.table import prepare

POSITION_AT = "SELECT position_at($1)"
LAST_UNTIL = """
    SELECT notification_id, recorded_at FROM stored_events
    WHERE notification_id <= $1 ORDER BY notification_id DESC LIMIT 1"""
NOT_ERASED = "SELECT id FROM figures WHERE id = ANY($1)"

# Settings of connections that are for nothing else: tables are made and looked for in the connection's own schema.
# Generic plans would be bad: tables are empty until a past is folded.
SETTINGS = SESSION | {"search_path": "pg_temp, public", "plan_cache_mode": "force_custom_plan", "jit": "off"}
CREATE = ";".join(projection.table.create for projection in PROJECTIONS)
# Truncated in a transaction that is rolled back, tables get files of their own, which are deleted at once.
EMPTY = f"TRUNCATE {', '.join(projection.name for projection in PROJECTIONS)}"
CONNECTIONS = 4
# What is rolled back stays in the tables' files until the connection is replaced, after about thirty uses.
STATEMENTS = 300

# A position, the last moment of a day or a second, or now.
AsOf: TypeAlias = int | datetime | None

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)  # before any log
EVENTS_AT_ONCE = 1_000  # while these are folded, the process does nothing else


class Moment(NamedTuple):
    """A position of the log, and the time at which it was the last."""

    position: int
    time: datetime


async def moment_of(on: Executor, log: Log, as_of: int | datetime, now: datetime) -> Moment | None:
    """The moment of a position or of a time with a zone; None for a time from now on. Raises BeyondTheEnd.

    Between two events a position has the time of the first.
    """
    if isinstance(as_of, datetime):
        if as_of >= now:
            return None
        time = max(as_of, BEGINNING)
        return Moment(await on.fetchval(POSITION_AT, time), time)
    head = await log.head(on)
    if as_of > head:
        raise BeyondTheEnd(head)
    last = await on.fetchrow(LAST_UNTIL, as_of)
    return Moment(*last) if last else Moment(0, BEGINNING)


class Pasts:
    """Connections with temporary tables that have the read models' names and are filled for one use."""

    def __init__(self, pool: asyncpg.Pool, store: Store) -> None:
        self._pool = pool
        self._live = store.pool
        self._log = store.log

    @asynccontextmanager
    async def at(self, position: int, customer_id: int | None = None) -> AsyncIterator[Connection]:
        """A connection with the rows at a position: those of one customer and of its orders and so on, or all.

        Customers that were erased since then are left out. Raises PoisonedError.
        """
        async with self._pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                if customer_id is None:
                    await self._fill(connection, position)
                else:
                    await self._fill_one(connection, position, customer_id)
                yield connection
            finally:
                await transaction.rollback()

    async def _fill(self, connection: Connection, position: int) -> None:
        await connection.execute(EMPTY)
        for whole in EVERYTHING:
            async for ids in split(connection, whole, EVENTS_AT_ONCE):
                await self._put(connection, ids.part, await fold_range(connection, self._log, ids, position))

    async def _fill_one(self, connection: Connection, position: int, customer_id: int) -> None:
        async def fold(part: Part, ids: Iterable[int]) -> Folded:
            return await fold_some(connection, self._log, part, ids, position)

        folded = await fold("customer", [customer_id])
        filled = await self._put(connection, "customer", folded)
        customer = folded.rows[CUSTOMERS.name].get(customer_id)
        if customer and customer_id in filled:
            await self._put(connection, "label", await fold("label", customer.labels))
            if customer.user_id is not None:
                await self._put(connection, "user", await fold("user", [customer.user_id]))

    async def _put(self, connection: Connection, part: Part, folded: Folded) -> set[int]:
        """Puts rows into their tables, without those of customers that were erased since; returns whose they are."""
        projections = projections_of(part)
        owners = {getattr(row, it.owner) for it in projections for row in folded.rows[it.name].values()}
        owners.update(*(poison.ids for poison in folded.poison))
        there = await self._not_erased(owners) if part == "customer" else owners
        for poison in folded.poison:
            if there.intersection(poison.ids):
                raise PoisonedError(poison.position, poison.error)
        for projection in projections:
            rows = folded.rows[projection.name].values()
            if left := [row for row in rows if getattr(row, projection.owner) in there]:
                await projection.table.copy(connection, left)
        return there

    async def _not_erased(self, customer_ids: set[int]) -> set[int]:
        """The customers that still exist, asked after the fold, so that one who is erased meanwhile is left out.

        It uses another connection, or a swap of the live table would wait until the past is read.
        """
        return {row["id"] for row in await self._live.fetch(NOT_ERASED, list(customer_ids))}


@asynccontextmanager
async def open_pasts(servers: Servers, store: Store) -> AsyncIterator[Pasts]:
    """Pasts of the store in a migrated database. Connections are made when they are needed."""
    async with servers.pool(_create, least=0, most=CONNECTIONS, settings=SETTINGS, statements=STATEMENTS) as pool:
        yield Pasts(pool, store)


async def _create(connection: Connection) -> None:
    await prepare(connection)
    await connection.execute(CREATE)
