"""Rebuilding read models from events, beside the live ones, each of which they then replace at once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from domain.value import OrderValue, figures
from eventstore.log import Connection, Log
from projections.figures import FIGURES, FiguresRow, with_figures
from projections.live import PROJECTIONS, apply
from projections.orders import ORDERS, OrderRow, value_of
from projections.projection import Projection
from projections.schema import create, record_fingerprint

SHADOW = "shadow"
CATCH_UP_BELOW = 1_000  # events that may be left for the moment in which readers and writers wait
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '500ms'"
ATTEMPTS = 30
PAUSE = 0.2  # seconds, after the first attempt; longer after each

Progress = Callable[[int, int], None]


class ReplayRunningError(Exception):
    """One replay at a time."""


class ReplayStuckError(Exception):
    """Readers or writers held the live tables for too long to swap them."""


async def replay(
    pool: asyncpg.Pool, log: Log, names: Collection[str] = (), progress: Progress = lambda _done, _total: None
) -> int:
    """Rebuild these read models, or all, while others read and write; the position that they were rebuilt up to.

    `progress` is told how many of how many positions are read. A live table is left alone until its successor is ready.
    """
    wanted = [projection for projection in PROJECTIONS if not names or projection.name in names]
    # Figures come from orders, so those are built too, though not swapped unless asked for.
    built = [p for p in PROJECTIONS if p in wanted or (p is ORDERS and FIGURES in wanted)]
    async with pool.acquire() as connection, _alone(connection):
        position = await _build(connection, log, built, progress)
        # One by one: who waits for one table while it holds another waits in a circle with readers that do the same.
        for projection in wanted:
            position = await _replace(connection, log, projection, built, position)
            built.remove(projection)
        await connection.execute(f"DROP SCHEMA {SHADOW} CASCADE")
    return position


@asynccontextmanager
async def _alone(connection: Connection) -> AsyncIterator[None]:
    if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext('custodiary replay'))"):
        raise ReplayRunningError
    try:
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock(hashtext('custodiary replay'))")


async def _build(connection: Connection, log: Log, built: Sequence[Projection[Any]], progress: Progress) -> int:
    """Fold the log in memory and load it into shadow tables; the position of the last event."""
    rows: dict[str, dict[int, Any]] = {projection.name: {} for projection in built}
    head, position = await log.head(connection), 0
    async for page in log.pages(connection, until=head):
        for projection in built:
            projection.fold(rows[projection.name], page)
        position = page[-1].position
        progress(position, head)
    if FIGURES.name in rows:
        _sum(rows[FIGURES.name], rows[ORDERS.name])
    async with connection.transaction():
        await connection.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")
        await connection.execute(f"CREATE SCHEMA {SHADOW}")
        await _enter(connection)
        for projection in built:
            await create(connection, projection, SHADOW, [row for row in rows[projection.name].values() if row])
    return position


def _sum(of_customers: dict[int, FiguresRow | None], orders: dict[int, OrderRow | None]) -> None:
    """In place, for all customers."""
    values: dict[int, list[OrderValue]] = {}
    for order in orders.values():
        if order is not None:
            values.setdefault(order.customer_id, []).append(value_of(order))
    for id_, row in of_customers.items():
        if row is not None and id_ in values:
            of_customers[id_] = with_figures(row, figures(values[id_]))


async def _catch_up(connection: Connection, log: Log, built: Sequence[Projection[Any]], position: int) -> int:
    """Apply what was written meanwhile, until little is left; the position of the last event."""
    while events := await log.page(connection, position):
        async with connection.transaction():
            await _enter(connection)
            await apply(connection, events, built)
        position = events[-1].position
        if len(events) < CATCH_UP_BELOW:
            break
    return position


async def _replace(
    connection: Connection, log: Log, projection: Projection[Any], built: Sequence[Projection[Any]], position: int
) -> int:
    """Catch up, and swap one table as soon as nobody holds it; the position of the last event."""
    for attempt in range(1, ATTEMPTS + 1):
        position = await _catch_up(connection, log, built, position)
        try:
            return await _swap(connection, log, projection, built, position)
        except asyncpg.LockNotAvailableError:
            await asyncio.sleep(PAUSE * attempt)
    raise ReplayStuckError


async def _swap(
    connection: Connection, log: Log, projection: Projection[Any], built: Sequence[Projection[Any]], position: int
) -> int:
    """Put the shadow table in the place of the live one, with every event that is committed."""
    async with connection.transaction():
        await connection.execute(LOCK_TIMEOUT)
        # A writer holds locks on the tables that its events change until it has committed, so none is left after.
        await connection.execute(f"LOCK TABLE public.{projection.name} IN ACCESS EXCLUSIVE MODE")
        await _enter(connection)
        async for events in log.pages(connection, position):
            await apply(connection, events, built)
            position = events[-1].position
        await connection.execute(f"DROP TABLE public.{projection.name}")
        await connection.execute(f"ALTER TABLE {SHADOW}.{projection.name} SET SCHEMA public")
        await record_fingerprint(connection, projection)
    return position


async def _enter(connection: Connection) -> None:
    """For the rest of the transaction, a table's name means its shadow, where there is one."""
    await connection.execute(f"SET LOCAL search_path = {SHADOW}, public")
