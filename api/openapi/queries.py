"""What clients ask for in the query string."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from api.handling.as_of import POSITION
from api.http.pages import DEFAULT_PER_PAGE, MAX_PER_PAGE
from api.openapi.filters import (
    CUSTOMER_FILTERS,
    CUSTOMER_PROPERTIES,
    ORDER_FILTERS,
    ORDER_PROPERTIES,
    Form,
    in_words,
)
from api.openapi.kinds import Schema, choice, id_, integer, moment, optional, ref, said, text
from api.rest.history import TYPES as TYPES_OF_EVENTS
from api.rest.lists import MAX_IDS, MAX_SEARCH
from projections.queries.customers import LISTING as CUSTOMERS
from projections.queries.language.columns import Column, Kind
from projections.queries.orders import LISTING as ORDERS
from projections.queries.pages import Listing
from projections.queries.relations import OF_CUSTOMER, OF_ORDER

MONEY = frozenset({"ltv", "aov", "total_amount", "total_paid"})  # in cents, among what is searched
_LENIENT: Schema = {"type": "string"}  # what makes no sense means the default


def query_text(max_length: int = 255) -> Schema:
    """All that a query has is text: what is said of integers, which will do as texts in JSON, is of no use."""
    return {name: value for name, value in text(max_length=max_length).items() if "imum" not in name} | {
        "type": "string"
    }


def blankable(schema: Schema) -> Schema:
    """A blank parameter is as good as none."""
    return {**optional(schema), "type": schema["type"]}


_TEXT = blankable(query_text())
_SEARCH = blankable(query_text(max_length=MAX_SEARCH))
PAGE: dict[str, Schema] = {
    "page": {
        "anyOf": [{"type": "integer", "minimum": 1}, _LENIENT],
        "default": 1,
        "description": "Anything but a whole number from 1 means 1. Beyond the end, a page is empty.",
    },
    "per_page": {
        "anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_PER_PAGE}, _LENIENT],
        "default": DEFAULT_PER_PAGE,
        "description": f"Anything but 1 to {MAX_PER_PAGE} means {DEFAULT_PER_PAGE}.",
    },
}


_BLANK: Schema = {"type": "string", "maxLength": 0}
_ZONE = said({"anyOf": [ref("TimeZone"), _BLANK]}, "In which days begin and dates are read.")
_POSITION: Schema = {"type": ["integer", "string"], "minimum": 0, "pattern": f"^({POSITION})$"}
AS_OF = said(
    {"anyOf": [_POSITION, moment(), _BLANK]},
    "The answer as it was at a position of the log, at the end of a day, or through a second, by when the log knew it. "
    "What lies ahead, and a position beyond the end, are refused. Who has been erased since is not found.",
)
IN_TIME = {"as_of": AS_OF, "user_tz": _ZONE}


def several(name: str, items: Schema, text: Schema, description: str, **limits: int) -> dict[str, Schema]:
    """Repeated, or one text. With PHP's brackets it is understood, but not declared: as names they are the same one."""
    forms = f"`{name}=a,b`, `{name}=a&{name}=b` and `{name}[]=a&{name}[]=b` say the same."
    schema = {"anyOf": [{"type": "array", "items": items, **limits}, text]}
    return {name: said(schema, f"{description} {forms}")}


def several_words(name: str, known: Iterable[str], description: str) -> dict[str, Schema]:
    word = f"({'|'.join(map(re.escape, sorted(known)))})"
    text: Schema = {"type": "string", "pattern": f"^({word}(,{word})*)?$"}
    return several(name, words(known), text, description)


def words(known: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(known)}


def _lenient(default: str) -> Schema:
    return {**_LENIENT, "default": default}


def _searched(listing: Listing) -> str:
    """Plain text, or an operation on one of the columns, each with the unit of its values."""
    columns = [f"`{name}` ({_unit(column)})" for name, column in listing.searchable.columns.items()]
    others = [f"`{name}` (text)" for name in listing.searchable.others]
    return (
        "Plain text, or an operation on a column: `=` `!=` `>` `<` `>=` `<=`, as in `id=5`; a range, as in `id::1-9`; "
        f"`=` and `!=` with `*` at an end, as in `status=act*`. Columns: {', '.join([*columns, *others])}."
    )


def _unit(column: Column) -> str:
    match column.kind:
        case Kind.INTEGER | Kind.NUMBER:
            return "cents" if column.name in MONEY else "number"
        case Kind.MOMENT:
            return "date, or date and time, in `user_tz`"
        case Kind.TEXT | Kind.CODE:
            return "text"
        case _:
            assert_never(column.kind)


def _filtered(properties: Mapping[tuple[str, str], tuple[Form, ...]], example: str) -> str:
    told = "".join(
        f"\n- `{'/'.join(source)}`: {'; '.join(map(in_words, forms))}" for source, forms in properties.items()
    )
    return f"Groups are ORed, the filters of a group ANDed. Example: `{example}`\n{told}"


def _listing(
    listing: Listing,
    filters: str,
    properties: Mapping[tuple[str, str], tuple[Form, ...]],
    example: str,
    **others: Schema,
) -> dict[str, Schema]:
    advanced = {"type": "string", "contentSchema": {"$ref": filters}}  # with a media type the page asks for a file
    return {
        "search": said(_SEARCH, _searched(listing)),
        **PAGE,
        "sort_by": said(_lenient("id"), f"{', '.join(listing.columns)}; anything else means id."),
        "sort_type": said(_lenient("desc"), "asc; anything else means desc. Texts regardless of case and accents."),
        "filter_type": said(
            _lenient("simple"),
            "simple is for `search`, advanced for `advanced_filters`; with anything else neither counts.",
        ),
        "advanced_filters": said(advanced, _filtered(properties, example)),
        "active_view": said(_lenient("all"), f"{', '.join(listing.views)}; anything else means all."),
        **IN_TIME,
        "cursor": said(_LENIENT, "The `next_cursor` of the last page, to walk on from there; goes before `page`."),
        **others,
    }


# What can't be an id is ignored, like one that nobody has.
_ID: Schema = {"type": ["integer", "string"]}
_IDS: Schema = {"type": "string", "maxLength": MAX_IDS}
_RELATIONS = several_words("with", OF_CUSTOMER, "What to add to each customer.")

LIST_CUSTOMERS = _listing(
    CUSTOMERS,
    "#/components/schemas/CustomerFilters",
    CUSTOMER_PROPERTIES,
    '[[{"source":["customer","ltv"],"operator":">","value":100}]]',
    **_RELATIONS,
    **several_words("select", CUSTOMERS.shown, "Only these columns, and `id`."),
    **several("include_ids", _ID, _IDS, "These are in the result whatever the search says.", maxItems=MAX_IDS),
)
LIST_ORDERS = _listing(
    ORDERS,
    "#/components/schemas/OrderFilters",
    ORDER_PROPERTIES,
    '[[{"source":["order","status"],"operator":"in","value":["completed"]}]]',
    **several_words("with", OF_ORDER, "What to add to each order."),
    **several_words("select", ORDERS.shown, "Only these columns, and `id`."),
)
LIST_STORE_ORDERS = LIST_ORDERS | {"customer_id": said(blankable(id_()), "Only this customer's orders.")}
DELETE_CUSTOMER = {"reason": said(_TEXT, "Why, if the body does not say so.")}
GET_CUSTOMER = _RELATIONS | {"params[customer_only]": said(_LENIENT, "`yes` leaves labels out."), **IN_TIME}
LIST_ADDRESSES = {
    "type": {"anyOf": [ref("AddressType"), _BLANK], "default": "billing"},
    **IN_TIME,
}
DELETE_ADDRESS = {"address[id]": said(integer(minimum=1), "The address, if the body does not name it.")}
LIST_USERS = {
    "search": said(_SEARCH, "In login, email and name."),
    **PAGE,
}
HISTORY = {
    "type": said(blankable(choice(TYPES_OF_EVENTS)), "What kind of event; one that there is not is refused."),
    "actor": said(_TEXT, "The login of who did it."),
    "from": said(blankable(moment()), "When it happened: from the start of this day, or second."),
    "to": said(blankable(moment()), "When it happened: through the end of this day, or second."),
    "user_tz": said(ref("TimeZone"), "In which days begin and dates are read."),
    "per_page": PAGE["per_page"],
    "cursor": said(blankable(id_()), "The `next_cursor` of the last page."),
}
COMPONENTS: Mapping[str, Any] = {"CustomerFilters": CUSTOMER_FILTERS, "OrderFilters": ORDER_FILTERS}
