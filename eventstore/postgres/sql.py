"""Pieces of SQL: topics of events, and several writing statements in one."""

from collections.abc import Callable
from typing import Any

from domain.event import Event, tag


def topics(event: type[Event]) -> list[str]:
    """Every topic that an event of this kind may be stored under, oldest first."""
    return [f"{tag(event)}#{version}" for version in range(1, event.class_version + 1)]


def stored_as(*events: type[Event]) -> str:
    """SQL: the topics of these kinds of events, to be compared with IN."""
    return "('" + "', '".join(topic for event in events for topic in topics(event)) + "')"


class Statement:
    """A statement of many parts, each with its own parameters. `rows` is how many rows they are to write in all."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self.rows = 0
        self._parts: list[str] = []

    def add(self, rows: int, part: Callable[[int], str], *arguments: Any) -> None:
        """`part` gets the number of its first parameter."""
        self._parts.append(part(len(self.arguments) + 1))
        self.arguments += arguments
        self.rows += rows

    def __bool__(self) -> bool:
        return bool(self._parts)

    def whole(self) -> str:
        return f"{self._named()} SELECT"

    def followed_by(self, select: str) -> str:
        """A query in which `{written}` stands for the number of rows that the parts have written."""
        counts = [f"(SELECT count(*) FROM part{number})" for number in range(len(self._parts))]
        return f"{self._named()} {select.format(written=' + '.join(counts) or '0')}"

    def _named(self) -> str:
        named = [f"part{number} AS ({part})" for number, part in enumerate(self._parts)]
        return f"WITH {', '.join(named)}" if named else ""
