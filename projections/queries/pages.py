"""One page of a list: which rows, in which order, and how many there are in all."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, NamedTuple

import asyncpg

from eventstore.postgres.connection import Executor
from eventstore.postgres.servers import Servers
from eventstore.postgres.sessions import SESSION
from projections.queries.language.clock import Clock
from projections.queries.language.columns import Column
from projections.queries.language.cursor import Sort, after, encode
from projections.queries.language.filters import Properties, filtered
from projections.queries.language.query import ListQuery, Page
from projections.queries.language.refusals import TooExpensive, UnknownColumn
from projections.queries.language.search import Searchable, searched
from projections.queries.language.sql import EVERYTHING, Args, Statement, all_of, any_of
from projections.queries.totals import STATE, Counting, Totals, state_of
from projections.tables.table import prepare

PATIENCE = 30  # seconds for a statement: what a list costs depends on what is asked
CONNECTIONS = 8
# A general plan would not know whether a search is rare or common, and compiling costs more than any page. A statement
# without parameters has but one plan, which PostgreSQL keeps.
SETTINGS = SESSION | {
    "default_transaction_read_only": "on",
    "plan_cache_mode": "force_custom_plan",
    "jit": "off",
    "statement_timeout": f"{PATIENCE}s",
}
# Rows are read in a few fixed numbers, which are in the SQL, so that an unconditioned page needs no parameter. One more
# than the page tells that there is another.
LIMITS = (11, 26, 51, 101, 200)


class Listing(NamedTuple):
    """Tables that share their ids as one list; the first, `r`, has all rows.

    `columns` can be sorted by, `shown` be selected by clients; `selects` is the SQL's list, `stored` each table's own.
    `views` are columns by the value that they then have. `owner` says whose a row is. `standing`, a condition if any,
    and `only`, a value in a column, restrict all.
    """

    tables: Mapping[str, str]
    columns: Mapping[str, Column]
    shown: tuple[str, ...]
    selects: str
    stored: Mapping[str, str]
    searchable: Searchable
    properties: Properties
    views: Mapping[str, str]
    owner: str
    standing: str | None = None
    only: tuple[str, int] | None = None


async def fetch_page(on: Executor, listing: Listing, query: ListQuery, clock: Clock, totals: Totals) -> Page:
    """Two statements at most. Raises QueryRefused."""
    columns = selected(listing, query.select)
    sort, condition = sort_of(listing, query), condition_of(listing, query, clock)
    page = page_statement(listing, query, sort, condition)
    began = asyncio.get_running_loop().time()
    with patiently(_asked_for_most(query)):
        found = await on.fetch(page.sql, *page.args)
        total = _total_without_counting(found, query)
        if total is None:
            state = state_of(found[0]) if found else None
            total = await totals.total(on, counting(listing, condition), state, began)
    rows = found[: query.per_page]
    cursor = encode(sort, rows[-1]["sort_key"], rows[-1]["id"]) if len(found) > query.per_page else None
    return Page(rows, total, cursor, columns)


@contextmanager
def patiently(field: str) -> Iterator[None]:
    """Raises TooExpensive, about the field, for what takes too long."""
    try:
        yield
    except asyncpg.QueryCanceledError as error:
        raise TooExpensive(field) from error


def open_lists(servers: Servers) -> asyncpg.Pool:
    """Connections for lists. Each statement sees the store as it is when it starts."""
    return servers.pool(prepare, most=CONNECTIONS, settings=SETTINGS)


def _asked_for_most(query: ListQuery) -> str:
    """The parameter that a list is likely to owe its time to."""
    if query.filter_type == "advanced":
        return "advanced_filters"
    return "search" if query.search else "page"


def page_statement(listing: Listing, query: ListQuery, sort: Sort, condition: Statement) -> Statement:
    """At least one row more than the page, if there is one."""
    limit = f"LIMIT {next(limit for limit in LIMITS if limit > query.per_page)}"
    args, where, tables = Args(condition.args), condition.sql, tuple(listing.tables.items())
    if query.page == 1 and not query.cursor:
        used = tables if where == EVERYTHING else [each for each in tables if _mentions(each[0], (where, sort.order))]
        if len(used) == 1 < len(tables):
            # Planning two tables takes as long as reading a page of one.
            [(alias, table)] = used
            rows = f"SELECT {listing.stored[alias]} FROM {table} AS {alias} WHERE {where} ORDER BY {sort.order} {limit}"
            tables = (alias, f"({rows})"), *(each for each in tables if each not in used)
            where = EVERYTHING
        return Statement(_rows(listing.selects, tables, where, sort, limit), args.values)
    if query.cursor:
        conditions = [f"({where}) AND ({further})" for further in after(query.cursor, sort, args)]
        skip = ""
    else:
        conditions = [where]
        skip = f" OFFSET {args.bind((query.page - 1) * query.per_page, 'bigint')}"
    found = " UNION ALL ".join(
        f"(SELECT {sort.column.id} FROM {_tables(listing, condition, sort.order)}"
        f" WHERE {condition} ORDER BY {sort.order} {limit}{skip})"
        for condition in conditions
    )
    # All else is fetched out here, for the rows of the page and none of those that an offset skips.
    return Statement(_rows(listing.selects, (("found", f"({found})"), *tables), EVERYTHING, sort, limit), args.values)


@lru_cache(1_000)
def _rows(selects: str, tables: Sequence[tuple[str, str]], where: str, sort: Sort, limit: str) -> str:
    first, *others = (f"{table} AS {alias}" for alias, table in tables)
    columns = f"{selects}, {sort.column.key} AS sort_key, {STATE}"
    return f"SELECT {columns} FROM {_joined(first, others)} WHERE {where} ORDER BY {sort.order} {limit}"


def counting(listing: Listing, condition: Statement) -> Counting:
    return Counting(_tables(listing, condition.sql), *condition, listing.owner)


def _tables(listing: Listing, *used: str) -> str:
    return _needed(tuple(listing.tables.items()), used)


@lru_cache(1_000)
def _needed(tables: Sequence[tuple[str, str]], used: Sequence[str]) -> str:
    """The tables that these pieces of SQL, all ours, look into: a join that nobody needs costs more than the rest."""
    needed = [f"{table} AS {alias}" for alias, table in tables if _mentions(alias, used)]
    [first, *others] = needed or [f"{table} AS {alias}" for alias, table in tables[:1]]
    return _joined(first, others)


def _joined(first: str, others: Sequence[str]) -> str:
    return first + "".join(f" JOIN {other} USING (id)" for other in others)


def _mentions(alias: str, used: Sequence[str]) -> bool:
    return any(re.search(rf"\b{alias}\.", sql) for sql in used)


def sort_of(listing: Listing, query: ListQuery) -> Sort:
    column = listing.columns.get(query.sort_by) or listing.columns["id"]
    return Sort(column, descending=query.sort_type.strip().lower() != "asc")


def selected(listing: Listing, names: Sequence[str]) -> tuple[str, ...]:
    """All when none is named. Raises UnknownColumn."""
    if not names:
        return listing.shown
    for name in names:
        if name not in listing.shown:
            raise UnknownColumn(name)
    return tuple(name for name in listing.shown if name in names or name == "id")


def condition_of(listing: Listing, query: ListQuery, clock: Clock) -> Statement:
    """What is included is so whatever the search says; nothing is included against `standing` and `only`."""
    args = Args()
    asked = all_of(_asked(listing, query, args, clock))
    if query.include_ids:
        asked = any_of([asked, f"r.id = ANY({args.bind(list(query.include_ids), 'bigint[]')})"])
    restricted = [listing.standing] if listing.standing else []
    if listing.only is not None:
        column, value = listing.only
        restricted.append(f"r.{column} = {args.bind(value, 'bigint')}")
    return Statement(all_of([*restricted, asked]) if restricted else asked, args.values)


def _asked(listing: Listing, query: ListQuery, args: Args, clock: Clock) -> list[str]:
    view = listing.views.get(query.active_view)
    conditions = [f"r.{view} = {args.bind(query.active_view, 'text')}"] if view else []
    match query.filter_type:
        case "simple":
            return conditions + searched(query.search, listing.searchable, args, clock)
        case "advanced":
            return conditions + filtered(query.advanced_filters, listing.properties, args, clock)
        case _:
            return conditions


def _total_without_counting(rows: Sequence[Any], query: ListQuery) -> int | None:
    """A last page that is not empty, and a first one that is, tell the total."""
    skipped = (query.page - 1) * query.per_page
    if query.cursor or len(rows) > query.per_page or (skipped and not rows):
        return None
    return skipped + len(rows)
