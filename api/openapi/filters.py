"""Advanced filters: which property takes which operators, and which value with each."""

from typing import Any, NamedTuple

from api.openapi.kinds import Schema, said, text
from domain.order import ORDER_STATUSES
from domain.transaction import PAYMENT_STATUSES
from projections.queries.language.filters import MAX_ITEMS
from projections.queries.language.properties import MAX_DAYS, MAX_VALUES


class Form(NamedTuple):
    """`value` is None where an operator takes none."""

    operators: tuple[str, ...]
    value: Schema | None


def _some(items: Schema) -> Schema:
    schema = {"type": "array", "items": items, "minItems": 1, "maxItems": MAX_VALUES}
    return said(schema, f"A list of such: {items['description']}")


def in_words(form: Form) -> str:
    """The operators, and what each takes."""
    operators = " ".join(f"`{operator}`" for operator in form.operators)
    return f"{operators} without a value" if form.value is None else f"{operators} ({form.value['description']})"


def _pair(**schema: Any) -> Schema:
    return {"type": "array", "minItems": 2, "maxItems": 2, **schema}


_AMOUNT = said(
    {"type": "number", "minimum": 0, "maximum": 10**9, "multipleOf": 0.01},
    "Units of the currency, such as 158.33; not cents.",
)
_COUNT = said({"type": "integer", "minimum": 0, "maximum": 10**9}, "A whole number.")
_TEXT = said(
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": text()["pattern"]},
    "Text, regardless of case and accents.",
)
_DAY = said(
    {"type": "string", "pattern": r"^(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])$"},
    "A day of `user_tz`, such as 2025-06-20.",
)
_DAYS = said({"type": "integer", "minimum": 0, "maximum": MAX_DAYS}, "A number of days before today.")
_ID = said({"type": "integer", "minimum": 1}, "Ids.")
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
    ("order", "status"): _choices(ORDER_STATUSES),
    ("order", "payment_status"): _choices(PAYMENT_STATUSES),
    ("order", "total_amount"): AMOUNTS,
    ("order", "created_at"): DATES,
    ("order", "order_items"): IDS,
}
CUSTOMER_FILTERS = _filters(CUSTOMER_PROPERTIES)
ORDER_FILTERS = _filters(ORDER_PROPERTIES)
