"""A projection: rows by key, folded from events by a pure function."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Generic, Literal, TypeAlias

import msgspec

from domain.event import Recorded
from projections.table import Row, Table

# What is folded together: everything of a customer, its orders included; a user; a label.
Part: TypeAlias = Literal["customer", "user", "label"]


class Projection(msgspec.Struct, Generic[Row], frozen=True):
    """`keys` are the ids of the rows that an event touches; `evolve(id, row, recorded)` is the row after it, or None.

    Raise `version` when `evolve` changes: the read model is then rebuilt. `part` is whose events give a row.
    """

    table: Table[Row]
    keys: Callable[[Recorded], Iterable[int]]
    evolve: Callable[[int, Row | None, Recorded], Row | None]
    version: int = 1
    part: Part = "customer"

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def owner(self) -> str:
        """The column that says whose a row is."""
        return "customer_id" if "customer_id" in self.table.names else "id"

    def fold(self, rows: dict[int, Row | None], events: Iterable[Recorded]) -> None:
        """Bring rows up to date in place; None stands for a row that is gone."""
        for recorded in events:
            for key in self.keys(recorded):
                rows[key] = self.evolve(key, rows.get(key), recorded)


def utc(time: datetime) -> datetime:
    """A time as rows hold it: UTC, without zone or fraction."""
    return (time if time.tzinfo is UTC else time.astimezone(UTC)).replace(tzinfo=None, microsecond=0)


def index_for_sorting(table: str, name: str, key: str | None = None) -> str:
    """SQL: a list in order of a column, forwards, backwards, and from a cursor. The same index serves ranges of it."""
    return f"CREATE INDEX {table}_{name}_sort_idx ON {table} ({key or name} NULLS FIRST, id)"
