"""Lists of very many customers: how long each kind of query takes, and what plan it has when that is long."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from typing import Any

import asyncpg

from benchmarks.harness import Found, Row, Scale, next_number, say
from benchmarks.large_store import fill
from benchmarks.report import Table, number
from benchmarks.server import own_database
from benchmarks.shop import Shop
from eventstore.postgres.watch import watched
from projections.database import open_store
from projections.queries.customers import LISTING, list_customers
from projections.queries.language.clock import clock
from projections.queries.language.query import ListQuery
from projections.queries.pages import condition_of, counting, open_lists, page_statement, sort_of
from projections.queries.totals import Totals

LIMIT_MS = 50  # at the 95th percentile, and after a write
ANSWERS = 6  # in place of a round
SHOWN = 10
PLANS = Path(__file__).parent / "results" / "plans.txt"  # of those that took longer
FIRST, AFTER, P95 = "first ms", "after a write ms", "p95 ms"
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
        async with watched(dsn) as servers, open_lists(servers) as pool, open_store(dsn) as store:
            shop = Shop(store)
            await shop.open(1)
            for name, query in queries():
                say(name)
                row = Row(name, scale.sizes[-1], rounds=await _times(pool, shop, query, ANSWERS * scale.rounds))
                if _is_slow(row):
                    plans += f"{name}\n{await explain(pool, query)}\n"
                rows.append(row)
        say("")
        PLANS.write_text(plans)
        return Found(rows)


async def _times(pool: asyncpg.Pool, shop: Shop, query: ListQuery, answers: int) -> dict[str, list[float]]:
    """Times of the first answer, for which nothing is cached, of the next, and of one after a write."""
    totals = Totals()

    async def answered() -> float:
        started = time.perf_counter()
        await list_customers(pool, query, now=NOW, totals=totals)
        return (time.perf_counter() - started) * 1_000

    first, *times = [await answered() for _ in range(answers + 1)]
    await shop.pay(next_number())
    return {FIRST: [first], AFTER: [await answered()], P95: [quantiles(times, n=20)[-1]]}


def _is_slow(row: Row) -> bool:
    return _slowest(row) > LIMIT_MS


def _slowest(row: Row) -> float:
    """Once all has been counted."""
    return max(row.rounds.get(AFTER, []) + row.rounds[P95])


async def explain(pool: asyncpg.Pool, query: ListQuery) -> str:
    sort, condition, plans = sort_of(LISTING, query), condition_of(LISTING, query, clock(NOW, "")), []
    for statement in (page_statement(LISTING, query, sort, condition), counting(LISTING, condition).all_blocks()):
        rows = await pool.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) {statement.sql}", *statement.args)
        plans += [row[0] for row in rows] + [""]
    return "\n".join(plans)


def table(found: Found) -> Table:
    slowest = sorted(found.rows, key=lambda row: -_slowest(row))
    lines = [
        [row.name, *(number(found.median(figure, row.name, row.at)) for figure in (FIRST, AFTER, P95))]
        for row in slowest[:SHOWN]
    ]
    slow = sum(map(_is_slow, found.rows))
    remark = f"{len(found.rows)} kinds of lists, of which {slow} took more than {LIMIT_MS} ms; these are the slowest."
    return Table(f"Lists of {found.rows[0].at:,} customers", ("query", FIRST, AFTER, P95), lines, [remark])
