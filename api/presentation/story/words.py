"""Words and phrases of sentences."""

from collections.abc import Iterable, Sequence
from typing import Any

from domain.event import Event, tag
from projections.history.changes import Changes

LONG = 160  # characters of what somebody wrote


def one_line(text: str) -> str:
    """What somebody wrote, in one line, no longer than a line or two, and without what steers a terminal."""
    line = " ".join(text.split())
    line = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in line)
    return line if len(line) <= LONG else f"{line[: LONG - 1]}…"


def quoted(text: str) -> str:
    return f"“{one_line(text)}”"


def listed(words: Iterable[str]) -> str:
    """a, b and c."""
    *others, last = list(words) or [""]
    return f"{', '.join(others)} and {last}" if others else last


def value_before(changes: Changes, name: str) -> object:
    """What a field was, if it has changed."""
    return changes[name][0] if name in changes else None


def many(count: int, thing: str, things: str = "") -> str:
    """`1 order`, `2 orders`; `things` is a plural that does not end in an s alone."""
    return f"{count} {thing if count == 1 else things or f'{thing}s'}"


def with_ids(thing: str, ids: Sequence[int]) -> str:
    """`customer 7`, `customers 7, 8`."""
    return f"{thing}{'s' * (len(ids) > 1)} {', '.join(map(str, ids))}"


def from_to(before: Any, after: Any) -> str:
    """`from 7 to 8`, or just `to 8` where nobody knows what it was."""
    return f"to {_value(after)}" if before in (None, "") else f"from {_value(before)} to {_value(after)}"


def moved(changes: Changes, names: Iterable[str]) -> str:
    """What became of the fields that have changed: `city from Rome to Milan and phone to 06 123`."""
    parts = [f"{name.replace('_', ' ')} {from_to(*changes[name])}" for name in names if name in changes]
    return listed(parts) if parts else "nothing that shows"


def _value(value: Any) -> str:
    return "nothing" if value in (None, "") else one_line(str(value))


def because(reason: str) -> str:
    return f", because: {one_line(reason).rstrip('.')}" if reason.strip() else ""


def otherwise(event: Event, changes: Changes) -> str:
    """For an event without a sentence of its own: its name, and what it changed."""
    name = tag(event).replace("-", " ").capitalize()
    return f"{name}: {moved(changes, changes)}." if changes else f"{name}."
