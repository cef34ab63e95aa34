"""Reading a JSON object that is kept as it is."""

import math
from typing import Any

from msgspec import json

from service.fields import convert
from service.fields.convert import Unfit
from service.fields.reader import Fields

MAX_DEPTH = 32


def document(fields: Fields, name: str) -> dict[str, Any]:
    """A JSON object, or the text of one; PHP writes an empty one as a list."""
    raw = fields.get(name)
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
