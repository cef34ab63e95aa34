"""How a fact in a file differs from what the log holds."""

from collections.abc import Iterator
from typing import Any

import msgspec

# Where a file gives no uuid, each import makes another; what an order shares with others is no part of the file.
OURS = ("uuid", "shared")


def differing_fields(given: msgspec.Struct, known: msgspec.Struct) -> list[str]:
    """Sentences without a full stop, one for each field that differs."""
    in_store = dict(_leaves(known))
    return [
        f"{name} is {in_store.get(name)!s} here, {value!s} in the file"
        for name, value in _leaves(given)
        if in_store.get(name) != value and not name.endswith(OURS)
    ]


def _leaves(value: msgspec.Struct, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name in value.__struct_fields__:
        part = getattr(value, name)
        if isinstance(part, msgspec.Struct):
            yield from _leaves(part, f"{prefix}{name}.")
        else:
            yield prefix + name, part
