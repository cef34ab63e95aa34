"""eventsource-py, on SQLAlchemy and asyncpg. It takes no lock; what its readers see is another matter."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from benchmarks.harness import Unavailable, rate
from benchmarks.peers import CONNECTIONS, RunAt


@asynccontextmanager
async def eventsource(dsn: str) -> AsyncIterator[RunAt]:
    try:
        # Only the benchmark's own environment has them.
        from eventsource import DomainEvent  # noqa: PLC0415
        from eventsource.adapters.postgresql import PostgreSQLEventStore  # noqa: PLC0415
        from eventsource.domain import StreamId  # noqa: PLC0415
        from eventsource.ports import ExpectedVersion  # noqa: PLC0415
        from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable("it is not installed, or wants a newer Python") from error

    class PaymentRecorded(DomainEvent):  # type: ignore[misc,unused-ignore] # of whose types nothing is known here
        aggregate_type: str = "payment"
        amount: int
        transaction_id: str

    address = urlsplit(dsn)._replace(scheme="postgresql+asyncpg").geturl()
    engine: Any = create_async_engine(address, pool_size=CONNECTIONS, max_overflow=0)
    try:
        store = PostgreSQLEventStore(engine, create_schema=True)

        async def append(_number: int) -> None:
            id_ = uuid4()
            event = PaymentRecorded(aggregate_id=id_, aggregate_version=1, amount=1, transaction_id="t12345")
            await store.append(StreamId(id_, "payment"), [event], ExpectedVersion.no_stream())

        await append(0)
        yield lambda concurrency: partial(rate, append, concurrency)
    finally:
        await engine.dispose()
