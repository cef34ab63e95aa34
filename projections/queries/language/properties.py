"""The kinds of properties that advanced filters know: which operators each has, and what they mean."""

from collections.abc import Callable, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from projections.queries.language.clock import Span
from projections.queries.language.columns import MAX_INTEGER, Column, compared
from projections.queries.language.filters import Filter, Item
from projections.queries.language.sql import EVERYTHING, NOTHING, Args, Part, negated, searchable_text

MAX_VALUES = 1000
MAX_DAYS = 10_000_000
_MAX_DIGITS = 18
_NEGATIVE = frozenset({"!=", "not_in", "not_null", "not_contains", "not_like"})
# Where the text must be found: at the start, at the end.
_PLACES = {
    **dict.fromkeys(("contains", "not_contains", "like_all", "not_like"), (False, False)),
    **dict.fromkeys(("=", "!="), (True, True)),
    "starts_with": (True, False),
    "ends_with": (False, True),
}
_ROUNDED = {">": ROUND_FLOOR, "<=": ROUND_FLOOR, "<": ROUND_CEILING, ">=": ROUND_CEILING}


def amounts(column: Column) -> Filter:
    """Cents in the column, currency units in the filter."""
    return lambda item, args: _numeric(column, item, args, Decimal(100))


def counts(column: Column) -> Filter:
    """`is_null` also finds 0, as in the original; `not_null` finds all."""

    def condition(item: Item, args: Args) -> str:
        match item.operator:
            case "is_null":
                return f"{column.key} IS NULL OR {column.key} = 0"
            case "not_null":
                return f"{column.key} IS NOT NULL"
            case _:
                return _numeric(column, item, args, Decimal(1))

    return condition


def parts(part: Part) -> Filter:
    """Names: parts of a text, or all of it."""

    def condition(item: Item, args: Args) -> str:
        if item.operator not in _PLACES:
            raise item.unknown_operator()
        at_start, at_end = _PLACES[item.operator]
        found = part.containing(_text(item, item.value), args, at_start=at_start, at_end=at_end)
        return negated(found) if item.operator in _NEGATIVE else found

    return condition


def choices(column: Column) -> Filter:
    """Words, compared as wholes."""

    def condition(item: Item, args: Args) -> str:
        match item.operator:
            case "in" | "not_in":
                found = column.equal([_text(item, value) for value in _values(item)], args)
            case "=" | "!=":
                found = column.equal([_text(item, item.value)], args)
            case _:
                raise item.unknown_operator()
        return negated(found) if item.operator in _NEGATIVE else found

    return condition


def either(filters: Mapping[str, Filter]) -> Filter:
    """A filter for each operator."""

    def condition(item: Item, args: Args) -> str:
        if item.operator not in filters:
            raise item.unknown_operator()
        return filters[item.operator](item, args)

    return condition


def blank(column: Column) -> Filter:
    """`is_null`, which also finds empty text, and `not_null`, which finds all else."""

    def condition(item: Item, _args: Args) -> str:
        empty = f"{column.key} IS NULL OR {column.key} = ''"
        return negated(empty) if item.operator in _NEGATIVE else empty

    return condition


def dates(column: Column) -> Filter:
    """Days of the client's time zone: before the day begins, after it has ended."""

    def condition(item: Item, args: Args) -> str:
        match item.operator:
            case "before" | "after" | "date_equal":
                sign = {"before": "<", "after": ">", "date_equal": "="}[item.operator]
                return compared(column, sign, _span(item, item.value), args)
            case "between":
                return _between(column, item, args)
            case "days_before":
                return compared(column, "<=", item.clock.days_ago(_days(item)), args)
            case "days_within":
                span = Span(item.clock.days_ago(_days(item)).start, item.clock.days_ago(0).end)
                return compared(column, "=", span, args)
            case _:
                raise item.unknown_operator()

    return condition


def sets(any_: Callable[[str], str], all_: Callable[[str], str]) -> Filter:
    """Ids; the functions say, for a placeholder of distinct ids, when a row has any or all of them."""

    def condition(item: Item, args: Args) -> str:
        if item.operator not in {"in", "not_in", "in_all", "not_in_all"}:
            raise item.unknown_operator()
        placeholder = args.bind(sorted({_id(item, value) for value in _values(item)}), "bigint[]")
        found = (all_ if item.operator.endswith("_all") else any_)(placeholder)
        return negated(found) if item.operator.startswith("not_") else found

    return condition


def _numeric(column: Column, item: Item, args: Args, scale: Decimal) -> str:
    match item.operator:
        case "in" | "not_in":
            scaled = (_number(item, value) * scale for value in _values(item))
            found = f"{column.key} = ANY({args.bind([int(n) for n in scaled if n == int(n)], 'bigint[]')})"
            return found if item.operator == "in" else negated(found)
        case "=" | "!=" | ">" | "<" | ">=" | "<=":
            return _compared_number(column, item.operator, _number(item, item.value) * scale, args)
        case _:
            raise item.unknown_operator()


def _compared_number(column: Column, operator: str, value: Decimal, args: Args) -> str:
    """Rounded in the direction that changes nothing, so that an index on integers serves."""
    whole = int(value.to_integral_value(_ROUNDED.get(operator)))
    if operator in {"=", "!="} and value != whole:
        return NOTHING if operator == "=" else EVERYTHING
    return compared(column, operator, whole, args)


def _between(column: Column, item: Item, args: Args) -> str:
    match item.value:
        case [first, last]:
            span = Span(_span(item, first).start, _span(item, last).end)
            return compared(column, "=", span, args)
        case _:
            raise item.refused("two dates are needed")


def _values(item: Item) -> list[Any]:
    """A list, or one value that stands for a list of one."""
    values = item.value if isinstance(item.value, list) else [item.value]
    if not values:
        raise item.refused("a value is needed")
    if len(values) > MAX_VALUES:
        raise item.refused(f"no more than {MAX_VALUES} values")
    return values


def _text(item: Item, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not searchable_text(value) or not value.strip():
        raise item.refused("the value must be text")
    return value.strip()


def _number(item: Item, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise item.refused("the value must be a number")
    try:
        number = Decimal(str(value).strip())
    except (InvalidOperation, ValueError) as error:
        raise item.refused("the value must be a number") from error
    if not number.is_finite() or abs(number.adjusted()) > _MAX_DIGITS or abs(number) * 100 > MAX_INTEGER:
        raise item.refused("the value must be a number of reasonable size")
    return number


def _id(item: Item, value: Any) -> int:
    number = _number(item, value)
    if number != int(number):
        raise item.refused("the value must be an id")
    return int(number)


def _days(item: Item) -> int:
    days = _id(item, item.value)
    if days < 0:
        raise item.refused("the value must be a number of days")
    return min(days, MAX_DAYS)


def _span(item: Item, value: Any) -> Span:
    span = item.clock.span(value.strip()) if isinstance(value, str) else None
    if span is None:
        raise item.refused("the value must be a date, such as 2025-06-30")
    return span
