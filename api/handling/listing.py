"""What a client may ask of a list."""

from collections.abc import Collection, Iterable, Sequence
from typing import Annotated, Any, TypeVar

from msgspec import UNSET, Struct, field

from api.handling.as_of import InTime
from api.handling.filters import CUSTOMER_PROPERTIES, ORDER_PROPERTIES, Properties, filter_words, search_words
from api.http.pages import PAGE_NUMBER, PER_PAGE, read_page
from projections.queries import relations
from projections.queries.customers import LISTING as CUSTOMERS
from projections.queries.language.query import ListQuery
from projections.queries.orders import LISTING as ORDERS
from projections.queries.pages import Listing
from service.fields.compound import Chosen, Ids, Sent, Word
from service.fields.input import Input
from service.fields.kinds import REFERENCE, Id, Text, Words

S = TypeVar("S", bound=Struct)

MAX_SEARCH = 1_000
MAX_IDS = 1_000
NO_WORDS = Words("", ())


def _searching(listing: Listing) -> Text:
    return Text(MAX_SEARCH, about=search_words(listing))


def _selecting(listing: Listing) -> Chosen:
    return Chosen(Words("", tuple(sorted(listing.shown))), about="Only these columns, and `id`.")


def _adding(related: Collection[str], about: str) -> Chosen:
    return Chosen(Words("", tuple(sorted(related))), about=about)


def _filtering(name: str, properties: Properties, example: str) -> Sent:
    # With a media type, too, the page of the document asks for a file.
    known = {"type": "string", "contentSchema": {"$ref": REFERENCE + name}}
    return Sent(known, about=filter_words(properties, example))


def _defaulting(names: Iterable[str], default: str) -> Word:
    return Word(about=f"{', '.join(names)}; anything else means {default}.")


class ListWanted(InTime, kw_only=True):
    """What makes no sense in a name of a column or a view means its default."""

    search: Annotated[str, Text(MAX_SEARCH)] = ""
    include_ids: Annotated[
        Sequence[int], Ids(MAX_IDS, skip_unfit=True, about="These are in the result whatever the search says.")
    ] = ()
    select: Annotated[Sequence[str], Chosen(NO_WORDS)] = ()
    with_: Annotated[Sequence[str], Chosen(NO_WORDS)] = field(name="with", default=())
    filter_type: Annotated[
        str,
        Word(about="simple is for `search`, advanced for `advanced_filters`; with anything else neither counts."),
    ] = "simple"
    advanced_filters: Annotated[Any, Sent()] = None
    active_view: Annotated[str, Word()] = "all"
    sort_by: Annotated[str, Word()] = "id"
    sort_type: Annotated[str, Word(about="asc; anything else means desc. Texts regardless of case and accents.")] = (
        "desc"
    )
    page: Annotated[Any, PAGE_NUMBER] = None
    per_page: Annotated[Any, PER_PAGE] = None
    cursor: Annotated[
        str, Word(about="The `next_cursor` of the last page, to walk on from there; goes before `page`.")
    ] = ""

    @property
    def query(self) -> ListQuery:
        page = read_page({"page": self.page, "per_page": self.per_page})
        return self.fill(
            ListQuery,
            include_ids=tuple(self.include_ids),
            select=tuple(self.select),
            page=page.number,
            per_page=page.per_page,
        )


class CustomersWanted(ListWanted, kw_only=True):
    search: Annotated[str, _searching(CUSTOMERS)] = ""
    select: Annotated[Sequence[str], _selecting(CUSTOMERS)] = ()
    with_: Annotated[Sequence[str], _adding(relations.OF_CUSTOMER, "What to add to each customer.")] = field(
        name="with", default=()
    )
    advanced_filters: Annotated[
        Any,
        _filtering(
            "CustomerFilters",
            CUSTOMER_PROPERTIES,
            '[[{"source":["customer","ltv"],"operator":">","value":100}]]',
        ),
    ] = None
    active_view: Annotated[str, _defaulting(CUSTOMERS.views, "all")] = "all"
    sort_by: Annotated[str, _defaulting(CUSTOMERS.columns, "id")] = "id"


class OrdersWanted(ListWanted, kw_only=True):
    search: Annotated[str, _searching(ORDERS)] = ""
    select: Annotated[Sequence[str], _selecting(ORDERS)] = ()
    with_: Annotated[Sequence[str], _adding(relations.OF_ORDER, "What to add to each order.")] = field(
        name="with", default=()
    )
    advanced_filters: Annotated[
        Any,
        _filtering(
            "OrderFilters",
            ORDER_PROPERTIES,
            '[[{"source":["order","status"],"operator":"in","value":["completed"]}]]',
        ),
    ] = None
    active_view: Annotated[str, _defaulting(ORDERS.views, "all")] = "all"
    sort_by: Annotated[str, _defaulting(ORDERS.columns, "id")] = "id"


class StoreOrdersWanted(OrdersWanted):
    customer_id: Annotated[int | None, Id(about="Only this customer's orders.")] = None


class UsersWanted(Input):
    search: Annotated[str, Text(MAX_SEARCH, about="In login, email and name.")] = ""
    page: Annotated[Any, PAGE_NUMBER] = UNSET
    per_page: Annotated[Any, PER_PAGE] = UNSET
