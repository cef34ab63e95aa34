"""Following the log: how many events a second arrive, and what each costs the process that sends them."""

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path

import asyncpg

from api.process.tables import migrate
from benchmarks.events import load
from benchmarks.harness import PER_SECOND, Figures, Found, Row, Scale, measure
from benchmarks.report import Table, number
from benchmarks.server import own_database
from domain.webhook import MessageForm
from eventstore.store import Store
from projections.database import open_store
from service.relay.relay import Relay
from tests.relay.broker import Broker, free_port, stored

CPU = "CPU µs an event"
RELAY: dict[MessageForm, str] = {"thin": "relay to NATS JetStream", "full": "the same, full messages"}
MOST = 20_000  # events of the store


async def feed(server: str, scale: Scale) -> Found:
    events = min(MOST, scale.events)
    async with own_database(server) as dsn:
        await migrate(dsn)
        connection = await asyncpg.connect(dsn)
        try:
            await load(connection, events)
        finally:
            await connection.close()
        async with open_store(dsn) as store:
            runs = [(Row(name), partial(_relay, store, events, form)) for form, name in RELAY.items()]
            return Found(await measure(runs, scale, warm_up=False))


async def _relay(store: Store, events: int, form: MessageForm, _seconds: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="custodiary-bench-") as directory:
        broker = Broker(free_port(), Path(directory))
        await broker.start()
        client = await broker.connect()
        began, cpu = time.perf_counter(), time.process_time()
        relay = asyncio.create_task(Relay(store, broker.target(form), "https://store.example").work())
        try:
            while not relay.done() and await stored(client.jetstream()) < events:  # noqa: ASYNC110 - NATS does not tell
                await asyncio.sleep(0.01)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        finally:
            relay.cancel()
            await asyncio.wait([relay])
            await client.close()
            await broker.kill()
    return {PER_SECOND: events / seconds, CPU: cpu / events * 1e6}


def table(found: Found) -> Table:
    lines = [
        [row.name, number(found.median(PER_SECOND, row.name)), number(found.median(CPU, row.name))]
        for row in found.rows
    ]
    return Table("The feed: events to one who follows", ("", "events/s", CPU), lines)
