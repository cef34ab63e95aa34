"""Following the log: how many events a second arrive, and what each costs the process that sends them."""

import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path

import asyncpg
import httpx

from api.http.paths import BASE
from api.process.tables import migrate
from benchmarks.events import load
from benchmarks.harness import PER_SECOND, Figures, Found, Row, Scale, measure
from benchmarks.processes import cpu_seconds
from benchmarks.report import Table, number
from benchmarks.server import own_database
from benchmarks.web import BARE, SERVICE, Site, served
from domain.webhook import MessageForm
from eventstore.store import Store
from projections.database import open_store
from service.relay.relay import Relay
from tests.relay.broker import Broker, free_port, stored

CPU = "CPU µs an event"
RELAY: dict[MessageForm, str] = {"thin": "relay to NATS JetStream", "full": "the same, full messages"}
STREAMS = {"/events/stream": "server-sent events", "/events/stream?form=full": "the same, full"}
BARE_STREAM = "bare handler: the same rows, streamed"
PASSWORD = "open sesame"
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
            relayed = await measure(runs, scale, warm_up=False)
        with served(dsn, SERVICE, PASSWORD) as own, served(dsn, BARE) as bare:
            streams = [(Row(name), partial(_stream, own, BASE + path)) for path, name in STREAMS.items()]
            streams.append((Row(BARE_STREAM), partial(_stream, bare, "/events/stream")))
            return Found([*relayed, *await measure(streams, scale)])


async def _stream(site: Site, path: str, _seconds: float) -> Figures:
    """One reader, from the first event until it has caught up."""
    began, cpu, events, rest = time.perf_counter(), cpu_seconds(site.process), 0, b""
    async with (
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{site.port}", headers=site.ask, trust_env=False) as http,
        http.stream("GET", path, timeout=None) as answer,
    ):
        async for chunk in answer.raise_for_status().aiter_bytes():
            *whole, rest = (rest + chunk).split(b"\n\n")
            events += len(whole)
            if any(b"event: caught-up" in each for each in whole):
                break
    return {PER_SECOND: events / (time.perf_counter() - began), CPU: (cpu_seconds(site.process) - cpu) / events * 1e6}


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
