"""Lists of very many customers: how long each kind of query takes, and what plan it has when that is long."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import asyncpg

from benchmarks.harness import Found, Row, Scale, say
from benchmarks.large_store import fill
from benchmarks.report import Table, number
from benchmarks.server import own_database
from projections.database import open_store
from projections.queries.customers import LISTING, list_customers
from projections.queries.language.clock import clock
from projections.queries.language.query import ListQuery
from projections.queries.pages import Totals, count_statement, page_statement, sort_of

LIMIT_MS = 50  # at the 95th percentile, and at first
ANSWERS = 6  # in place of a round
SHOWN = 10
PLANS = Path(__file__).parent / "results" / "plans.txt"  # of those that took longer
FIRST, P95 = "first ms", "p95 ms"
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


async def lists(server: str, scale: Scale) -> Found:
    async with own_database(server) as dsn:
        await fill(dsn, scale.sizes[-1])
        rows, plans = [], ""
        async with open_store(dsn) as store:
            for name, query in queries():
                say(name)
                row = Row(name, scale.sizes[-1], rounds=await _times(store.pool, query, ANSWERS * scale.rounds))
                if _is_slow(row):
                    plans += f"{name}\n{await explain(store.pool, query)}\n"
                rows.append(row)
        say("")
        PLANS.write_text(plans)
        return Found(rows)


async def _times(pool: asyncpg.Pool, query: ListQuery, answers: int) -> dict[str, list[float]]:
    """Times of the first answer, for which nothing is cached, and of the next."""
    totals, times = Totals(), []
    for _ in range(answers + 1):
        started = time.perf_counter()
        await list_customers(pool, query, now=NOW, totals=totals)
        times.append((time.perf_counter() - started) * 1_000)
    return {FIRST: times[:1], P95: [quantiles(times[1:], n=20)[-1]]}


def _is_slow(row: Row) -> bool:
    return max(row.rounds[FIRST] + row.rounds[P95]) > LIMIT_MS


async def explain(pool: asyncpg.Pool, query: ListQuery) -> str:
    sort, at = sort_of(LISTING, query), clock(NOW, "")
    plans = []
    for statement in (page_statement(LISTING, query, sort, at), count_statement(LISTING, query, at)):
        rows = await pool.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {statement.sql}", *statement.args)
        plans += [row[0] for row in rows] + [""]
    return "\n".join(plans)


def table(found: Found) -> Table:
    slowest = sorted(found.rows, key=lambda row: -max(row.rounds[FIRST] + row.rounds[P95]))
    lines = [[row.name, number(row.rounds[FIRST][0]), number(row.rounds[P95][0])] for row in slowest[:SHOWN]]
    slow = sum(map(_is_slow, found.rows))
    remark = f"{len(found.rows)} kinds of lists, of which {slow} took more than {LIMIT_MS} ms; these are the slowest."
    return Table(f"Lists of {found.rows[0].at:,} customers", ("query", FIRST, P95), lines, [remark])
