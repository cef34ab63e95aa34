"""Lists: of customers, of orders, of users to attach."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from litestar.params import FromPath
from msgspec import UNSET, Struct
from msgspec.structs import asdict

from api.handling.as_of import InTime, seen
from api.handling.listing import CustomersWanted, OrdersWanted, StoreOrdersWanted, UsersWanted
from api.handling.serving import AnyRequest, customer_in_path, found, serving
from api.http.answer import Answer, answer
from api.http.pages import P, Paginated, paginator, read_page
from api.http.pages import Page as PageNumber
from api.http.reasons import Reason
from api.http.refusals import TooMany
from api.http.request import read
from api.http.turns import RETRY_AFTER
from api.openapi.operation import get
from api.presentation.addresses import address
from api.presentation.customers import ShownCustomer, ShownCustomerRow, ShownOrderRow, customer
from api.presentation.labels import carried_label
from api.presentation.orders import ShownOrder, order, order_address
from api.presentation.users import AttachableUser, LinkedUser
from api.presentation.values import Row
from domain.refusals import CustomerNotFound
from eventstore.postgres.connection import Executor
from projections.queries import relations
from projections.queries.customers import find_customers, list_customers
from projections.queries.language.query import ListQuery, Page
from projections.queries.orders import every_order, list_orders, list_store_orders
from projections.queries.users import attachable_users
from service.values import shown

S = TypeVar("S", bound=Struct)

BUSY = TooMany(RETRY_AFTER, Reason.BUSY)


class CustomerPage(Paginated[ShownCustomerRow]):
    """`next_cursor` is for walking on where the page ends."""


class OrderPage(Paginated[ShownOrderRow]):
    """`next_cursor` is for walking on where the page ends."""


class CustomersListed(Struct):
    customers: CustomerPage


class OrdersListed(Struct):
    orders: OrderPage


class OrderList(Struct):
    data: list[ShownOrder]


class EveryOrder(Struct):
    data: OrderList


class AttachableUsers(Struct):
    users: list[AttachableUser]


@get(
    "/customers", "List customers", "Customers", "customers/view", takes=CustomersWanted, answers=CustomersListed,
    refuses=BUSY,
)  # fmt: skip
async def get_customers(request: AnyRequest) -> Answer:
    """One page of the customers that a search, filters and a view find, newest first unless it is sorted otherwise.
    `with` adds what belongs to each; `next_cursor` walks on, however long the list is.
    """
    service, asked = serving(request), await read(request, CustomersWanted)
    query, wanted = asked.query, relations.customer_relations(asked.with_)
    async with seen(service, asked.as_of) as view:
        page = await list_customers(view.on, query, now=view.now, totals=view.totals)
        added = await added_to_customers(view.on, page.rows, wanted) if wanted else [{} for _ in page.rows]
    rows = [
        _added(_selected(customer(row, service.settings.store_url), page, query), more)
        for row, more in zip(page.rows, added, strict=True)
    ]
    return answer(CustomersListed(_paginated(CustomerPage, request, page, query, rows)))


@get(
    "/customers/{customer_id:str}/orders", "List a customer's orders", "Orders", "customers/view", takes=OrdersWanted,
    answers=OrdersListed, refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def get_orders(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """One page of one customer's orders, newest first unless it is sorted otherwise. Whatever is searched, nobody
    else's are in it.
    """
    service, id_, asked = serving(request), customer_in_path(customer_id), await read(request, OrdersWanted)
    query, wanted = asked.query, relations.order_relations(asked.with_)
    async with seen(service, asked.as_of, id_) as view:
        known = found(await view.find_customer(id_), CustomerNotFound)
        page = await list_orders(view.on, id_, query, now=view.now, totals=view.totals)
    rows = _orders(page, query, wanted, {id_: customer(known, service.settings.store_url)})
    listed = OrdersListed(_paginated(OrderPage, request, page, query, rows))
    return answer(listed, version=known["version"])


@get("/orders", "List orders", "Orders", "orders/view", takes=StoreOrdersWanted, answers=OrdersListed, refuses=BUSY)
async def get_store_orders(request: AnyRequest) -> Answer:
    """One page of the orders of all customers, or of one, newest first unless it is sorted otherwise. Those of erased
    customers are not in it.
    """
    service, asked = serving(request), await read(request, StoreOrdersWanted)
    query, wanted = asked.query, relations.order_relations(asked.with_)
    async with seen(service, asked.as_of, asked.customer_id) as view:
        page = await list_store_orders(view.on, asked.customer_id, query, now=view.now, totals=view.totals)
        ids = {row["customer_id"] for row in page.rows} if "customer" in wanted else set()
        owners = await find_customers(view.on, sorted(ids)) if ids else []
    rows = _orders(page, query, wanted, {row["id"]: customer(row, service.settings.store_url) for row in owners})
    return answer(OrdersListed(_paginated(OrderPage, request, page, query, rows)))


@get(
    "/customers/{customer_id:str}/order", "All orders of a customer, with items", "Orders", "customers/view",
    takes=InTime, answers=EveryOrder, refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def get_every_order(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """All of them on one page, oldest first, each with its items."""
    service, id_, asked = serving(request), customer_in_path(customer_id), await read(request, InTime)
    async with seen(service, asked.as_of, id_) as view:
        known = found(await view.find_customer(id_), CustomerNotFound)
        rows = await every_order(view.on, id_)
    orders = [_added(order(row), {"filtered_order_items": shown(row["items"])}) for row in rows]
    return answer(EveryOrder(OrderList(orders)), version=known["version"])


@get(
    "/customers/attachable-user", "List users without a customer", "Users", "customers/manage", takes=UsersWanted,
    answers=AttachableUsers,
)  # fmt: skip
async def get_attachable_users(request: AnyRequest) -> Answer:
    """Users of the store who are linked to no customer, by ID: all of them, unless a page is asked for."""
    asked = await read(request, UsersWanted)
    page = read_page({"page": asked.page, "per_page": asked.per_page})
    per_page = None if asked.page is UNSET and asked.per_page is UNSET else page.per_page
    lists = serving(request).lists
    found = await attachable_users(lists, search=asked.search, page=page.number, per_page=per_page)
    return answer(AttachableUsers([AttachableUser(**row) for row in found.rows]))


async def added_to_customers(on: Executor, rows: Sequence[Row], wanted: frozenset[str]) -> list[dict[str, Any]]:
    """What `with` adds to each customer, as clients know it."""
    keys = relations.item_keys(wanted)
    added = await relations.load_customer_relations(on, rows, wanted)
    for more in added:
        if "orders" in more:
            more["orders"] = [_added(order(row), dict.fromkeys(keys, shown(row["items"]))) for row in more["orders"]]
        if "labels" in more:
            more["labels"] = list(map(carried_label, more["labels"]))
        if more.get("wp_user"):
            more["wp_user"] = LinkedUser(**more["wp_user"])
        for name in relations.ADDRESS_TYPES.keys() & more.keys():
            more[name] = [address(row) for row in more[name]]
        for name in relations.PRIMARY.keys() & more.keys():
            more[name] = more[name] and address(more[name])
    return added


def _orders(
    page: Page, query: ListQuery, wanted: frozenset[str], owners: Mapping[int, ShownCustomer]
) -> list[ShownOrder]:
    """`owners` are the customers of these rows by id, if they are wanted."""
    return [_added(_selected(_order(row), page, query), _added_to_order(row, wanted, owners)) for row in page.rows]


def _order(row: Row) -> ShownOrderRow:
    return ShownOrderRow(**asdict(order(row)))


def _added_to_order(row: Row, wanted: frozenset[str], owners: Mapping[int, ShownCustomer]) -> dict[str, Any]:
    added = dict.fromkeys(relations.item_keys(wanted), shown(row["items"]))
    added |= {name: order_address(row[name]) for name in ("billing_address", "shipping_address") if name in wanted}
    if "transactions" in wanted:
        added["transactions"] = shown(row["transactions"])
    return added | ({"customer": owners.get(row["customer_id"])} if "customer" in wanted else {})


def _selected(made: S, page: Page, query: ListQuery) -> S:
    if query.select:
        for name in made.__struct_fields__:
            if name not in page.columns:
                setattr(made, name, UNSET)
    return made


def _added(made: S, more: Mapping[str, Any]) -> S:
    for name, value in more.items():
        setattr(made, name, value)
    return made


def _paginated(type_: type[P], request: AnyRequest, page: Page, query: ListQuery, rows: Sequence[Struct]) -> P:
    number = PageNumber(query.page, query.per_page)
    url = serving(request).settings.store_url + request.scope["path"].rstrip("/")
    sent, walking = request.scope["query_string"], bool(query.cursor)
    return paginator(
        type_, rows, number, total=page.total, url=url, query=sent, next_cursor=page.next_cursor, walking=walking
    )


HANDLERS: list[Any] = [get_customers, get_orders, get_store_orders, get_every_order, get_attachable_users]
