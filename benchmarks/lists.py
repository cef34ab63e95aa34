"""Lists of a million customers: how long each kind of query takes, and what plan it has when that is long.

`python -m benchmarks.lists [CUSTOMERS]`. The limit is the issue's own: 50 ms at the 95th percentile.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import Any

import asyncpg

from benchmarks.people import load
from benchmarks.server import own_server
from projections.database import migrate, open_store
from projections.queries.clock import clock
from projections.queries.customers import LISTING, list_customers
from projections.queries.pages import Totals, count_statement, page_statement, sort_of
from projections.queries.query import ListQuery

LIMIT_MS = 50
ROUNDS = 30
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def filtered(*items: tuple[str, str, Any]) -> ListQuery:
    group = [{"source": source.split("/"), "operator": operator, "value": value} for source, operator, value in items]
    return ListQuery(filter_type="advanced", advanced_filters=json.dumps([group]))


def queries() -> Iterator[tuple[str, ListQuery]]:
    for name in LISTING.columns:
        for direction in ("asc", "desc"):
            yield f"sort {name} {direction}", ListQuery(sort_by=name, sort_type=direction)
    for text in ("zoe", "Zoë Virtanen", "virtanen7", "müller", "example.com", "99999", "a", "nobody at all"):
        yield f"search {text!r}", ListQuery(search=text)
        yield f"search {text!r} by ltv", ListQuery(search=text, sort_by="ltv")
    for text in (
        "ltv > 150000", "ltv > 100", "purchase_count::3-5", "email = *virtanen1*", "city = torino", "status != active",
        "created_at > 2025-12-01", "id = 5",
    ):  # fmt: skip
        yield f"search {text!r}", ListQuery(search=text)
    yield "active by last name", ListQuery(active_view="active", sort_by="last_name", sort_type="asc")
    yield "archived by ltv", ListQuery(active_view="archived", sort_by="ltv")
    yield "filter ltv", filtered(("customer/ltv", ">", 1500))
    yield "filter ltv and count", filtered(("customer/ltv", ">", 300), ("order/purchase_count", "<=", 3))
    yield "filter name", filtered(("customer/customer_full_name", "starts_with", "Zoë V"))
    yield "filter email", filtered(("customer/email", "contains", "dvorak"))
    yield "filter label", filtered(("labels/labels", "in", [3]))
    yield "filter not label", filtered(("labels/labels", "not_in", [3]))
    yield "filter dates", filtered(("order/last_purchase_date", "between", ["2025-06-01", "2025-06-02"]))
    yield "filter all", filtered(("customer/ltv", ">", 100), ("labels/labels", "in", [3, 4]),
                                 ("customer/customer_full_name", "like_all", "an"))  # fmt: skip


async def measure(pool: asyncpg.Pool, query: ListQuery) -> tuple[float, float, float, int]:
    """Milliseconds: the first answer, which counts; median and 95th percentile of the next; and the total."""
    totals, times, total = Totals(), [], 0
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        total = (await list_customers(pool, query, now=NOW, totals=totals)).total
        times.append((time.perf_counter() - started) * 1_000)
    return times[0], median(times[1:]), quantiles(times[1:], n=20)[-1], total


async def explain(pool: asyncpg.Pool, query: ListQuery) -> str:
    sort, at = sort_of(LISTING, query), clock(NOW, "")
    plans = []
    for statement in (page_statement(LISTING, query, sort, at), count_statement(LISTING, query, at)):
        rows = await pool.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {statement.sql}", *statement.args)
        plans += [row[0] for row in rows] + [""]
    return "\n".join(plans)


async def run(dsn: str, count: int) -> bool:
    await migrate(dsn)
    async with open_store(dsn) as store:
        started = time.perf_counter()
        async with store.pool.acquire() as connection:
            await load(connection, count)
        print(f"{count:,} customers loaded in {time.perf_counter() - started:.0f} s\n")
        print(f"{'query':<32}{'first':>10}{'median':>10}{'p95':>10}   ms, {'of the limit':>12}{'total':>12}")
        slow = []
        for name, query in queries():
            first, middle, p95, total = await measure(store.pool, query)
            print(f"{name:<32}{first:>10.1f}{middle:>10.1f}{p95:>10.1f}{p95 / LIMIT_MS:>18.2f}{total:>12,}", flush=True)
            if max(first, p95) > LIMIT_MS:
                slow.append((name, query))
        for name, query in slow:
            print(f"\n{name}\n{await explain(store.pool, query)}")
        return not slow


def main() -> None:
    with own_server() as dsn:
        asyncio.run(run(dsn, int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000))


if __name__ == "__main__":
    main()
