"""Writers beside a replay: how long their commands take at rest, and while a million events are replayed.

`python -m benchmarks.beside [EVENTS]`. The limit is the issue's own: p99 within 3 times its value at rest.
"""

import asyncio
import sys
import time
from datetime import UTC, datetime
from statistics import median, quantiles

from api.replay_runner import ReplayRunner
from benchmarks.events import PER_CUSTOMER, load
from benchmarks.server import own_server
from domain.order import ORDER, RecordPayment
from eventstore.transact import By, Store, Unit
from projections.database import migrate, open_store
from projections.live import PROJECTIONS
from projections.replay import engine, registry
from projections.replay.engine import replay
from projections.replay.registry import ENDED, Asked

CLIENTS = 8
REST_SECONDS = 10.0
LIMIT = 3
LOOK_SECONDS = 0.2
PAID = "SELECT count(*) FROM stored_events WHERE topic = 'payment-recorded#1' AND actor = 'client'"


class Clients:
    """Each records payments on orders of its own, one after another."""

    def __init__(self, store: Store, orders: int) -> None:
        self._store = store
        self._orders = orders
        self.acknowledged = 0

    async def write(self, client: int, stopped: asyncio.Event) -> list[float]:
        """Milliseconds of each command."""
        times = []
        while not stopped.is_set():
            self.acknowledged += 1
            number = self.acknowledged
            order_id = 1 + (number * CLIENTS + client) % self._orders

            async def work(unit: Unit, order_id: int = order_id, number: int = number) -> None:
                await unit.decide(ORDER, order_id, RecordPayment(amount=1, transaction_id=f"client {number}"))

            started = time.perf_counter()
            await self._store.transact(By(actor="client", at=datetime.now(UTC)), work)
            times.append((time.perf_counter() - started) * 1_000)
        return times

    async def while_(self, waited_for: asyncio.Task[None]) -> list[float]:
        stopped = asyncio.Event()
        writers = [asyncio.create_task(self.write(client, stopped)) for client in range(CLIENTS)]
        await waited_for
        stopped.set()
        return [each for times in await asyncio.gather(*writers) for each in times]


async def replayed(store: Store, dsn: str) -> None:
    """By a process of its own, as the service does it."""
    async with ReplayRunner(dsn) as runner:
        names = tuple(projection.name for projection in PROJECTIONS)
        id_ = await engine.begin(store, Asked(projections=names, swap="always", started_by="benchmark"))
        runner.start(id_)
        while (await registry.find(store.pool, id_)).status not in ENDED:  # noqa: ASYNC110 - told by another process
            await asyncio.sleep(LOOK_SECONDS)


def shown(label: str, times: list[float]) -> float:
    p99 = quantiles(times, n=100)[-1]
    print(f"{label:<24}{len(times):>9,} commands   median {median(times):6.2f} ms   p99 {p99:7.2f} ms", flush=True)
    return p99


async def run(dsn: str, count: int) -> None:
    await migrate(dsn)
    async with open_store(dsn) as store:
        async with store.pool.acquire() as connection:
            await load(connection, count)
        await replay(store)
        clients = Clients(store, count // PER_CUSTOMER)
        rest = shown("at rest", await clients.while_(asyncio.create_task(asyncio.sleep(REST_SECONDS))))
        beside = shown("beside a replay", await clients.while_(asyncio.create_task(replayed(store, dsn))))
        stored = await store.pool.fetchval(PAID)
        print(
            f"p99 {beside / rest:.2f} times that at rest (limit {LIMIT}); {stored:,} of {clients.acknowledged:,} stored"
        )


def main() -> None:
    with own_server() as dsn:
        asyncio.run(run(dsn, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))


if __name__ == "__main__":
    main()
