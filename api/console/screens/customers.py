"""Customers: the list, by REST's own parameters, with filters in words, chosen columns, and as a file."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import get

from api.console.door import needs
from api.console.listing import bulk, columns, conditions
from api.console.listing.address import ListAddress, Pairs
from api.console.listing.asking import Asked, problem_of, read_list, with_defaults
from api.console.listing.columns import Cell, ColumnView
from api.console.listing.conditions import CHOICES, Property
from api.console.listing.file import CustomersFile
from api.console.pages import page
from api.console.personal import Veil, veil_of
from api.handling.as_of import seen
from api.handling.serving import AnyRequest, serving
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.http.request import parse_form
from domain.customer import CUSTOMER_STATUSES
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery, Page
from projections.queries.language.refusals import QueryRefused
from projections.queries.lookups import label_values
from service.fields.reader import UnfitFields

PATH = f"{CONSOLE}/customers"
FAR = 40  # pages: further on, the next page begins where one ended and is not counted to
NOTHING = Page((), 0, None, ())


class ConditionView(NamedTuple):
    words: str
    without: str  # the address of the list without it


class CustomerLine(NamedTuple):
    """`share` is the lifetime value in hundredths of the page's largest."""

    person: columns.ListedPerson
    status: str
    cells: list[Cell]
    share: float


class SortableColumn(NamedTuple):
    """`sorted_` is "ascending", "descending" or nothing; the address sorts by it, the other way if it is so already."""

    column: ColumnView
    address: str
    sorted_: str


class CustomersView(NamedTuple):
    """`state` are hidden fields of forms that leave all else as it is, `listed` the same as one: whom a bulk action may
    be about.
    """

    search: str
    as_of: str
    view: str
    views: Sequence[str]
    groups: list[list[ConditionView]]
    choices: list[Property]
    without_filters: str
    state: Pairs
    listed: str
    searching: Pairs
    columns: list[SortableColumn]
    every_column: list[ColumnView]
    lines: list[CustomerLine]
    total: int
    first: int
    previous: str
    following: str
    file: str
    problem: str
    may_change: bool


@get("/customers", opt=needs("customers/view"))
async def customers(request: AnyRequest) -> Html:
    service, problem, listed = serving(request), "", NOTHING
    address = ListAddress.of(PATH, request.scope["query_string"])
    try:
        asked = read_list(address)
        async with seen(service, asked.as_of) as then:
            listed = await list_customers(then.on, asked.query, now=then.now, totals=then.totals)
    except (UnfitFields, QueryRefused) as error:
        asked, problem = Asked(address, parse_form(address.query.encode()), ListQuery(), None), problem_of(error)
    labels = await label_values(service.store.pool)
    view = _view(request, asked, listed, labels, problem)
    return page(request, "customers.html", view, status=422 if problem else 200, api=_in_rest(asked.address))


def _in_rest(address: ListAddress) -> str:
    return f"/customers?{with_defaults(address).query}"


def _view(
    request: AnyRequest, asked: Asked, listed: Page, labels: Mapping[int, str], problem: str
) -> CustomersView:  # fmt: skip
    address, service = asked.address, serving(request)
    names = chosen_columns(request, asked)
    currency, veil = service.settings.store_currency, veil_of(request)
    top = max((row["ltv"] for row in listed.rows), default=0) or 1
    return CustomersView(
        search=str(asked.sent.get("search") or ""),
        as_of=str(asked.sent.get("as_of") or ""),
        view=asked.query.active_view,
        views=CUSTOMER_STATUSES,
        groups=_groups(address, asked, labels),
        choices=CHOICES,
        without_filters=str(address.without({"filter_type", "advanced_filters"})),
        state=address.without(()).pairs,
        listed=address.without(()).query,
        searching=address.without({"search", "filter_type", "advanced_filters", "active_view", "as_of"}).pairs,
        columns=[_sortable(address, asked.query, _column(name, names)) for name in names],
        every_column=[_column(name, names) for name in columns.EVERY],
        lines=[_line(row, names, top, currency, veil) for row in listed.rows],
        total=listed.total,
        first=(asked.query.page - 1) * asked.query.per_page + 1 if not asked.query.cursor else 0,
        previous=_page(address, asked.query.page - 1) if asked.query.page > 1 and not asked.query.cursor else "",
        following=_following(address, asked.query, listed),
        file=str(ListAddress(f"{PATH}/file", address.without(()).pairs)),
        problem=problem,
        may_change="customers/manage" in request.user.permissions,
    )


def chosen_columns(request: AnyRequest, asked: Asked) -> tuple[str, ...]:
    named = [each for name, value in asked.address.pairs if name == "select" for each in value.split(",")]
    return columns.chosen(named, request.cookies.get(columns.COOKIE))


def _groups(address: ListAddress, asked: Asked, labels: Mapping[int, str]) -> list[list[ConditionView]]:
    groups = conditions.read_groups(asked.sent.get("advanced_filters"))
    return [
        [
            ConditionView(
                conditions.in_words(condition, labels), str(with_filters(address, conditions.removed(groups, g, n)))
            )
            for n, condition in enumerate(group)
        ]
        for g, group in enumerate(groups)
    ]


def with_filters(address: ListAddress, groups: conditions.Groups) -> ListAddress:
    """A search and filters exclude each other in REST, and so they do here."""
    written = conditions.write_groups(groups)
    return address.changed(search="", filter_type="advanced" if written else "", advanced_filters=written)


def _column(name: str, chosen: Sequence[str]) -> ColumnView:
    return ColumnView(name, columns.title(name), columns.kind(name), name in chosen)


def _sortable(address: ListAddress, query: ListQuery, column: ColumnView) -> SortableColumn:
    is_sorted, is_ascending = query.sort_by == column.name, query.sort_type.strip().lower() == "asc"
    turned = "asc" if is_sorted and not is_ascending else "desc"
    sorted_ = ("ascending" if is_ascending else "descending") if is_sorted else ""
    return SortableColumn(column, str(address.changed(sort_by=column.name, sort_type=turned)), sorted_)


def _line(row: Any, names: Sequence[str], top: int, currency: str, veil: Veil) -> CustomerLine:
    cells = [columns.cell(name, row, currency, veil) for name in names]
    return CustomerLine(columns.person(row, veil), row["status"], cells, 100 * row["ltv"] / top)


def _following(address: ListAddress, query: ListQuery, listed: Page) -> str:
    if listed.next_cursor is None:
        return ""
    if query.cursor or query.page >= FAR:
        return str(address.changed(cursor=listed.next_cursor))
    return _page(address, query.page + 1)


def _page(address: ListAddress, number: int) -> str:
    return str(address.changed(page=str(number) if number > 1 else ""))


@get("/customers/filter", opt=needs("customers/view"))
async def add_condition(request: AnyRequest) -> Html:
    """To the list with one more condition."""
    address = ListAddress.of(PATH, request.scope["query_string"])
    sent = dict(address.pairs)
    labels = await label_values(serving(request).store.pool)
    groups = conditions.read_groups(sent.get("advanced_filters"))
    place = int(sent["group"]) if sent.get("group", "").isdecimal() else len(groups)
    if key := sent.get("condition"):
        groups = conditions.added(groups, place, key, sent.get("value", ""), labels)
    return see_other(str(with_filters(address.without({"condition", "value", "group"}), groups)))


@get("/customers/columns", opt=needs("customers/view"))
async def choose_columns(request: AnyRequest) -> Html:
    """To the list with these columns, which later ones have, too."""
    address = ListAddress.of(PATH, request.scope["query_string"])
    wanted = [value for name, value in address.pairs if name == "column" and value in columns.EVERY]
    cookie = f"{columns.COOKIE}={'.'.join(wanted)}; Path={CONSOLE}; Max-Age=31536000; HttpOnly; SameSite=Strict"
    target = address.without({"column", "select"}).changed(select=wanted)
    return see_other(str(target), (b"set-cookie", cookie.encode("ascii")))


@get("/customers/file", opt=needs("customers/view"))
async def customers_file(request: AnyRequest) -> CustomersFile:
    """The whole list in the columns that one sees. Raises UnfitFields, QueryRefused."""
    asked = read_list(ListAddress.of(PATH, request.scope["query_string"]))
    return await CustomersFile.begun(request, asked.query, asked.as_of, chosen_columns(request, asked))


ROUTES: list[Any] = [customers, add_condition, choose_columns, customers_file, *bulk.ROUTES]
