"""Delivering webhooks: what each costs, beside a bare POST, and what deliveries cost those who write meanwhile."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial

import httpx

from api.process.garbage import collect_seldom
from api.process.tables import migrate
from benchmarks.harness import AT_ONCE, P50, P99, PER_SECOND, Figures, Found, Row, Scale, measure, next_number, summary
from benchmarks.processes import CPU
from benchmarks.report import Table, number, ratio
from benchmarks.server import own_database
from benchmarks.shop import Shop, by
from domain.webhook import WEBHOOK, CreateWebhook, WebhookSettings
from eventstore.postgres.servers import Servers
from eventstore.postgres.watch import reachable
from eventstore.store import Store, Unit
from projections.database import store_at
from service.webhooks.delivery.engine import DeliverySettings, delivering
from tests.relay.broker import free_port
from tests.webhooks.test_signing import keys

WEBHOOKS, BARE = "webhooks: signed twice, with state and log", "bare POSTs by httpx"
ALONE, BESIDE = "payments", "payments, beside webhooks of which half hang"
ENDPOINTS = 100
AIM, LIMIT = 0.5, 1.2
EVENTS = 200  # to each endpoint, so that most go over connections that are open already
PAYING = 12  # times as long as other rounds: of some two hundred payments the 99th percentile is one of the slowest two
SPACING = 0.1  # seconds between two payments, each of which is sent to all endpoints
LOOPBACK = "127.0.0.0/8"
BODY = b"x" * 500  # of a thin message
PATIENCE = 60.0
DELIVERED = "SELECT coalesce(sum(succeeded), 0)::bigint FROM webhook_endpoints"
LED = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND locktype = 'advisory' AND objsubid = 1 AND granted"""


async def webhooks(server: str, scale: Scale) -> Found:
    endpoints = min(ENDPOINTS, scale.shop)
    collect_seldom()  # as the process that delivers does
    async with _receiver() as url:
        async with _shop(server, scale, (f"{url}/take/{n}" for n in range(endpoints))) as (_, servers, store, shop):
            bare, sent = (
                partial(_post, url),
                partial(_deliver, store, servers, shop, endpoints, min(EVENTS, scale.shop)),
            )
            rows = await measure([(Row(BARE), bare), (Row(WEBHOOKS), sent)], scale, warm_up=False)
        half = (f"{url}/{'hang' if n % 2 else 'take'}/{n}" for n in range(endpoints))
        async with _shop(server, scale, half) as (dsn, _, store, shop):
            alone, beside = partial(_pay, shop), partial(_pay_beside, dsn, store, shop, endpoints)
            return Found(rows + await measure([(Row(ALONE), alone), (Row(BESIDE), beside)], scale, warm_up=False))


@asynccontextmanager
async def _shop(
    server: str, scale: Scale, urls: Iterable[str]
) -> AsyncIterator[tuple[str, Servers, Store, Shop]]:  # fmt: skip
    """With webhooks to these addresses, on a database of its own."""
    async with own_database(server) as dsn:
        await migrate(dsn)
        async with reachable(dsn) as servers, store_at(servers, connections=20) as store:
            shop = Shop(store)
            await shop.open(scale.shop)
            await _create(store, urls)
            yield dsn, servers, store, shop


async def _create(store: Store, urls: Iterable[str]) -> None:
    since = await store.log.head(store.pool)

    async def work(unit: Unit) -> None:
        for url in urls:
            settings = WebhookSettings(url=url, types=("payment-recorded",))
            command = CreateWebhook(settings=settings, keys=keys(1), since=since, headers={})
            await unit.decide(WEBHOOK, await unit.new_id(WEBHOOK), command)

    await store.transact(by(), work)


async def _post(url: str, seconds: float) -> Figures:
    """So many at once, by one client."""
    deadline, count = time.perf_counter() + seconds, 0

    async def post(client: httpx.AsyncClient) -> None:
        nonlocal count
        while not count or time.perf_counter() < deadline:
            (await client.post(url, content=BODY)).raise_for_status()
            count += 1

    began, cpu = time.perf_counter(), time.process_time()
    async with httpx.AsyncClient() as client:
        await asyncio.gather(*(post(client) for _ in range(AT_ONCE)))
    return _figures(count, time.perf_counter() - began, time.process_time() - cpu)


async def _deliver(store: Store, servers: Servers, shop: Shop, endpoints: int, events: int, _seconds: float) -> Figures:
    """So many events to all endpoints, each of which answers at once."""
    settings = DeliverySettings(store_url="https://store.example", allowed=(LOOPBACK,))
    async with delivering(store, servers, settings), asyncio.timeout(PATIENCE):
        await _until(store, LED, endpoints)
        before: int = await store.pool.fetchval(DELIVERED)
        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(shop.pay(next_number()) for _ in range(events)))
        await _until(store, DELIVERED, before + events * endpoints)
        return _figures(events * endpoints, time.perf_counter() - began, time.process_time() - cpu)


async def _until(store: Store, query: str, count: int) -> None:
    while await store.pool.fetchval(query) < count:  # noqa: ASYNC110 - what moves is in the database
        await asyncio.sleep(0.02)


def _figures(count: int, seconds: float, cpu: float) -> Figures:
    return {PER_SECOND: count / seconds, CPU: cpu / count * 1e6}


async def _pay(shop: Shop, seconds: float) -> Figures:
    """Payments, at a pace that leaves the machine time for more."""

    async def pay() -> float:
        began = time.perf_counter()
        await shop.pay(next_number())
        return time.perf_counter() - began

    began, deadline, paid = time.perf_counter(), time.perf_counter() + PAYING * seconds, []
    while time.perf_counter() < deadline:
        paid.append(asyncio.create_task(pay()))
        await asyncio.sleep(SPACING)
    times = await asyncio.gather(*paid)
    return summary(times, time.perf_counter() - began)


async def _pay_beside(dsn: str, store: Store, shop: Shop, endpoints: int, seconds: float) -> Figures:
    """The same, while a process delivers each of them as the service's does."""
    command = sys.executable, "-m", "api.process.parent", str(os.getpid()), "deliver"
    environment = os.environ | {"DATABASE_URL": dsn, "WEBHOOK_ALLOW": LOOPBACK}
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        async with asyncio.timeout(PATIENCE):
            await _until(store, LED, endpoints)
        return await _pay(shop, seconds)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@asynccontextmanager
async def _receiver() -> AsyncIterator[str]:
    """The address of one, in a process of its own."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "benchmarks.receiver", str(port))
    try:
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as client:
            while True:
                try:
                    await client.post(f"http://127.0.0.1:{port}")
                except httpx.ConnectError:
                    await asyncio.sleep(0.05)
                else:
                    break
        yield f"http://127.0.0.1:{port}"
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def table(found: Found) -> Table:
    lines = [
        [name, number(found.median(PER_SECOND, name)), number(found.median(CPU, name))] for name in (BARE, WEBHOOKS)
    ]
    share = ratio(found.ratio(CPU, BARE, WEBHOOKS))
    remark = f"By CPU, {share} times as many as bare POSTs; it should be at least {AIM}."
    return Table(f"Webhooks to {ENDPOINTS} endpoints", ("", PER_SECOND, CPU), lines, [remark])


def beside_table(found: Found) -> Table:
    lines = [[name, *(number(found.median(figure, name)) for figure in (P50, P99))] for name in (ALONE, BESIDE)]
    times = ratio(found.ratio(P99, BESIDE, ALONE))
    remark = f"p99 beside webhooks is {times} times that without; it should be at most {LIMIT} times."
    return Table(f"Payments, {1 / SPACING:.0f} a second", ("", P50, P99), lines, [remark])
