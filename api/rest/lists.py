"""Lists: of customers, of orders, of users to attach."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from litestar import get
from litestar.params import FromPath

from api.handling.as_of import View, read_as_of, seen
from api.handling.serving import AnyRequest, Service, customer_in_path, needs, serving
from api.http.answer import Answer, answer
from api.http.pages import paginator, read_page
from api.http.request import read_input
from api.presentation.records import Row, address, customer, customer_label, order, order_address
from domain.refusals import CustomerNotFound
from eventstore.log.log import Executor
from projections.queries import relations
from projections.queries.customers import LISTING as CUSTOMERS_LISTED
from projections.queries.customers import find_customers, list_customers
from projections.queries.language.query import ListQuery, Page
from projections.queries.orders import LISTING as ORDERS_LISTED
from projections.queries.orders import every_order, list_orders, list_store_orders
from projections.queries.pages import Listing
from projections.queries.users import attachable_users
from service.fields.reader import Fields
from service.values import shown

MAX_SEARCH = 1_000
MAX_IDS = 1_000


@get("/customers", opt=needs("customers/view"), summary="List customers")
async def get_customers(request: AnyRequest) -> Answer:
    """One page of the customers that a search, filters and a view find, newest first unless it is sorted otherwise.
    `with` adds what belongs to each; `next_cursor` walks on, however long the list is.
    """
    service, fields = serving(request), Fields(await read_input(request))
    as_of = read_as_of(fields)
    query, names = read_query(fields, CUSTOMERS_LISTED, relations.OF_CUSTOMER)
    wanted = relations.customer_relations(names)
    async with seen(service, as_of) as view:
        page = await list_customers(view.on, query, now=view.now, totals=view.totals)
        added = await added_to_customers(view.on, page.rows, wanted) if wanted else [{} for _ in page.rows]
    rows = [
        _selected(customer(row, service.settings.store_url), page, query) | more
        for row, more in zip(page.rows, added, strict=True)
    ]
    return answer({"customers": _paginated(request, service, page, query, rows)})


@get("/customers/{customer_id:str}/orders", opt=needs("customers/view"), summary="List a customer's orders")
async def get_orders(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """One page of one customer's orders, newest first unless it is sorted otherwise. Whatever is searched, nobody
    else's are in it.
    """
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    as_of = read_as_of(fields)
    query, names = read_query(fields, ORDERS_LISTED, relations.OF_ORDER)
    wanted = relations.order_relations(names)
    async with seen(service, as_of, id_) as view:
        known = await _standing(view, id_)
        page = await list_orders(view.on, id_, query, now=view.now, totals=view.totals)
    rows = _orders_shown(page, query, wanted, {id_: customer(known, service.settings.store_url)})
    return answer({"orders": _paginated(request, service, page, query, rows)}, version=known["version"])


@get("/orders", opt=needs("orders/view"), summary="List orders")
async def get_store_orders(request: AnyRequest) -> Answer:
    """One page of the orders of all customers, or of one, newest first unless it is sorted otherwise. Those of erased
    customers are not in it.
    """
    service, fields = serving(request), Fields(await read_input(request))
    as_of = read_as_of(fields)
    customer_id = fields.optional(absent=None, empty=None).id("customer_id")
    query, names = read_query(fields, ORDERS_LISTED, relations.OF_ORDER)
    wanted = relations.order_relations(names)
    async with seen(service, as_of, customer_id) as view:
        page = await list_store_orders(view.on, customer_id, query, now=view.now, totals=view.totals)
        ids = {row["customer_id"] for row in page.rows} if "customer" in wanted else set()
        owners = await find_customers(view.on, sorted(ids)) if ids else []
    shown_owners = {row["id"]: customer(row, service.settings.store_url) for row in owners}
    rows = _orders_shown(page, query, wanted, shown_owners)
    return answer({"orders": _paginated(request, service, page, query, rows)})


@get("/customers/{customer_id:str}/order", opt=needs("customers/view"), summary="All orders of a customer, with items")
async def get_every_order(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """All of them on one page, oldest first, each with its items."""
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    as_of = read_as_of(fields)
    fields.check()
    async with seen(service, as_of, id_) as view:
        known = await _standing(view, id_)
        found = await every_order(view.on, id_)
    rows = [order(row) | {"filtered_order_items": shown(row["items"])} for row in found]
    return answer({"data": {"data": rows}}, version=known["version"])


@get("/customers/attachable-user", opt=needs("customers/manage"), summary="List users without a customer")
async def get_attachable_users(request: AnyRequest) -> Answer:
    """Users of the store who are linked to no customer, by ID: all of them, unless a page is asked for."""
    fields = Fields(await read_input(request))
    search = fields.optional(absent="", empty="").text("search", max_length=MAX_SEARCH)
    fields.check()
    page = read_page(fields.values)
    per_page = page.per_page if {"page", "per_page"} & fields.values.keys() else None
    found = await attachable_users(serving(request).store.pool, search=search, page=page.number, per_page=per_page)
    return answer({"users": found.rows})


def read_query(fields: Fields, listing: Listing, related: Collection[str]) -> tuple[ListQuery, list[str]]:
    """The query, and the names in `with`. What makes no sense in a name of a column or view means its default."""
    optional = fields.optional(absent="", empty="")
    search, user_tz = optional.text("search", max_length=MAX_SEARCH), optional.text("user_tz")
    include_ids = fields.optional(absent=list[int](), empty=list[int]()).ids(
        "include_ids", max_items=MAX_IDS, skip_unfit=True
    )
    nothing = fields.optional(absent=list[str](), empty=list[str]())
    select, with_ = nothing.words("select", listing.shown), nothing.words("with", related)
    fields.check()
    page = read_page(fields.values)
    query = ListQuery(
        search=search,
        filter_type=_word(fields.values, "filter_type") or "simple",
        advanced_filters=fields.values.get("advanced_filters"),
        active_view=_word(fields.values, "active_view"),
        include_ids=tuple(include_ids),
        sort_by=_word(fields.values, "sort_by"),
        sort_type=_word(fields.values, "sort_type"),
        select=tuple(select),
        user_tz=user_tz,
        page=page.number,
        per_page=page.per_page,
        cursor=_word(fields.values, "cursor"),
    )
    return query, with_


async def added_to_customers(on: Executor, rows: Sequence[Row], wanted: frozenset[str]) -> list[dict[str, Any]]:
    """What `with` adds to each customer, as clients know it."""
    keys = relations.item_keys(wanted)
    added = await relations.load_customer_relations(on, [dict(row) for row in rows], wanted)
    for more in added:
        if "orders" in more:
            more["orders"] = [order(row) | dict.fromkeys(keys, shown(row["items"])) for row in more["orders"]]
        if "labels" in more:
            more["labels"] = list(map(customer_label, more["labels"]))
        for name in relations.ADDRESS_TYPES.keys() & more.keys():
            more[name] = [address(row) for row in more[name]]
        for name in relations.PRIMARY.keys() & more.keys():
            more[name] = more[name] and address(more[name])
    return added


def _orders_shown(
    page: Page, query: ListQuery, wanted: frozenset[str], owners: Mapping[int, dict[str, Any]]
) -> list[dict[str, Any]]:
    """`owners` are the customers as clients know them, by id; those of these rows, if they are wanted."""
    return [_selected(order(row), page, query) | _added_to_order(row, wanted, owners) for row in page.rows]


def _added_to_order(row: Row, wanted: frozenset[str], owners: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    added = dict.fromkeys(relations.item_keys(wanted), shown(row["items"]))
    added |= {name: order_address(row[name]) for name in ("billing_address", "shipping_address") if name in wanted}
    if "transactions" in wanted:
        added["transactions"] = shown(row["transactions"])
    return added | ({"customer": owners.get(row["customer_id"])} if "customer" in wanted else {})


def _selected(body: dict[str, Any], page: Page, query: ListQuery) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name in page.columns} if query.select else body


def _paginated(
    request: AnyRequest, service: Service, page: Page, query: ListQuery, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    number = read_page({"page": query.page, "per_page": query.per_page})
    url = service.settings.store_url + request.scope["path"].rstrip("/")
    sent, walking = request.scope["query_string"], bool(query.cursor)
    return paginator(rows, number, total=page.total, url=url, query=sent, next_cursor=page.next_cursor, walking=walking)


async def _standing(view: View, customer_id: int) -> Row:
    row = await view.find_customer(customer_id)
    if row is None:
        raise CustomerNotFound
    return row


def _word(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""


HANDLERS: list[Any] = [get_customers, get_orders, get_store_orders, get_every_order, get_attachable_users]
