"""The commands there are."""

from collections.abc import Iterator
from typing import Any


def paths(command: Any, before: str = "") -> Iterator[str]:
    """All of them, as they are typed."""
    if not hasattr(command, "commands"):
        yield before.strip()
    for name, each in getattr(command, "commands", {}).items():
        yield from paths(each, f"{before}{name} ")
