"""The `eventsourcing` library's own recorder for PostgreSQL, in threads.

Not with its functions in the database, which are faster: then it takes no lock, and who follows the log misses events.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import msgspec
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.harness import Figures, summary
from benchmarks.peers import CONNECTIONS, PAYLOAD, TOPIC, RunAt

STATE = msgspec.json.encode(PAYLOAD)


@asynccontextmanager
async def recorder(dsn: str) -> AsyncIterator[RunAt]:
    parts, query = urlsplit(dsn), parse_qs(urlsplit(dsn).query)
    with PostgresDatastore(
        dbname=parts.path.lstrip("/"),
        host=query.get("host", [parts.hostname or ""])[0],
        port=query.get("port", [str(parts.port or 5432)])[0],
        user=parts.username or "postgres",
        password=parts.password or "",
        pool_size=CONNECTIONS,
    ) as datastore:
        own = PostgresApplicationRecorder(datastore)
        own.create_table()
        yield lambda concurrency: partial(_rate, own, concurrency)


async def _rate(own: PostgresApplicationRecorder, threads: int, seconds: float) -> Figures:
    times: list[float] = []
    started = time.perf_counter()
    deadline = started + seconds

    def client() -> None:
        before, after = time.perf_counter(), 0.0
        while after < deadline:
            own.insert_events([StoredEvent(uuid4(), 1, TOPIC, STATE)])
            after = time.perf_counter()
            times.append(after - before)
            before = after

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(threads) as executor:
        await asyncio.gather(*(loop.run_in_executor(executor, client) for _ in range(threads)))
    return summary(times, time.perf_counter() - started)
