"""The list of customers."""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from domain.customer import CUSTOMER_STATUSES
from eventstore.postgres.connection import Executor
from eventstore.reading.coalesce import Coalescer
from projections.models.customers import CUSTOMERS, EMAIL_MARK, ID_MARK
from projections.models.figures import FIGURES
from projections.queries.language.clock import clock
from projections.queries.language.columns import scalars
from projections.queries.language.properties import amounts, blank, choices, counts, dates, either, parts, sets
from projections.queries.language.query import ListQuery, Page
from projections.queries.language.search import Searchable
from projections.queries.language.sql import NOTHING, Args, Part, searchable_text
from projections.queries.pages import Listing, fetch_page
from projections.queries.totals import Totals
from projections.tables.table import Shown, texts
from projections.tables.view import View

# The three parts of `searched`; see its definition.
NAME = Part("r.searched", tail=f"{EMAIL_MARK}%")
EMAIL = Part("r.searched", head=f"%{EMAIL_MARK}", tail=f"{ID_MARK}%")
ANY_PART = Part("r.searched")

BOUGHT_ANY = """r.id IN (
    SELECT o.customer_id FROM orders AS o WHERE o.variations <> '{{}}' AND o.variations && {ids})"""
BOUGHT_ALL = """r.id IN (
    SELECT o.customer_id FROM orders AS o CROSS JOIN unnest(o.variations) AS variation
    WHERE o.variations <> '{{}}' AND o.variations && {ids} AND variation = ANY({ids})
    GROUP BY o.customer_id HAVING count(DISTINCT variation) = cardinality({ids}))"""
# A label that was deleted stays in the array, and means nothing. How many rows have one is known of ids that are given,
# and not of those that a query finds; hence both, the second so that it is not taken for another condition as rare.
LABELLED_ANY = """r.labels && {ids}
    AND coalesce(r.labels && ARRAY(SELECT l.id FROM labels AS l WHERE l.id = ANY({ids})), false)"""
LABELLED_ALL = """r.labels @> {ids}
    AND (SELECT count(*) FROM labels AS l WHERE l.id = ANY({ids})) = cardinality({ids})"""

INTERNAL = ("labels", "version")
COLUMNS = {
    name: column
    for name, column in (scalars(FIGURES.table, alias="f") | scalars(CUSTOMERS.table)).items()
    if name not in {"notes", *INTERNAL}
}
COLUMNS["email"] = msgspec.structs.replace(COLUMNS["email"], part=EMAIL)
_EVERY = [*CUSTOMERS.table.columns, *FIGURES.table.columns[1:]]  # both have the id in front
SHOWN = tuple(column.name for column in _EVERY if column.name not in INTERNAL)
# Labels that exist, each as its columns' values: most customers have none, and none needs a question of its own.
LABEL = ("id", "label_id", "value", "created_at", "updated_at")
LABELLED = """
    ARRAY(SELECT (l.id, l.id, l.value, l.created_at::text, l.updated_at::text) FROM labels AS l
    WHERE l.id = ANY(r.labels) ORDER BY l.id) AS labelled"""
SELECTS = ", ".join(column.as_text for column in _EVERY)
EVERYTHING = f"SELECT {SELECTS}, {LABELLED} FROM customers AS r JOIN figures AS f USING (id)"
FIND = f"{EVERYTHING} WHERE id = $1"
VERSION = "SELECT version FROM figures WHERE id = $1 FOR UPDATE"
NAMED = f"{EVERYTHING} WHERE id = ANY($1)"


def _plain(text: str, args: Args) -> str:
    """Only a text without a blank can be in an email, and only a number in an id."""
    return ANY_PART.containing(text, args) if searchable_text(text) else NOTHING


_LABELS = sets(lambda ids: LABELLED_ANY.format(ids=ids), lambda ids: LABELLED_ALL.format(ids=ids))
_EMAIL = COLUMNS["email"]
_EMAILS = (
    dict.fromkeys(("=", "!=", "in", "not_in"), choices(_EMAIL))
    | dict.fromkeys(("contains", "not_contains", "starts_with", "ends_with"), parts(EMAIL))
    | dict.fromkeys(("is_null", "not_null"), blank(_EMAIL))
)
_NAMES = dict.fromkeys(("like_all", "not_like", "starts_with", "ends_with", "=", "!="), parts(NAME))

LISTING = Listing(
    tables={"r": CUSTOMERS.name, "f": FIGURES.name},
    columns=COLUMNS,
    shown=SHOWN,
    selects=SELECTS,
    stored={"r": CUSTOMERS.table.written, "f": FIGURES.table.written},
    searchable=Searchable(COLUMNS, _plain),
    properties={
        ("customer", "ltv"): amounts(COLUMNS["ltv"]),
        ("customer", "email"): either(_EMAILS),
        ("customer", "customer_full_name"): either(_NAMES),
        ("order", "purchase_count"): counts(COLUMNS["purchase_count"]),
        ("order", "first_purchase_date"): dates(COLUMNS["first_purchase_date"]),
        ("order", "last_purchase_date"): dates(COLUMNS["last_purchase_date"]),
        ("order", "order_items"): sets(
            lambda ids: BOUGHT_ANY.format(ids=ids), lambda ids: BOUGHT_ALL.format(ids=ids)
        ),
        ("labels", "labels"): _LABELS,
        ("labels", "customer_email"): _LABELS,  # a name the original uses
    },
    views=dict.fromkeys(CUSTOMER_STATUSES, "status"),
    owner="id",
)  # fmt: skip


async def list_customers(on: Executor, query: ListQuery, *, now: datetime, totals: Totals) -> Page:
    """`now` has a zone; days count from it. Raises QueryRefused."""
    return await fetch_page(on, LISTING, query, clock(now, query.user_tz), totals)


async def find_customer(on: Executor, id_: int) -> Shown | None:
    """Everything about one customer, for showing."""
    if isinstance(on, View):
        customer, figures = on.row(CUSTOMERS.name, id_), on.row(FIGURES.name, id_)
        if customer is not None and figures is not None:
            return texts(customer) | texts(figures)
    return await on.fetchrow(FIND, id_)


async def find_version(on: Executor, id_: int) -> int | None:
    """At which a customer is. In a transaction, nobody changes it until that ends."""
    if isinstance(on, View) and (figures := on.row(FIGURES.name, id_)) is not None:
        version: int = figures.version
        return version
    found: int | None = await on.fetchval(VERSION, id_)
    return found


async def find_customers(on: Executor, ids: list[int]) -> list[asyncpg.Record]:
    return await on.fetch(NAMED, ids)


def finding_together(on: Executor) -> Coalescer[int, asyncpg.Record | None]:
    """`find_customer`, for all who ask at the same time."""

    async def find(ids: Sequence[int]) -> list[asyncpg.Record | None]:
        found = {row["id"]: row for row in await find_customers(on, list(ids))}
        return [found.get(id_) for id_ in ids]

    return Coalescer(find)
