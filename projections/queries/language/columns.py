"""Columns that clients may name, and how a value is compared with them."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum, auto
from typing import Any

import msgspec

from domain.text import identity
from projections.queries.language.clock import Clock, Span
from projections.queries.language.sql import NOTHING, Args, Part, negated, searchable_text, storable
from projections.tables.derived import comparable, folded_name, identity_name
from projections.tables.table import Table, code_key

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


class Column(msgspec.Struct, frozen=True):
    """A scalar column of one of a list's tables, by that table's `alias`."""

    name: str
    kind: Kind
    nullable: bool
    alias: str = "r"
    part: Part | None = None
    is_email: bool = False

    @property
    def qualified(self) -> str:
        return f"{self.alias}.{self.name}"

    @property
    def id(self) -> str:
        """The id beside it: an index has both, if they are of one table."""
        return f"{self.alias}.id"

    @property
    def key(self) -> str:
        """What it is sorted and compared by: texts without regard to case and accents, codes to case."""
        match self.kind:
            case Kind.TEXT:
                return f"{self.alias}.{folded_name(self.name)}"
            case Kind.CODE:
                return code_key(self.qualified)
            case _:
                return self.qualified

    @property
    def text(self) -> Part:
        """Where wildcards are looked for: `part`, if there is one, has an index."""
        match self.kind:
            case Kind.INTEGER:
                return Part(f"{self.qualified}::text")
            case Kind.NUMBER:
                return Part(f"trim_scale({self.qualified})::text")
            case Kind.TEXT | Kind.CODE:
                return self.part or Part(self.key)
            case Kind.MOMENT:
                return Part(f"to_char({self.qualified}, 'YYYY-MM-DD HH24:MI:SS')")

    def bind(self, value: Any, args: Args) -> str:
        is_text = self.kind in {Kind.TEXT, Kind.CODE}
        return args.bind(comparable(value) if is_text else value, SQL_TYPES[self.kind])

    def equal(self, texts: list[str], args: Args) -> str:
        """To any of the texts. Two emails are equal if they are one mailbox, and not if they only look alike."""
        if self.is_email:
            key, sought = f"{self.alias}.{identity_name(self.name)}", [*map(identity.of_email, texts)]
        else:
            key, sought = self.key, [*map(comparable, texts)]
        return f"{key} = ANY({args.bind(sought, 'text[]')})"


def scalars(table: Table[Any], *, alias: str = "r") -> dict[str, Column]:
    """Texts that have a folded one beside them are compared by that; others are codes."""
    stored = {column.name for column in table.stored}
    found: dict[str, Column] = {}
    for column in table.columns:
        kind = _KINDS.get(column.python_type)
        if kind is Kind.TEXT and folded_name(column.name) not in stored:
            kind = Kind.CODE
        if kind:
            is_email = identity_name(column.name) in stored
            found[column.name] = Column(column.name, kind, column.nullable, alias, is_email=is_email)
    return found


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
    if column.is_email and operator in {"=", "!="}:
        found = column.equal([value], args)
        return negated(found) if operator == "!=" else found
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
