"""Replaying a long log, from beginning to swap, beside reading it inside the server."""

import resource
import sys
import time
from functools import partial

import asyncpg
import msgspec

from api.process.tables import migrate
from benchmarks.events import load
from benchmarks.harness import PER_SECOND, Figures, Found, Row, Scale, measure
from benchmarks.report import Table, number
from benchmarks.server import own_database
from eventstore.store import Store
from projections.database import open_store
from projections.models import PROJECTIONS
from projections.models.figures import FIGURES
from projections.replay import engine
from projections.replay.registry import ReplayRequest

ROUNDS = 3  # each takes its time
LIMIT = "COPY inside the server"
EVERYTHING, STATS = tuple(projection.name for projection in PROJECTIONS), (FIGURES.name,)
REPLAYS = {
    f"{what}, {workers} worker{'s' * (workers > 1)}": (names, workers)
    for what, names in (("replay", EVERYTHING), ("replay of figures", STATS))
    for workers in (1, 2)
}
SECONDS, FOLDED_SECONDS, PEAK = "seconds", "until folded", "peak MB"
COLUMNS = "originator_id, topic, state, notification_id, occurred_at, customer_id, former_customer_id"  # a fold needs
COPY = f"COPY (SELECT {COLUMNS} FROM stored_events ORDER BY notification_id) TO '/dev/null' (FORMAT binary)"
FOLDED = """
    SELECT extract(epoch FROM max(built_at) - started_at)::float
    FROM replays JOIN replay_ranges ON replay_id = replays.id WHERE replays.id = $1 GROUP BY replays.id"""
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1_024


async def replays(server: str, scale: Scale) -> Found:
    async with own_database(server) as dsn:
        await migrate(dsn)
        async with open_store(dsn) as store:
            async with store.pool.acquire() as connection:
                await load(connection, scale.events)
            runs = [(Row(LIMIT), partial(_copied, store.pool, scale.events))] + [
                (Row(name), partial(_replayed, store, dsn, *wanted, scale.events)) for name, wanted in REPLAYS.items()
            ]
            return Found(await measure(runs, msgspec.structs.replace(scale, rounds=ROUNDS), warm_up=False))


async def _copied(pool: asyncpg.Pool, events: int, _seconds: float) -> Figures:
    started = time.perf_counter()
    await pool.execute(COPY)
    seconds = time.perf_counter() - started
    return {SECONDS: seconds, PER_SECOND: events / seconds}


async def _replayed(
    store: Store, dsn: str, names: tuple[str, ...], workers: int, events: int, _seconds: float
) -> Figures:
    id_ = await engine.begin(store, ReplayRequest(projections=names, started_by="benchmark"))
    started = time.perf_counter()
    await engine.run(store, id_, dsn=dsn, workers=workers)
    seconds = time.perf_counter() - started
    folded: float = await store.pool.fetchval(FOLDED, id_)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    peaks = {PEAK: peak * MAXRSS_UNIT / 1e6}
    return {SECONDS: seconds, FOLDED_SECONDS: folded, PER_SECOND: events / seconds} | peaks


def table(found: Found) -> Table:
    lines = []
    for row in found.rows:
        share = found.ratio(PER_SECOND, row.name, LIMIT)
        figures = (SECONDS, FOLDED_SECONDS, PER_SECOND, PEAK)
        lines.append([row.name, *(number(found.median(f, row.name)) for f in figures), f"{share or 0:.3f}"])
    return Table("Replay", ("", SECONDS, FOLDED_SECONDS, "events a second", PEAK, "of the COPY"), lines)
