"""What lists can be searched by: which property takes which operators, and which value with each."""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, assert_never

from projections.queries.language.columns import Column, Kind
from projections.queries.language.filters import MAX_ITEMS
from projections.queries.language.properties import MAX_DAYS, MAX_VALUES
from projections.queries.pages import Listing
from service.fields.choices import ORDER_STATUS, PAYMENT_STATUS
from service.fields.kinds import Schema, Text

MONEY = frozenset({"ltv", "aov", "total_amount", "total_paid"})  # in cents, among what is searched


class Form(NamedTuple):
    """`value` is None where an operator takes none."""

    operators: tuple[str, ...]
    value: Schema | None


# By the words that name a property.
Properties: TypeAlias = Mapping[tuple[str, str], tuple[Form, ...]]


def _described(schema: Schema, description: str) -> Schema:
    return schema | {"description": description}


def _some(items: Schema) -> Schema:
    schema = {"type": "array", "items": items, "minItems": 1, "maxItems": MAX_VALUES}
    return _described(schema, f"A list of such: {items['description']}")


def in_words(form: Form) -> str:
    """The operators, and what each takes."""
    operators = " ".join(f"`{operator}`" for operator in form.operators)
    return f"{operators} without a value" if form.value is None else f"{operators} ({form.value['description']})"


def _pair(**schema: Any) -> Schema:
    return {"type": "array", "minItems": 2, "maxItems": 2, **schema}


_AMOUNT = _described(
    {"type": "number", "minimum": 0, "maximum": 10**9, "multipleOf": 0.01},
    "Units of the currency, such as 158.33; not cents.",
)
_COUNT = _described({"type": "integer", "minimum": 0, "maximum": 10**9}, "A whole number.")
_TEXT = _described(
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": Text().schema["pattern"]},
    "Text, regardless of case and accents.",
)
_DAY = _described(
    {"type": "string", "pattern": r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"},
    "A day of `user_tz`, such as 2025-06-20.",
)
_DAYS = _described({"type": "integer", "minimum": 0, "maximum": MAX_DAYS}, "A number of days before today.")
_ID = _described({"type": "integer", "minimum": 1}, "Ids.")
_COMPARED = ("=", "!=", ">", "<", ">=", "<=")
_AMONG = ("in", "not_in")

AMOUNTS = (Form(_COMPARED, _AMOUNT), Form(_AMONG, _some(_AMOUNT)))
COUNTS = (Form(_COMPARED, _COUNT), Form(_AMONG, _some(_COUNT)), Form(("is_null", "not_null"), None))
EMAILS = (
    Form(("=", "!=", "contains", "not_contains", "starts_with", "ends_with"), _TEXT),
    Form(_AMONG, _some(_TEXT)),
    Form(("is_null", "not_null"), None),
)
NAMES = (Form(("like_all", "starts_with", "ends_with", "not_like", "=", "!="), _TEXT),)
DATES = (
    Form(("before", "after", "date_equal"), _DAY),
    Form(("days_before", "days_within"), _DAYS),
    Form(("between",), _pair(items=_DAY, description="The first and the last day.")),
)
IDS = (Form((*_AMONG, "in_all", "not_in_all"), _some(_ID)),)


def _choices(options: tuple[str, ...]) -> tuple[Form, ...]:
    option: Schema = {"type": "string", "enum": list(options), "description": f"One of {', '.join(options)}."}
    return Form(("=", "!="), option), Form(_AMONG, _some(option))


def _filters(properties: dict[tuple[str, str], tuple[Form, ...]]) -> Schema:
    known = [_filter(source, form) for source, forms in properties.items() for form in forms]
    group = {"type": "array", "items": {"anyOf": known}, "maxItems": 10}
    return {"type": "array", "items": group, "maxItems": MAX_ITEMS // 10}


def _filter(source: tuple[str, str], form: Form) -> Schema:
    value = {} if form.value is None else {"value": form.value}
    names = _pair(prefixItems=[{"const": name} for name in source], items={"type": "string"})
    fields = {"source": names, "operator": {"type": "string", "enum": list(form.operators)}} | value
    return {"type": "object", "required": list(fields), "properties": fields}


CUSTOMER_PROPERTIES = {
    ("customer", "ltv"): AMOUNTS,
    ("customer", "email"): EMAILS,
    ("customer", "customer_full_name"): NAMES,
    ("order", "purchase_count"): COUNTS,
    ("order", "first_purchase_date"): DATES,
    ("order", "last_purchase_date"): DATES,
    ("order", "order_items"): IDS,
    ("labels", "labels"): IDS,
    ("labels", "customer_email"): IDS,
}
ORDER_PROPERTIES = {
    ("order", "status"): _choices(ORDER_STATUS.words),
    ("order", "payment_status"): _choices(PAYMENT_STATUS.words),
    ("order", "total_amount"): AMOUNTS,
    ("order", "created_at"): DATES,
    ("order", "order_items"): IDS,
}
CUSTOMER_FILTERS = _filters(CUSTOMER_PROPERTIES)
ORDER_FILTERS = _filters(ORDER_PROPERTIES)


def search_words(listing: Listing) -> str:
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


def filter_words(properties: Properties, example: str) -> str:
    known = "".join(
        f"\n- `{'/'.join(source)}`: {'; '.join(map(in_words, forms))}" for source, forms in properties.items()
    )
    return f"Groups are ORed, the filters of a group ANDed. Example: `{example}`\n{known}"
