"""Pieces of SQL. Text here is ours or made of placeholders; values go to the server beside it."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from domain.text.folding import folded

NOTHING = "false"
EVERYTHING = "true"
ANY_TEXT = "%"
_SPECIAL = re.compile(r"[\\%_]")


class Args:
    """The values of a statement's placeholders."""

    def __init__(self, values: Iterable[object] = ()) -> None:
        self.values = list(values)

    def bind(self, value: object, sql_type: str) -> str:
        self.values.append(value)
        return f"${len(self.values)}::{sql_type}"


class Statement(NamedTuple):
    """A statement, or a condition that is to be a part of one, with the values of its placeholders."""

    sql: str
    args: list[object]


def all_of(conditions: Iterable[str]) -> str:
    return _joined(conditions, " AND ", EVERYTHING)


def any_of(conditions: Iterable[str]) -> str:
    return _joined(conditions, " OR ", NOTHING)


def negated(condition: str) -> str:
    """True wherever the condition is not, unknown included: `!=` finds all that `=` does not."""
    return f"({condition}) IS NOT TRUE"


class Part(NamedTuple):
    """Folded text to be searched in: all of it, or what lies between two marks that are nowhere else in it.

    `head` and `tail` are the patterns for what comes before and after, marks included.
    """

    text: str
    head: str = ""
    tail: str = ""

    def containing(self, text: str, args: Args, *, at_start: bool = False, at_end: bool = False) -> str:
        before = self.head if at_start else self.head + ANY_TEXT
        after = self.tail if at_end else ANY_TEXT + self.tail
        # Escaped after folding, which makes % of its wide form.
        return f"{self.text} LIKE {args.bind(before + _SPECIAL.sub(_escaped, folded(text)) + after, 'text')}"


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]


def storable(text: str) -> bool:
    """PostgreSQL knows neither NUL nor lone surrogates, so no row has them."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def searchable_text(text: str) -> bool:
    """No row has control characters where one searches, and the marks between parts are such."""
    return storable(text) and not any(character < " " for character in text)


def _joined(conditions: Iterable[str], word: str, none: str) -> str:
    parts = list(conditions)
    return parts[0] if len(parts) == 1 else word.join(f"({part})" for part in parts) or none
