"""Search in simple mode: `column OP value`, `column::a-b`, or else plain text."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from projections.queries.language.clock import Clock
from projections.queries.language.columns import Column, compared, fitting, matched, within
from projections.queries.language.sql import NOTHING, Args, negated, storable

_OPERATION = re.compile(r"(\w+)\s*(::|!=|>=|<=|=|>|<)\s*(.*)", re.ASCII | re.DOTALL)

Condition = Callable[[str, str, Args], str]


class Searchable(NamedTuple):
    """What a search may name: `columns`, and `others` with a condition of their own. `plain` is for all other text."""

    columns: Mapping[str, Column]
    plain: Callable[[str, Args], str]
    others: Mapping[str, Condition] = {}


def searched(search: str, searchable: Searchable, args: Args, clock: Clock) -> list[str]:
    """No condition for blank text."""
    text = search.strip()
    if not text:
        return []
    if operation := _OPERATION.fullmatch(text):
        name, operator, value = operation[1].lower(), operation[2], operation[3]
        if column := searchable.columns.get(name):
            return [_operated(column, operator, value, args, clock)]
        if other := searchable.others.get(name):
            return [other(operator, value, args)]
    return [searchable.plain(text, args) if storable(text) else NOTHING]


def _operated(column: Column, operator: str, value: str, args: Args, clock: Clock) -> str:
    if operator == "::":
        ends = _ends(column, value, clock)
        return within(column, *ends, args) if ends else NOTHING
    if operator in {"=", "!="} and (value.startswith("*") or value.endswith("*")):
        condition = matched(column, value, args)
        return negated(condition) if operator == "!=" and condition != NOTHING else condition
    fit = fitting(column, value, clock)
    return NOTHING if fit is None else compared(column, operator, fit, args)


def _ends(column: Column, text: str, clock: Clock) -> tuple[Any, Any] | None:
    """The hyphen between two values that fit; the middle one first, for values may have hyphens themselves."""
    hyphens = [place for place, character in enumerate(text) if character == "-"]
    for place in sorted(hyphens, key=lambda hyphen: abs(2 * hyphen + 1 - len(text))):
        low, high = text[:place].strip(), text[place + 1 :].strip()
        ends = (fitting(column, low, clock), fitting(column, high, clock))
        if low and high and None not in ends:
            return ends
    return None
