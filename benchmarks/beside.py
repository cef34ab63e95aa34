"""Writers beside a replay: how long their commands take at rest, and while very many events are replayed."""

import asyncio
import time
from datetime import UTC, datetime

from api.process.job_runner import JobRunner
from api.process.tables import migrate
from benchmarks.events import PER_CUSTOMER, load
from benchmarks.harness import P50, P99, PER_SECOND, Found, Row, Scale, say, summary
from benchmarks.report import Table, number, ratio
from benchmarks.server import own_database
from domain.order import RecordPayment
from eventstore.store import By, Store
from projections.database import open_store
from projections.models import PROJECTIONS
from projections.replay import engine, registry
from projections.replay.engine import replay
from projections.replay.registry import ENDED, ReplayRequest
from service.orders import recording

CLIENTS = 8
REST_SECONDS = 10.0
LIMIT = 3
AT_REST, BESIDE = "at rest", "beside a replay"
LOOK_SECONDS = 0.2
PAID = "SELECT count(*) FROM stored_events WHERE topic = 'payment-recorded#1' AND actor = 'client'"


class Clients:
    """Each records payments on orders of its own, one after another."""

    def __init__(self, store: Store, orders: int) -> None:
        self._store = store
        self._orders = orders
        self.acknowledged = 0

    async def write(self, client: int, stopped: asyncio.Event) -> list[float]:
        """Seconds of each command."""
        times = []
        while not stopped.is_set():
            self.acknowledged += 1
            number = self.acknowledged
            order_id = 1 + (number * CLIENTS + client) % self._orders
            command = RecordPayment(amount=1, transaction_id=f"client {order_id} {number}")
            started = time.perf_counter()
            await self._store.transact(By(actor="client", at=datetime.now(UTC)), recording(order_id, command))
            times.append(time.perf_counter() - started)
        return times

    async def while_(self, waited_for: asyncio.Future[None]) -> list[float]:
        stopped = asyncio.Event()
        writers = [asyncio.create_task(self.write(client, stopped)) for client in range(CLIENTS)]
        await waited_for
        stopped.set()
        return [each for times in await asyncio.gather(*writers) for each in times]


async def replayed(store: Store, dsn: str) -> None:
    """A replay by a process of its own, as the service runs it."""
    async with JobRunner(dsn) as runner:
        names = tuple(projection.name for projection in PROJECTIONS)
        id_ = await engine.begin(store, ReplayRequest(projections=names, swap="always", started_by="benchmark"))
        runner.replay(id_)
        while (await registry.find(store.pool, id_)).status not in ENDED:  # noqa: ASYNC110 - told by another process
            await asyncio.sleep(LOOK_SECONDS)


def _figures(times: list[float], seconds: float) -> dict[str, list[float]]:
    return {name: [figure] for name, figure in summary(times, seconds).items()}


async def beside(server: str, scale: Scale) -> Found:
    async with own_database(server) as dsn:
        await migrate(dsn)
        async with open_store(dsn) as store:
            async with store.pool.acquire() as connection:
                await load(connection, scale.events // 2)
            await replay(store)
            clients = Clients(store, scale.events // 2 // PER_CUSTOMER)
            rows = []
            for name, waited_for in ((AT_REST, asyncio.sleep(REST_SECONDS)), (BESIDE, replayed(store, dsn))):
                say(name)
                started = time.perf_counter()
                times = await clients.while_(asyncio.ensure_future(waited_for))
                rows.append(Row(name, rounds=_figures(times, time.perf_counter() - started)))
            say("")
            if await store.pool.fetchval(PAID) != clients.acknowledged:
                raise RuntimeError("not every command that was acknowledged is in the log")
            return Found(rows)


def table(found: Found) -> Table:
    lines = [
        [row.name, *(number(found.median(name, row.name)) for name in (PER_SECOND, P50, P99))] for row in found.rows
    ]
    times = ratio(found.ratio(P99, BESIDE, AT_REST))
    remark = f"p99 beside a replay is {times} times that at rest; it should be at most {LIMIT} times."
    return Table(f"Payments, {CLIENTS} at once", ("", PER_SECOND, P50, P99), lines, [remark])
