"""Commands of one event, so many at once: ours beside others, and beside what PostgreSQL itself can do."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import psutil

from api.process.tables import migrate
from benchmarks.bare_log import NoReadModels
from benchmarks.harness import AT_ONCE, P99, PER_SECOND, Act, Found, Row, Run, Scale, Unavailable, measure, rate
from benchmarks.peers import CONNECTIONS, Peer, RunAt
from benchmarks.peers.eventsource import eventsource
from benchmarks.peers.logicblocks import logicblocks, logicblocks_by_stream
from benchmarks.peers.message_db import message_db, message_db_in_categories
from benchmarks.peers.pgbench import pgbench
from benchmarks.peers.recorder import recorder
from benchmarks.processes import CPU, POSTGRES_CPU, costed, postgres
from benchmarks.report import Table, number, ratio
from benchmarks.server import own_database
from benchmarks.shop import Shop
from eventstore.store import Store
from projections.database import open_store

PGBENCH, RECORDER = "pgbench: one INSERT", "eventsourcing: its recorder, threads"
MESSAGE_DB, MESSAGE_DB_CATEGORIES = "Message DB", "Message DB: in 20 categories"
LOGICBLOCKS, LOGICBLOCKS_BY_STREAM = "logicblocks.event.store", "logicblocks.event.store: order by stream"
EVENTSOURCE = "eventsource-py"
LOG_ALONE = "Custodiary: log alone"
PAY, SET_PRIMARY, CREATE = (
    f"Custodiary: {command}" for command in ("record payment", "set primary address", "create customer")
)
PEERS: dict[str, Peer] = {
    PGBENCH: pgbench,
    MESSAGE_DB: message_db,
    MESSAGE_DB_CATEGORIES: message_db_in_categories,
    EVENTSOURCE: eventsource,
    RECORDER: recorder,
    LOGICBLOCKS: logicblocks,
    LOGICBLOCKS_BY_STREAM: logicblocks_by_stream,
}
SHOWN = (P99, CPU, POSTGRES_CPU)


async def appends(server: str, scale: Scale, peers: Iterable[str] = PEERS) -> Found:
    async with AsyncExitStack() as stack:
        runs: list[tuple[Row, Run]] = []
        missing: list[Row] = []
        for name in peers:
            database = await stack.enter_async_context(own_database(server))
            try:
                run_at = await stack.enter_async_context(PEERS[name](database))
            except Unavailable as why:
                missing.append(Row(name, note=str(why)))
                continue
            runs += [(Row(name, at), run_at(at)) for at in scale.concurrencies]
        shops, ours = await stack.enter_async_context(_ours(await stack.enter_async_context(own_database(server))))
        runs += [(Row(name, at), run_at(at)) for name, run_at in ours.items() for at in scale.concurrencies]
        processes = {CPU: psutil.Process(), POSTGRES_CPU: await postgres(server)}
        runs = [(row, partial(costed, run, processes)) for row, run in runs]

        async def open_shops() -> None:
            for shop in shops:
                await shop.open(scale.shop)

        return Found(await measure(runs, scale, before_each=open_shops) + missing)


@asynccontextmanager
async def _ours(dsn: str) -> AsyncIterator[tuple[tuple[Shop, Shop], dict[str, RunAt]]]:
    await migrate(dsn)
    async with open_store(dsn, connections=CONNECTIONS) as store:
        whole, bare = Shop(store), Shop(Store(store.pool, store.log, NoReadModels()))
        acts = {LOG_ALONE: bare.pay, PAY: whole.pay, SET_PRIMARY: whole.set_primary, CREATE: whole.create}
        yield (whole, bare), {name: partial(_run_at, act) for name, act in acts.items()}


def _run_at(act: Act, concurrency: int) -> Run:
    return partial(rate, act, concurrency)


def table(found: Found) -> Table:
    """Medians, and what they are of pgbench's at as many at once."""
    sizes = sorted({row.at for row in found.rows if row.rounds})
    names = list(dict.fromkeys(row.name for row in found.rows if row.rounds))
    names.sort(key=lambda name: -(found.median(PER_SECOND, name, sizes[-1]) or 0))
    missing = [f"Not available: {row.name} ({row.note})." for row in found.rows if row.note]
    header = (
        "commands a second, and of pgbench's", *(f"{at} at once" for at in sizes),
        *(f"{figure} at {AT_ONCE}" for figure in SHOWN),
    )  # fmt: skip
    return Table("Commands of one event", header, [[name, *_line(found, name, sizes)] for name in names], missing)


def _line(found: Found, name: str, sizes: Iterable[int]) -> Iterator[str]:
    for at in sizes:
        share = found.ratio(PER_SECOND, name, PGBENCH, at)
        yield number(found.median(PER_SECOND, name, at)) + ("" if share is None else f" ({ratio(share)})")
    yield from (number(found.median(figure, name, AT_ONCE)) for figure in SHOWN)
