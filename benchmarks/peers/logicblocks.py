"""logicblocks.event.store, on psycopg's asynchronous pool."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

from benchmarks.harness import Unavailable, rate
from benchmarks.peers import CONNECTIONS, PAYLOAD, TOPIC, RunAt
from benchmarks.server import execute

# As in its documentation; the package brings none.
TABLE = """
    CREATE TABLE events (
        id text PRIMARY KEY, name text NOT NULL, stream text NOT NULL, category text NOT NULL, position int NOT NULL,
        payload jsonb NOT NULL, sequence_number bigserial NOT NULL,
        observed_at timestamptz NOT NULL, occurred_at timestamptz NOT NULL);
    CREATE INDEX ON events (sequence_number);
    CREATE INDEX ON events (category, stream, position);
    CREATE INDEX ON events (category, sequence_number)"""


@asynccontextmanager
async def logicblocks(dsn: str) -> AsyncIterator[RunAt]:
    """With its default: the order of the whole log is kept."""
    async with _store(dsn, "LOG") as run_at:
        yield run_at


@asynccontextmanager
async def logicblocks_by_stream(dsn: str) -> AsyncIterator[RunAt]:
    """Only the order in each stream is kept: who follows the log may miss events."""
    async with _store(dsn, "STREAM") as run_at:
        yield run_at


@asynccontextmanager
async def _store(dsn: str, guarantee: str) -> AsyncIterator[RunAt]:
    try:
        import structlog  # noqa: PLC0415 - only the benchmark's own environment has them
        from logicblocks.event.store import EventStore, PostgresEventStorageAdapter, conditions  # noqa: PLC0415
        from logicblocks.event.store.adapters import EventSerialisationGuarantee  # noqa: PLC0415
        from logicblocks.event.types import NewEvent  # noqa: PLC0415
        from psycopg_pool import AsyncConnectionPool  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable("it is not installed, or wants a newer Python") from error
    # It logs every event that it publishes, which costs more than the event.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    await execute(dsn, TABLE)
    pool: Any
    async with AsyncConnectionPool(dsn, min_size=CONNECTIONS, max_size=CONNECTIONS, open=False) as pool:
        adapter = PostgresEventStorageAdapter(
            connection_source=pool, serialisation_guarantee=getattr(EventSerialisationGuarantee, guarantee)
        )
        category = EventStore(adapter).category(category="payment")

        async def publish(_number: int) -> None:
            stream = category.stream(stream=str(uuid4()))
            event = NewEvent(name=TOPIC, payload=PAYLOAD)
            await stream.publish(events=[event], condition=conditions.stream_is_empty())

        yield lambda concurrency: partial(rate, publish, concurrency)
