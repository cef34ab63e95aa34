"""Columns that clients may name, and how a value is compared with them."""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any

import msgspec

from projections.queries.clock import Clock, Span
from projections.queries.sql import NOTHING, Args, Part, negated, searchable_text, storable
from projections.table import Column as TableColumn

MAX_INTEGER = 2**63 - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,19}(\.[0-9]{1,10})?")


class Kind(Enum):
    INTEGER = auto()
    NUMBER = auto()
    TEXT = auto()
    CODE = auto()
    MOMENT = auto()


_KINDS = {int: Kind.INTEGER, Decimal: Kind.NUMBER, str: Kind.TEXT, datetime: Kind.MOMENT}
SQL_TYPES = {
    Kind.INTEGER: "bigint",
    Kind.NUMBER: "numeric",
    Kind.TEXT: "text",
    Kind.CODE: "text",
    Kind.MOMENT: "timestamp",
}
# Texts are compared without regard to case and accents; codes have none of the latter.
_FOLDING = {Kind.TEXT: "fold", Kind.CODE: "lower"}


class Column(msgspec.Struct, frozen=True):
    """A scalar column of one of a list's tables, by that table's `alias`."""

    name: str
    kind: Kind
    nullable: bool
    alias: str = "r"
    part: Part | None = None

    @property
    def qualified(self) -> str:
        return f"{self.alias}.{self.name}"

    @property
    def id(self) -> str:
        """The id beside it: an index has both, if they are of one table."""
        return f"{self.alias}.id"

    @property
    def key(self) -> str:
        """What it is sorted and compared by; the same expression as in its index, or that is not used."""
        folding = _FOLDING.get(self.kind)
        return f'{folding}({self.qualified}) COLLATE "C"' if folding else self.qualified

    @property
    def text(self) -> Part:
        """Where wildcards are looked for: `part`, if there is one, has an index."""
        match self.kind:
            case Kind.INTEGER:
                return Part(f"{self.qualified}::text")
            case Kind.NUMBER:
                return Part(f"trim_scale({self.qualified})::text")
            case Kind.TEXT | Kind.CODE:
                return self.part or Part(f"{_FOLDING[self.kind]}({self.qualified})")
            case Kind.MOMENT:
                return Part(f"to_char({self.qualified}, 'YYYY-MM-DD HH24:MI:SS')")

    def bind(self, value: object, args: Args) -> str:
        placeholder = args.bind(value, SQL_TYPES[self.kind])
        folding = _FOLDING.get(self.kind)
        return f"{folding}({placeholder})" if folding else placeholder


def scalars(columns: list[TableColumn], codes: Collection[str] = (), *, alias: str = "r") -> dict[str, Column]:
    kinds = {c.name: Kind.CODE if c.name in codes else _KINDS.get(c.python_type) for c in columns}
    return {c.name: Column(c.name, kind, c.nullable, alias) for c in columns if (kind := kinds[c.name])}


def fitting(column: Column, text: str, clock: Clock) -> Any:
    """The text as a value of the column's kind; None if it does not fit."""
    match column.kind:
        case Kind.INTEGER:
            return integer(text)
        case Kind.NUMBER:
            return number(text)
        case Kind.TEXT | Kind.CODE:
            return text if storable(text) else None
        case Kind.MOMENT:
            return clock.span(text)


def integer(text: str) -> int | None:
    """None beyond 64 bits."""
    value = int(text) if _INTEGER.fullmatch(text) else None
    return None if value is None or abs(value) > MAX_INTEGER else value


def number(text: str) -> Decimal | None:
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def compared(column: Column, operator: str, value: Any, args: Args) -> str:
    """`value` is one that fits. A day is equal to all its times, and less than those of the next."""
    key = column.key
    if isinstance(value, Span):
        return _SPANS[operator](key, value, lambda moment: column.bind(moment, args))
    bound = column.bind(value, args)
    return negated(f"{key} = {bound}") if operator == "!=" else f"{key} {_SQL[operator]} {bound}"


def within(column: Column, low: Any, high: Any, args: Args) -> str:
    """Both ends included."""
    return f"{compared(column, '>=', low, args)} AND {compared(column, '<=', high, args)}"


def matched(column: Column, pattern: str, args: Args) -> str:
    """`pattern` has * at its start, its end, or both."""
    if not searchable_text(pattern):
        return NOTHING
    at_start, at_end = not pattern.startswith("*"), not pattern.endswith("*")
    return column.text.containing(pattern.strip("*"), args, at_start=at_start, at_end=at_end)


Bound = Callable[[datetime], str]

_SQL = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}  # the operators that SQL shares
_SPANS: Mapping[str, Callable[[str, Span, Bound], str]] = {
    "=": lambda key, span, bind: f"{key} >= {bind(span.start)} AND {key} < {bind(span.end)}",
    "!=": lambda key, span, bind: negated(f"{key} >= {bind(span.start)} AND {key} < {bind(span.end)}"),
    "<": lambda key, span, bind: f"{key} < {bind(span.start)}",
    "<=": lambda key, span, bind: f"{key} < {bind(span.end)}",
    ">": lambda key, span, bind: f"{key} >= {bind(span.end)}",
    ">=": lambda key, span, bind: f"{key} >= {bind(span.start)}",
}
