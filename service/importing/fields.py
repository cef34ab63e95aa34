"""Reading a row of a file: the same rules as for requests, and all that is wrong with a row said at once."""

from collections.abc import Iterator, Mapping
from secrets import token_bytes
from typing import Any

from service.fields import convert
from service.fields.reader import Fields, UnfitFields

UUID_BYTES = 16


def random_uuids() -> Iterator[str]:
    """32 hex digits each, without end. Many are drawn at once: asking the system for each costs more than its row."""
    while True:
        drawn = token_bytes(UUID_BYTES * 1_000)
        yield from (drawn[at : at + UUID_BYTES].hex() for at in range(0, len(drawn), UUID_BYTES))


def reasons(error: UnfitFields) -> str:
    """All that is wrong, in one line."""
    return " ".join(message for rules in error.errors.values() for message in rules.values())


def nullable_text(fields: Fields, name: str) -> str | None:
    """None and "" as they are."""
    return None if fields.values.get(name) is None else fields.optional(absent="", empty="").text(name)


def document(fields: Fields, name: str) -> dict[str, Any]:
    return fields.converted(name, fields.get(name), convert.document, dict[str, Any]())


def without_zero_dates(row: Mapping[str, Any]) -> dict[str, Any]:
    """MySQL's 0000-00-00 stands for no date."""
    zero = [name for name, value in row.items() if isinstance(value, str) and value.startswith("0000-00-00")]
    return {**row, **dict.fromkeys(zero)}
