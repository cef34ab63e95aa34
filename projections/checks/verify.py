"""Compares figures as they are stored, as the fold of events gives them, and as SQL sums them."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterable, Sequence
from typing import NamedTuple

import asyncpg

from eventstore.postgres.connection import Connection
from eventstore.store import Store
from projections.checks import findings
from projections.checks.findings import Difference, Unverified
from projections.checks.sums import summed
from projections.fold.fold import Poison, fold_some
from projections.fold.ranges import Range, split
from projections.models.figures import FIGURES, FiguresRow

# Before the snapshot, which the first SELECT takes: a table that a replay puts in place afterwards is empty in it.
BEGIN = "LOCK TABLE figures IN ACCESS SHARE MODE"
# A piece is a small part of the log, whatever the planner thinks of it, and should not crowd out those who serve.
PLANS = "SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL max_parallel_workers_per_gather = 0"
STORED = f"SELECT {', '.join(FIGURES.table.names)} FROM figures WHERE id = ANY($1)"
# Whoever events, stored figures or former findings are about.
IDS = """
    SELECT customer_id FROM stored_events WHERE customer_id BETWEEN $1 AND $2
    UNION SELECT id FROM figures WHERE id BETWEEN $1 AND $2
    UNION SELECT customer_id FROM drift WHERE customer_id BETWEEN $1 AND $2
    ORDER BY 1"""
COUNT = "SELECT count(*) FROM figures WHERE id BETWEEN $1 AND $2"
# Of random events: it costs the same in a log of any length, and finds those whose rows are missing too.
DRAW = """
    SELECT DISTINCT customer_id
    FROM (
        SELECT ceil(random() * (SELECT max(notification_id) FROM stored_events)) AS position
        FROM generate_series(1, $1)) AS drawn
    CROSS JOIN LATERAL (
        SELECT customer_id FROM stored_events WHERE notification_id >= drawn.position::bigint
        ORDER BY notification_id LIMIT 1) AS event
    WHERE customer_id IS NOT NULL"""
DRAWS = 20  # of as many each, after which there are hardly any left that were not drawn
AT_A_TIME = 500

FIELDS = tuple(name for name in FiguresRow.__struct_fields__ if name != "id")
EVERYONE = Range("customer")


class Checked(NamedTuple):
    """What was found of so many customers, those included that could not be verified."""

    customers: int
    differences: list[Difference]
    unverified: list[Unverified]

    @property
    def drifted_ids(self) -> list[int]:
        return sorted({difference.customer_id for difference in self.differences})

    @property
    def unverified_ids(self) -> list[int]:
        return sorted({id_ for each in self.unverified for id_ in each.customer_ids})


async def verify(store: Store, pieces: AsyncIterator[Sequence[int]]) -> AsyncGenerator[Checked, None]:
    """Verify these customers, piece by piece, and store findings; complete when the iteration ends by itself."""
    customers = 0
    async for ids in pieces:
        checked = await check(store, ids)
        async with store.pool.acquire() as connection, connection.transaction():
            await findings.keep(connection, ids, checked.differences, checked.unverified)
        customers += checked.customers
        yield checked
    await findings.keep_end(store.pool, customers)


async def between(pool: asyncpg.Pool, customers: Range = EVERYONE) -> AsyncIterator[list[int]]:
    """All customers in a range, in pieces with about the same number of events."""
    async for _part, low, high in split(pool, customers):
        yield [row[0] for row in await pool.fetch(IDS, low, high)]


async def drawn(pool: asyncpg.Pool, count: int) -> AsyncIterator[list[int]]:
    """Up to `count` random customers; those with much history are drawn more often."""
    ids: set[int] = set()
    for _ in range(DRAWS):
        ids.update(row[0] for row in await pool.fetch(DRAW, count))
        if len(ids) >= count:
            break
    drawn_ids = list(ids)[:count]
    for start in range(0, len(drawn_ids), AT_A_TIME):
        yield sorted(drawn_ids[start : start + AT_A_TIME])


async def count_between(pool: asyncpg.Pool, customers: Range = EVERYONE) -> int:
    total: int = await pool.fetchval(COUNT, customers.low, customers.high)
    return total


async def check(store: Store, ids: Sequence[int]) -> Checked:
    """Compares in one snapshot, in which stored figures and events match, whoever writes meanwhile."""
    async with (
        store.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(f"{BEGIN}; {PLANS}")
        stored = {row["id"]: FIGURES.table.row(row) for row in await connection.fetch(STORED, ids)}
        folded = await fold_some(connection, store.log, "customer", ids, await store.log.head(connection))
        unverified = [_unverified(poison, ids) for poison in folded.poison]
        unknown = {id_ for each in unverified for id_ in each.customer_ids}
        readable = [id_ for id_ in ids if id_ not in unknown]
        sums, unread = await _summed(connection, readable, [poison.position for poison in folded.poison])
    unknown.update(id_ for each in unread for id_ in each.customer_ids)
    folds = folded.rows[FIGURES.name]
    found = (
        _differences(id_, stored.get(id_), folds.get(id_), sums.get(id_)) for id_ in readable if id_ not in unknown
    )
    not_verified = [each for each in [*unverified, *unread] if each.customer_ids]
    return Checked(len(ids), [difference for of_one in found for difference in of_one], not_verified)


def _unverified(poison: Poison, ids: Collection[int]) -> Unverified:
    checked = set(ids)
    concerned = tuple(id_ for id_ in poison.ids if id_ in checked)
    return Unverified(concerned, poison.position, f"{poison.topic}: {poison.error}")


async def _summed(
    connection: Connection, ids: Sequence[int], unreadable: Iterable[int]
) -> tuple[dict[int, FiguresRow], list[Unverified]]:
    """Figures by SQL. Customers with events that SQL can't read are found by bisection, and the others are summed."""
    try:
        async with connection.transaction():
            return await summed(connection, ids, unreadable), []
    except asyncpg.DataError as error:
        if len(ids) == 1:
            return {}, [Unverified(tuple(ids), None, f"SQL can't read an event: {error}")]
    half = len(ids) // 2
    (low, unread_low), (high, unread_high) = (
        await _summed(connection, ids[:half], unreadable),
        await _summed(connection, ids[half:], unreadable),
    )
    return low | high, unread_low + unread_high


def _differences(
    id_: int, stored: FiguresRow | None, fold: FiguresRow | None, sql: FiguresRow | None
) -> list[Difference]:
    if stored == fold == sql:
        return []
    rows = (stored, fold, sql)
    if None in rows:
        presence = ["missing" if row is None else "present" for row in rows]
        return [Difference(id_, "row", *presence)]
    compared = ((name, [getattr(row, name) for row in rows]) for name in FIELDS)
    return [Difference(id_, name, *values) for name, values in compared if not values[0] == values[1] == values[2]]
