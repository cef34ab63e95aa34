"""Orders: of one customer, and then never anyone else's, or of all."""

from datetime import datetime

import asyncpg

from domain.terms import ORDER_STATUSES
from eventstore.postgres.connection import Executor
from projections.models.customers import ID_MARK
from projections.models.orders import ORDERS
from projections.queries.language.clock import clock
from projections.queries.language.columns import scalars
from projections.queries.language.properties import amounts, choices, dates, sets
from projections.queries.language.query import ListQuery, Page
from projections.queries.language.search import Searchable
from projections.queries.language.sql import NOTHING, Args, Part, any_of, negated, searchable_text
from projections.queries.pages import Listing, fetch_page
from projections.queries.totals import Totals

OF_SOMEBODY = "EXISTS (SELECT FROM customers AS c WHERE c.id = r.customer_id)"
OF_CUSTOMER = """EXISTS (
    SELECT FROM customers AS c WHERE c.id = r.customer_id AND {found})"""
NAME_OR_EMAIL = Part("c.searched", tail=f"{ID_MARK}%")
INVOICE_OR_ITEM = Part("r.searched")
EVERY = f"SELECT {ORDERS.table.shown} FROM orders WHERE customer_id = $1 ORDER BY id"

INTERNAL = ("items", "transactions", "billing_address", "shipping_address", "variations", "words_of")
COLUMNS = scalars(ORDERS.table)
SHOWN = tuple(column.name for column in ORDERS.table.columns if column.name not in INTERNAL)
# The original's names beside the columns' own.
NAMED = {"payment": "payment_status", "payment_by": "payment_method", "invoice": "invoice_no"}
OPERATED = (
    "id",
    "status",
    "payment_status",
    "payment_method",
    "invoice_no",
    "total_amount",
    "total_paid",
    "created_at",
)


def _plain(text: str, args: Args) -> str:
    if not searchable_text(text):
        return NOTHING
    return any_of([INVOICE_OR_ITEM.containing(text, args), _of_customer(text, args)])


def _of_customer(text: str, args: Args) -> str:
    return OF_CUSTOMER.format(found=NAME_OR_EMAIL.containing(text, args))


def _customer(operator: str, value: str, args: Args) -> str:
    """The customer's name or email contains the value, with or without wildcards."""
    if operator not in {"=", "!="} or not searchable_text(value):
        return NOTHING
    found = _of_customer(value.strip("*"), args)
    return negated(found) if operator == "!=" else found


LISTING = Listing(
    tables={"r": ORDERS.name},
    columns=COLUMNS,
    shown=SHOWN,
    selects=ORDERS.table.shown,
    stored={"r": ORDERS.table.written},
    searchable=Searchable(
        {name: COLUMNS[NAMED.get(name, name)] for name in (*OPERATED, *NAMED)}, _plain, {"customer": _customer}
    ),
    properties={
        ("order", "status"): choices(COLUMNS["status"]),
        ("order", "payment_status"): choices(COLUMNS["payment_status"]),
        ("order", "total_amount"): amounts(COLUMNS["total_amount"]),
        ("order", "created_at"): dates(COLUMNS["created_at"]),
        ("order", "order_items"): sets(lambda ids: f"r.variations && {ids}", lambda ids: f"r.variations @> {ids}"),
    },
    views={
        **dict.fromkeys(ORDER_STATUSES, "status"),
        **dict.fromkeys(("paid", "refunded", "partially_refunded", "pending"), "payment_status"),
        **dict.fromkeys(("subscription", "renewal", "onetime"), "type"),
    },
    owner="customer_id",
)


async def list_orders(on: Executor, customer_id: int, query: ListQuery, *, now: datetime, totals: Totals) -> Page:
    """`now` has a zone; days count from it. Raises QueryRefused. Empty for an unknown customer."""
    listing = LISTING._replace(only=("customer_id", customer_id))
    return await fetch_page(on, listing, query, clock(now, query.user_tz), totals)


async def list_store_orders(
    on: Executor, customer_id: int | None, query: ListQuery, *, now: datetime, totals: Totals
) -> Page:
    """A page of the orders of all customers or of one, without those of the erased."""
    only = None if customer_id is None else ("customer_id", customer_id)
    listing = LISTING._replace(standing=OF_SOMEBODY, only=only)
    return await fetch_page(on, listing, query, clock(now, query.user_tz), totals)


async def every_order(on: Executor, customer_id: int) -> list[asyncpg.Record]:
    """All orders of a customer with all columns, oldest id first."""
    return await on.fetch(EVERY, customer_id)
