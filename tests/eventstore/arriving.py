"""Commands that arrive together, and what the log says of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import asyncpg

from domain.event import Stream
from domain.label import LABEL, CreateLabel
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from tests.eventstore.acts import (
    PATIENCE,
    a_writer_waits,
    do,
    facts,
    until,
)

Start: TypeAlias = Callable[..., list[asyncio.Future[Any]]]
TRANSACTIONS = """
    SELECT count(DISTINCT xmin::text) FROM stored_events
    WHERE originator_id = ANY($1) AND originator_version = coalesce($2, originator_version)"""
VERSIONS_WITH_GAPS = """
    SELECT originator_id FROM stored_events GROUP BY 1
    HAVING count(*) <> max(originator_version) OR min(originator_version) <> 1"""
LATECOMER = 999_999


def label(store: Store, id_: int, value: str = "") -> Awaitable[None]:
    return do(store, LABEL, id_, CreateLabel(value=value or f"label {id_}"))


def waiting(store: Store) -> int:
    return len(store._writer._queue)


async def so_many_wait(store: Store, number: int) -> None:
    async def they_do() -> bool:
        return waiting(store) == number

    await until(they_do, f"{number} commands wait to be written")


@asynccontextmanager
async def arriving_together(store: Store) -> AsyncIterator[Start]:
    """What is started here waits behind a command that can't go on yet; at the end it is written, all at once."""
    started: list[asyncio.Future[Any]] = []

    def start(*acts: Awaitable[Any]) -> list[asyncio.Future[Any]]:
        tasks: list[asyncio.Future[Any]] = [asyncio.ensure_future(act) for act in acts]
        started.extend(tasks)
        return tasks

    async with store.pool.acquire() as slow, slow.transaction():
        await store.log.append(slow, facts(LATECOMER))
        first = asyncio.ensure_future(label(store, LATECOMER - 1))
        await a_writer_waits(store.pool)
        yield start

        async def all_wait() -> bool:
            return waiting(store) + sum(task.done() for task in started) >= len(started)

        await until(all_wait, "every command waits to be written")
    await asyncio.wait_for(asyncio.gather(first, *started, return_exceptions=True), PATIENCE)


async def transactions(store: Store, *streams: Stream, version: int | None = None) -> int:
    """How many wrote these streams, or this version of them."""
    number: int = await store.pool.fetchval(TRANSACTIONS, [to_uuid(stream) for stream in streams], version)
    return number


async def versions_with_gaps(store: Store) -> list[asyncpg.Record]:
    return await store.pool.fetch(VERSIONS_WITH_GAPS)
