"""Rebuilt rows against the live ones: how many differ, in which columns, and some of them."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec

from eventstore.postgres.connection import Connection
from projections.replay.build import at_once
from projections.replay.registry import Replay, live_ids, not_rebuilt
from projections.tables.projection import Projection
from projections.tables.table import Column

SAMPLES = 10

# Both sides leave out rows whose events can't be applied; the live side has only rows that the replay is about.
PAIRS = """
    (SELECT t.*, t AS whole FROM public.{table} AS t WHERE NOT t.{owner} = ANY($1) AND {included}) AS l
    FULL JOIN (SELECT t.*, t AS whole FROM {schema}.{table} AS t WHERE NOT t.{owner} = ANY($1)) AS s ON s.id = l.id"""
# Byte by byte, which costs a tenth of comparing every column. Rows with different bytes may still mean the same.
UNLIKE = "(l.whole *= s.whole) IS NOT TRUE"
ROWS = f"SELECT count(s.id) AS rows, count(*) FILTER (WHERE {UNLIKE}) AS unlike FROM {{pairs}}"
COUNTS = f"""
    SELECT count(s.id) FILTER (WHERE l.id IS NULL) AS missing, count(l.id) FILTER (WHERE s.id IS NULL) AS surplus,
        count(*) FILTER (WHERE {{differs}}) AS differing{{columns}}
    FROM {{pairs}} WHERE {UNLIKE}"""
SAMPLED = f"""
    SELECT coalesce(s.id, l.id) AS id, l.id IS NULL AS is_missing, s.id IS NULL AS is_surplus, {{columns}}
    FROM {{pairs}} WHERE {UNLIKE} AND (l.id IS NULL OR s.id IS NULL OR {{differs}}) ORDER BY 1 LIMIT {{limit}}"""


class Sample(msgspec.Struct, frozen=True):
    """A row that differs: its columns, with the stored and the rebuilt value of those that can't hold personal data."""

    id: int
    problem: str
    columns: dict[str, tuple[Any, Any] | None]


class TableReport(msgspec.Struct, frozen=True):
    """`missing` rows are in the events alone, `surplus` ones in the live table alone. `columns` counts by column."""

    rows: int
    missing: int
    surplus: int
    differing: int
    columns: dict[str, int]
    samples: list[Sample]

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.surplus or self.differing)


async def compare(connection: Connection, replay: Replay, pool: asyncpg.Pool | None = None) -> dict[str, TableReport]:
    """Reports by table, at the connection's snapshot. The rebuilt rows must be at the same position.

    With a `pool`, several connections compare at once; pass none if this one has changed rows, which others don't see.
    """
    poisoned = await not_rebuilt(connection, replay.id)
    # Rows of many columns take longest.
    left = iter(sorted(replay.wanted, key=lambda projection: len(projection.table.names), reverse=True))
    found: dict[str, TableReport] = {}

    async def compare_all(on: Connection) -> None:
        for projection in left:
            found[projection.name] = await _compare(on, replay, projection, poisoned.get(projection.part, []))

    if pool is None:
        await compare_all(connection)
    else:
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        await at_once(lambda: _in_snapshot(pool, snapshot, compare_all))
    return {projection.name: found[projection.name] for projection in replay.wanted}


async def _in_snapshot(pool: asyncpg.Pool, snapshot: str, look: Callable[[Connection], Awaitable[None]]) -> None:
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        await look(connection)


async def _compare(
    connection: Connection, replay: Replay, projection: Projection[Any], poisoned: list[int]
) -> TableReport:
    pairs = _pairs(replay, projection)
    seen = await connection.fetchrow(ROWS.format(pairs=pairs), poisoned)
    assert seen is not None
    if not seen["unlike"]:
        return TableReport(rows=seen["rows"], missing=0, surplus=0, differing=0, columns={}, samples=[])
    return await _look(connection, projection, pairs, poisoned, seen["rows"])


async def _look(
    connection: Connection, projection: Projection[Any], pairs: str, poisoned: list[int], rows: int
) -> TableReport:
    columns = [column for column in projection.table.stored if column.name != "id"]
    both = f"l.id IS NOT NULL AND s.id IS NOT NULL AND ({' OR '.join(map(_differs, columns))})"
    counted = "".join(
        f", count(*) FILTER (WHERE l.id IS NOT NULL AND s.id IS NOT NULL AND {_differs(column)}) AS c_{column.name}"
        for column in columns
    )
    counts = await connection.fetchrow(COUNTS.format(differs=both, columns=counted, pairs=pairs), poisoned)
    assert counts is not None
    values = ", ".join(
        f"{_differs(c)} AS d_{c.name}, l.{c.name} AS l_{c.name}, s.{c.name} AS s_{c.name}" for c in columns
    )
    samples = await connection.fetch(
        SAMPLED.format(columns=values, pairs=pairs, differs=both, limit=SAMPLES), poisoned
    )  # fmt: skip
    return TableReport(
        rows=rows,
        missing=counts["missing"],
        surplus=counts["surplus"],
        differing=counts["differing"],
        columns={column.name: n for column in columns if (n := counts[f"c_{column.name}"])},
        samples=[_sample(row, columns) for row in samples],
    )


def _pairs(replay: Replay, projection: Projection[Any]) -> str:
    names = {"schema": replay.schema, "table": projection.name, "owner": projection.owner}
    included = "true" if replay.is_whole else f"t.id IN ({live_ids(replay, projection, replay.schema)})"
    return PAIRS.format(included=included, **names)


def _differs(column: Column) -> str:
    """Whether two values differ; the order of keys in JSON does not matter."""
    cast = "::jsonb" if column.sql_type == "json" else ""
    return f"l.{column.name}{cast} IS DISTINCT FROM s.{column.name}{cast}"


def _sample(row: Any, columns: list[Column]) -> Sample:
    if row["is_missing"] or row["is_surplus"]:
        return Sample(row["id"], "missing" if row["is_missing"] else "surplus", {})
    differing = (column for column in columns if row[f"d_{column.name}"])
    return Sample(row["id"], "differs", {column.name: _values(row, column) for column in differing})


def _values(row: Any, column: Column) -> tuple[Any, Any] | None:
    """Values that can't name a person: numbers and times, not texts."""
    if column.sql_type in {"text", "json"}:
        return None
    stored, rebuilt = row[f"l_{column.name}"], row[f"s_{column.name}"]
    return stored, rebuilt
