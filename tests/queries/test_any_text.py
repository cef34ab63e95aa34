"""Whatever a client sends: a page or a named refusal, from SQL that has none of it."""

import re
from functools import cache, partial
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.queries.customers import LISTING, list_customers
from projections.queries.language.clock import clock
from projections.queries.language.query import ListQuery
from projections.queries.language.refusals import QueryRefused
from projections.queries.language.sql import Statement
from projections.queries.orders import LISTING as ORDERS
from projections.queries.orders import list_orders
from projections.queries.pages import LIMITS, Listing, condition_of, counting, page_statement, sort_of
from projections.queries.totals import Totals
from tests.queries.conftest import NOW

COLUMNS = sorted({*LISTING.columns, *ORDERS.columns, "payment", "customer", "notes"})
PROPERTIES = sorted({*LISTING.properties, *ORDERS.properties})
OPERATORS = [
    "=", "!=", ">", "<", ">=", "<=", "in", "not_in", "in_all", "not_in_all", "is_null", "not_null", "contains",
    "not_contains", "starts_with", "ends_with", "like_all", "not_like", "before", "after", "date_equal", "days_before",
    "days_within", "between", "~",
]  # fmt: skip
SIGNS = ["=", "!=", ">", "<", ">=", "<=", "::", " = "]

DATES = st.sampled_from(["2025-04-01", "2025-04-01 23:59:59", "0001-01-01", "9999-12-31", "2025-02-30"])
TEXTS = st.one_of(
    st.text(max_size=20), DATES, st.integers().map(str), st.sampled_from(["*a*", "' OR 1=1 --", "a-b", "$1"])
)
SEARCHES = st.one_of(
    TEXTS,
    st.builds(
        "{}{}{}".format,
        st.sampled_from(COLUMNS),
        st.sampled_from(SIGNS),
        TEXTS,
    ),
    st.builds("{}::{}-{}".format, st.sampled_from(COLUMNS), TEXTS, TEXTS),
)
VALUES = st.recursive(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS), st.lists, max_leaves=4)
ITEMS = st.fixed_dictionaries(
    {"source": st.sampled_from(PROPERTIES).map(list), "operator": st.sampled_from(OPERATORS), "value": VALUES}
)
FILTERS = st.one_of(st.lists(st.lists(st.one_of(ITEMS, VALUES), max_size=3), max_size=3), TEXTS, VALUES)
QUERIES = st.builds(
    ListQuery,
    search=SEARCHES,
    filter_type=st.sampled_from(["simple", "advanced", "other"]),
    advanced_filters=FILTERS,
    active_view=st.one_of(st.sampled_from(["active", "paid", "renewal"]), TEXTS),
    include_ids=st.lists(st.integers(0, 2**63 - 1), max_size=3).map(tuple),
    sort_by=st.one_of(st.sampled_from(COLUMNS), TEXTS),
    sort_type=st.one_of(st.sampled_from(["asc", "desc"]), TEXTS),
    user_tz=st.sampled_from(["", "Europe/Rome", "Pacific/Kiritimati"]),
    page=st.integers(1, 2**53 // 200),
    per_page=st.integers(1, 199),
    cursor=st.one_of(st.just(""), st.just(""), TEXTS),
)
# Every word, number and quoted text that our own SQL has; what is quoted counts as one.
TOKEN = re.compile(r"'[^']*'|\$\d+|\w+|[^\w\s]")
PLACEHOLDER = re.compile(r"\$\d+")
SETTINGS = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])


@SETTINGS
@given(query=QUERIES)
async def test_any_list_is_a_page_or_a_named_refusal(shop: asyncpg.Pool, query: ListQuery) -> None:
    for listed in (list_customers, partial(list_orders, customer_id=1)):
        try:
            page = await listed(shop, query=query, now=NOW, totals=Totals())
        except QueryRefused as refusal:
            assert refusal.field in {"advanced_filters", "cursor"}  # noqa: PT017 - either is right
        else:
            assert len(page.rows) <= min(page.total, query.per_page)


@SETTINGS
@given(query=QUERIES)
def test_the_sql_has_nothing_that_was_sent(query: ListQuery) -> None:
    for listing in (LISTING, ORDERS._replace(only=("customer_id", 1))):
        try:
            said = _words(listing, query)
        except QueryRefused:
            continue
        assert said <= ours(), said - ours()


def statements(listing: Listing, query: ListQuery) -> list[Statement]:
    """All that a list may ask the database."""
    condition = condition_of(listing, query, clock(NOW, query.user_tz))
    counted = counting(listing, condition)
    page = page_statement(listing, query, sort_of(listing, query), condition)
    return [page, counted.all_blocks(), counted.changed_blocks(7)]


def _words(listing: Listing, query: ListQuery) -> set[str]:
    sql = "".join(statement.sql for statement in statements(listing, query))
    return {token for token in set(TOKEN.findall(sql)) if not PLACEHOLDER.fullmatch(token)}


@cache
def ours() -> set[str]:
    """The words of the SQL of all columns and properties with tame values."""
    operators = ["=", "!=", ">", ">=", "<", "<="]
    values = ["1", "2025-01-01", "a", "*a*", "a*", "*a"]
    asked: list[dict[str, Any]] = [{"search": f"{c}{o}{v}"} for c in COLUMNS for o in operators for v in values]
    asked += [{"search": f"{c}::{v}-{v}"} for c in COLUMNS for v in values]
    asked += [{"sort_by": c, "sort_type": t} for c in COLUMNS for t in ("asc", "desc")]
    asked += [{"per_page": limit - 1, "page": page} for limit in LIMITS for page in (1, 2)]
    asked += [{"search": "a"}, {"search": "\0"}, {"include_ids": (1,)}]
    asked += [{"active_view": view} for view in (*LISTING.views, *ORDERS.views)]
    tame: list[Any] = ["1", "2025-01-01", ["1"], ["2025-01-01", "2025-01-02"], None, "1.234"]
    items = [{"source": [*p], "operator": o, "value": v} for p in PROPERTIES for o in OPERATORS for v in tame]
    asked += [{"filter_type": "advanced", "advanced_filters": [[item]]} for item in items]
    words: set[str] = set(TOKEN.findall("( ) AND OR UNION ALL IS NOT TRUE"))
    for query in asked:
        for listing in (LISTING, ORDERS._replace(only=("customer_id", 1))):
            try:
                words |= _words(listing, ListQuery(**query))
            except QueryRefused:
                continue
    return words
