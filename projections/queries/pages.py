"""One page of a list: which rows, in which order, and how many there are in all."""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from eventstore.log.log import Executor, Session
from projections.queries.language.clock import Clock
from projections.queries.language.columns import Column
from projections.queries.language.cursor import Sort, after, encode
from projections.queries.language.filters import Properties, filtered
from projections.queries.language.query import ListQuery, Page
from projections.queries.language.refusals import TooExpensive, UnknownColumn
from projections.queries.language.search import Searchable, searched
from projections.queries.language.sql import EVERYTHING, Args, all_of, any_of

PATIENCE = 30  # seconds for a statement: what a list costs depends on what is asked
# A general plan would not know whether a search is rare or common, and compiling costs more than any page.
BEGIN = f"""BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off;
    SET LOCAL statement_timeout = '{PATIENCE}s'"""

# Read models change in the transactions of events, or when a replay has swapped them: these two name their state.
STATE = """(SELECT max(notification_id) FROM stored_events) AS position,
    (SELECT max(built_at) FROM read_models) AS built_at"""


FEW_EVENTS = 10_000


class Listing(NamedTuple):
    """Tables that share their ids as one list; the first, `r`, has all rows.

    `columns` can be sorted by, `shown` be selected, `hidden` are for presentation alone. `views` are columns by the
    value that they then have. `standing`, a condition if any, and `only`, a value in a column, restrict all. `gained`
    tells how many rows the list as a whole has gained from one position to another.
    """

    tables: Mapping[str, str]
    columns: Mapping[str, Column]
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    searchable: Searchable
    properties: Properties
    views: Mapping[str, str]
    standing: str | None = None
    only: tuple[str, int] | None = None
    gained: str | None = None


class Statement(NamedTuple):
    """`whole`: of a table, without any condition."""

    sql: str
    args: list[object]
    whole: bool = False


class State(NamedTuple):
    """The state of the read models: the position of their last event, and when a replay last swapped one."""

    position: int | None
    built_at: datetime | None


class Totals:
    """Counts of the last lists. A count stands until the read models change, so that paging does not count again."""

    def __init__(self, size: int = 1000) -> None:
        self._size = size
        self._counts: OrderedDict[str, tuple[State, int]] = OrderedDict()

    def last(self, statement: Statement) -> tuple[State, int] | None:
        """The state in which it was counted, and how many there were."""
        return self._counts.get(repr(statement))

    def keep(self, statement: Statement, state: State, total: int) -> None:
        key = repr(statement)
        self._counts[key] = (state, total)
        self._counts.move_to_end(key)
        if len(self._counts) > self._size:
            self._counts.popitem(last=False)


async def fetch_page(on: Executor, listing: Listing, query: ListQuery, clock: Clock, totals: Totals) -> Page:
    """Two statements at most. Raises QueryRefused."""
    columns = selected(listing, query.select)
    sort = sort_of(listing, query)
    page, count = page_statement(listing, query, sort, clock), count_statement(listing, query, clock)
    async with reading(on, _asked_for_most(query)) as connection:
        rows = await connection.fetch(page.sql, *page.args)
        total = _total_without_counting(rows, query)
        if total is None:
            total = await _total(connection, listing, count, rows, totals)
    more = len(rows) > query.per_page
    shown = [dict(row) for row in rows[: query.per_page]]
    cursor = encode(sort, shown[-1]["sort_key"], shown[-1]["id"]) if more else None
    return Page(shown, total, cursor, columns)


@asynccontextmanager
async def reading(on: Executor, field: str) -> AsyncIterator[Session]:
    """A connection whose settings are those of one list. Each statement sees the store as it is when it starts.

    A connection that is given has them already. Raises TooExpensive, about the field, for what takes too long.
    """
    if not isinstance(on, asyncpg.Pool):
        yield on
        return
    async with on.acquire() as connection:
        try:
            await connection.execute(BEGIN)
            yield connection
        except asyncpg.QueryCanceledError as error:
            raise TooExpensive(field) from error
        finally:
            await connection.execute("COMMIT")


def _asked_for_most(query: ListQuery) -> str:
    """The parameter that a list is likely to owe its time to."""
    if query.filter_type == "advanced":
        return "advanced_filters"
    return "search" if query.search else "page"


def page_statement(listing: Listing, query: ListQuery, sort: Sort, clock: Clock) -> Statement:
    """One row more than the page, to know whether there is another."""
    args = Args()
    where = _where(listing, query, args, clock)
    if query.cursor:
        conditions = [f"({where}) AND ({further})" for further in after(query.cursor, sort, args)]
        skip = ""
    else:
        conditions = [where]
        skip = f" OFFSET {args.bind((query.page - 1) * query.per_page, 'bigint')}"
    limit = f"LIMIT {args.bind(query.per_page + 1, 'bigint')}"
    found = " UNION ALL ".join(
        f"(SELECT {sort.column.id} FROM {_tables(listing, condition, sort.order)}"
        f" WHERE {condition} ORDER BY {sort.order} {limit}{skip})"
        for condition in conditions
    )
    columns = ", ".join((*listing.shown, *listing.hidden))
    tables = "".join(f" JOIN {table} AS {alias} USING (id)" for alias, table in listing.tables.items())
    # All else is fetched out here, for the rows of the page and none of those that an offset skips.
    sql = f"""
        SELECT {columns}, {sort.column.key} AS sort_key, {STATE}
        FROM ({found}) AS found{tables} ORDER BY {sort.order} {limit}"""
    return Statement(sql, args.values)


def count_statement(listing: Listing, query: ListQuery, clock: Clock) -> Statement:
    args = Args()
    where = _where(listing, query, args, clock)
    sql = f"SELECT count(*) AS total, {STATE} FROM {_tables(listing, where)} WHERE {where}"
    return Statement(sql, args.values, whole=where == EVERYTHING)


def _tables(listing: Listing, *used: str) -> str:
    """The tables that these pieces of SQL, all ours, look into: a join that nobody needs costs more than the rest."""
    needed = [f"{table} AS {alias}" for alias, table in listing.tables.items() if _mentions(alias, used)]
    [first, *others] = needed or [f"{table} AS {alias}" for alias, table in list(listing.tables.items())[:1]]
    return first + "".join(f" JOIN {other} USING (id)" for other in others)


def _mentions(alias: str, used: Sequence[str]) -> bool:
    return any(re.search(rf"\b{alias}\.", sql) for sql in used)


def sort_of(listing: Listing, query: ListQuery) -> Sort:
    column = listing.columns.get(query.sort_by) or listing.columns["id"]
    return Sort(column, descending=query.sort_type.strip().lower() != "asc")


def selected(listing: Listing, names: Sequence[str]) -> tuple[str, ...]:
    """All when none is named. Raises UnknownColumn."""
    for name in names:
        if name not in listing.shown:
            raise UnknownColumn(name)
    return tuple(name for name in listing.shown if not names or name in names or name == "id")


def _where(listing: Listing, query: ListQuery, args: Args, clock: Clock) -> str:
    """What is included is so whatever the search says; nothing is included against `standing` and `only`."""
    asked = all_of(_asked(listing, query, args, clock))
    if query.include_ids:
        asked = any_of([asked, f"r.id = ANY({args.bind(list(query.include_ids), 'bigint[]')})"])
    restricted = [listing.standing] if listing.standing else []
    if listing.only is not None:
        column, value = listing.only
        restricted.append(f"r.{column} = {args.bind(value, 'bigint')}")
    return all_of([*restricted, asked]) if restricted else asked


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


async def _total(connection: Session, listing: Listing, count: Statement, rows: Sequence[Any], totals: Totals) -> int:
    """Counted, unless it was before and nothing has changed, or only by what the log tells cheaply."""
    if rows and (last := totals.last(count)):
        state, (last_state, total) = _state(rows[0]), last
        if state == last_state:
            return total
        if listing.gained and count.whole and _is_soon_after(state, last_state):
            gained: int = await connection.fetchval(listing.gained, last_state.position, state.position)
            totals.keep(count, state, total + gained)
            return total + gained
    row = await connection.fetchrow(count.sql, *count.args)
    assert row is not None
    totals.keep(count, _state(row), row["total"])
    return int(row["total"])


def _state(row: Any) -> State:
    return State(row["position"], row["built_at"])


def _is_soon_after(state: State, earlier: State) -> bool:
    """Whether few enough events lie between two states to read them all, and the tables are the same."""
    if state.position is None or earlier.position is None or state.built_at != earlier.built_at:
        return False
    return 0 < state.position - earlier.position <= FEW_EVENTS
