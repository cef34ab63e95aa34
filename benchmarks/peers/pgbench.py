"""pgbench, which comes with PostgreSQL: one INSERT per transaction, prepared, of the row that a command of ours writes.

Nobody decides on anything, nothing is ordered or looked up: what PostgreSQL itself can do with such a row.
"""

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import asyncpg

from api.process.tables import migrate
from benchmarks.harness import COUNT, PER_SECOND, Figures, Unavailable
from benchmarks.peers import RunAt
from benchmarks.processes import completed
from benchmarks.shop import Shop
from eventstore.embedded.server import find_bindir
from projections.database import open_store

TOLD = re.compile(r"^number of transactions actually processed: (\d+).*^tps = ([0-9.]+)", re.MULTILINE | re.DOTALL)
PEER = "CREATE TABLE peer_events (LIKE stored_events INCLUDING ALL); CREATE SEQUENCE peer_ids"
COLUMNS = """
    SELECT string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position)
    FROM information_schema.columns WHERE table_name = 'stored_events'
        AND column_name NOT IN ('originator_id', 'originator_version', 'notification_id', 'recorded_at')"""
# Ids ascend, as ours do; random ones would make its index slower.
INSERT = r"""
    SELECT format('INSERT INTO peer_events (originator_id, originator_version, {columns}) '
        || 'VALUES (lpad(to_hex(nextval(''peer_ids'')), 32, ''0'')::uuid, 1, %s)',
        (SELECT string_agg(coalesce(quote_literal(replace(value, '\', '\\')), 'NULL'), ', ' ORDER BY place)
         FROM unnest(ARRAY[{values}]) WITH ORDINALITY AS v (value, place)))
    FROM stored_events ORDER BY notification_id DESC LIMIT 1"""


@asynccontextmanager
async def pgbench(dsn: str) -> AsyncIterator[RunAt]:
    program = find_bindir() / "pgbench"
    if not program.exists():
        raise Unavailable("pgbench is not among PostgreSQL's binaries")
    await migrate(dsn)
    async with open_store(dsn) as store:
        shop = Shop(store)
        await shop.open(1)
        await shop.pay(1)
        await store.pool.execute(PEER)
        statement = await _insert(store.pool)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"{statement};\n")
        script.flush()

        yield lambda concurrency: partial(_rate, program, script.name, dsn, concurrency)


async def _insert(pool: asyncpg.Pool) -> str:
    columns: str = await pool.fetchval(COLUMNS)
    values = ", ".join(f"{column}::text" for column in columns.split(", "))
    statement: str = await pool.fetchval(INSERT.format(columns=columns, values=values))
    return statement


async def _rate(program: Path, script: str, dsn: str, concurrency: int, seconds: float) -> Figures:
    command = [
        str(program), "-n", "-M", "prepared", "-f", script, "-c", str(concurrency), "-j", str(min(2, concurrency)),
        "-T", str(max(1, round(seconds))), dsn,
    ]  # fmt: skip
    said = (await completed(command)).decode()
    told = TOLD.search(said)
    if told is None:
        raise RuntimeError(said)
    return {COUNT: int(told[1]), PER_SECOND: float(told[2])}
