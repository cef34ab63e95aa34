"""Reading a row of a file: the same rules as for requests, and all that is wrong with a row said at once."""

import math
from collections.abc import Iterator, Mapping
from secrets import token_bytes
from typing import Any

from msgspec import json

from api import convert
from api.convert import Unfit
from api.refusals import Invalid
from api.validation import Fields

MAX_DEPTH = 32
UUID_BYTES = 16


def random_uuids() -> Iterator[str]:
    """32 hex digits each, without end. Many are drawn at once: asking the system for each costs more than its row."""
    while True:
        drawn = token_bytes(UUID_BYTES * 1_000)
        yield from (drawn[at : at + UUID_BYTES].hex() for at in range(0, len(drawn), UUID_BYTES))


def reasons(error: Invalid) -> str:
    """All that is wrong, in one line."""
    return " ".join(message for rules in error.errors.values() for message in rules.values())


def nullable_text(fields: Fields, name: str) -> str | None:
    """None and "" as they are."""
    return None if fields.values.get(name) is None else fields.optional(absent="", empty="").text(name)


def document(fields: Fields, name: str) -> dict[str, Any]:
    """A JSON object, or the text of one; PHP writes an empty one as a list."""
    raw = fields.values.get(name)
    try:
        value = json.decode(raw) if isinstance(raw, str) and raw.strip() else raw
        if value is None or value in ("", []):
            return {}
        _check(value, MAX_DEPTH)
    except (ValueError, Unfit):
        value = None
    if not isinstance(value, dict):
        fields.refuse(name, "object", "must be a JSON object without control characters.")
        return {}
    return value


def _check(value: Any, depth: int) -> None:
    """Raises Unfit for what could not be stored, or not be read again."""
    match value:
        case dict():
            parts = [*value, *value.values()]
        case list():
            parts = value
        case str():
            convert.text(value, max_length=65_535, lines=True)
            return
        case int() if not -(2**63) <= value < 2**63:
            raise Unfit("numeric", "is too large.")
        case float() if not math.isfinite(value):
            raise Unfit("numeric", "is no number.")
        case _:
            return
    if not depth:
        raise Unfit("object", "is nested too deep.")
    for part in parts:
        _check(part, depth - 1)


def without_zero_dates(row: Mapping[str, Any]) -> dict[str, Any]:
    """MySQL's 0000-00-00 stands for no date."""
    zero = [name for name, value in row.items() if isinstance(value, str) and value.startswith("0000-00-00")]
    return {**row, **dict.fromkeys(zero)}
