"""Replaying a long log: events a second from beginning to swap, against reading it inside the server.

`python -m benchmarks.replay [EVENTS]`. The limit is `COPY (SELECT … ORDER BY notification_id) TO '/dev/null'`.
"""

import asyncio
import resource
import sys
import time
from statistics import median

import asyncpg

from benchmarks.events import load
from benchmarks.server import own_server
from projections.database import migrate, open_store
from projections.live import PROJECTIONS
from projections.replay import engine
from projections.replay.registry import Asked

ROUNDS = 3
COLUMNS = (
    "originator_id, topic, state, notification_id, occurred_at, customer_id, former_customer_id"  # all a fold needs
)
COPY = f"COPY (SELECT {COLUMNS} FROM stored_events ORDER BY notification_id) TO '/dev/null' (FORMAT binary)"
FOLDED = """
    SELECT extract(epoch FROM max(built_at) - started_at)::float
    FROM replays JOIN replay_ranges ON replay_id = replays.id WHERE replays.id = $1 GROUP BY replays.id"""


async def copied(pool: asyncpg.Pool) -> float:
    started = time.perf_counter()
    await pool.execute(COPY)
    return time.perf_counter() - started


async def replayed(dsn: str, workers: int) -> tuple[float, float]:
    """Seconds in all, and until everything was folded and loaded."""
    async with open_store(dsn) as store:
        id_ = await engine.begin(store, Asked(projections=tuple(p.name for p in PROJECTIONS), started_by="benchmark"))
        started = time.perf_counter()
        await engine.run(store, id_, dsn=dsn, workers=workers)
        seconds = time.perf_counter() - started
        return seconds, await store.pool.fetchval(FOLDED, id_)


async def run(dsn: str, count: int) -> None:
    await migrate(dsn)
    async with open_store(dsn) as store:
        started = time.perf_counter()
        async with store.pool.acquire() as connection:
            await load(connection, count)
        print(f"{count:,} events loaded in {time.perf_counter() - started:.0f} s")
        limit = median([await copied(store.pool) for _ in range(ROUNDS)])
    print(f"{'':<24}{'seconds':>9}{'folded':>9}{'events/s':>12}{'of the COPY':>13}")
    print(f"{'COPY inside the server':<24}{limit:>9.2f}{'':>9}{count / limit:>12,.0f}{1:>13.3f}")
    for workers in (1, 2):
        rounds = sorted([await replayed(dsn, workers) for _ in range(ROUNDS)])
        seconds, folded = rounds[len(rounds) // 2]
        label = f"replay, {workers} worker{'s' if workers > 1 else ''}"
        print(f"{label:<24}{seconds:>9.2f}{folded:>9.2f}{count / seconds:>12,.0f}{limit / seconds:>13.3f}", flush=True)
    peaks = (resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print("peak memory: this process {:.0f} MB, the largest other {:.0f} MB".format(*peaks))


def main() -> None:
    with own_server() as dsn:
        asyncio.run(run(dsn, int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000))


if __name__ == "__main__":
    main()
