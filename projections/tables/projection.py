"""A projection: rows by key, folded from events by pure functions, one for each kind of event."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, cast

import msgspec

from domain.event import Event, Recorded
from projections.tables.table import Row, Table

# What is folded together: everything of a customer, its orders included; a user; a label; a webhook.
Part: TypeAlias = Literal["customer", "user", "label", "webhook"]
# Whose ids an erasure knows: those of who is erased, of the users that are, and of all orders that they ever had.
Ids: TypeAlias = Literal["customers", "users", "orders"]


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What rows need beside an event: its stream, its time as rows hold times, and the customer that it is about."""

    stream_id: int
    at: datetime
    customer_id: int | None
    former_customer_id: int | None


Keys: TypeAlias = Callable[[Any, Envelope], Iterable[int]]
Evolve: TypeAlias = Callable[[int, Any, Any, Envelope], Any]


class Change(NamedTuple):
    """What an event of some kind does: `keys` are the ids of the rows it touches, `evolve` gives each one after it.

    `keys(event, envelope)`, `evolve(id, row, event, envelope)`. None stands for no row, before and after; `makes` says
    that there is none before.
    """

    keys: Keys
    evolve: Evolve
    makes: bool = False


class ErasedRows(NamedTuple):
    """Which rows are about people who are erased: those with one of these ids in this column."""

    ids: Ids
    column: str = "id"

    def delete_from(self, table: str) -> str:
        """SQL, with the ids as $1: for copies of the table, which no event changes any more."""
        return f"DELETE FROM {table} WHERE {self.column} = ANY($1)"


class Projection(msgspec.Struct, Generic[Row], frozen=True):
    """`changes` by kind of event; an event of another kind does nothing.

    Raise `version` when they change: the read model is then rebuilt. `erased` is None only where no row is about a
    person. `part` is whose events give a row.
    """

    table: Table[Row]
    changes: Mapping[type[Event], Change]
    erased: ErasedRows | None
    version: int | str = 1
    part: Part = "customer"

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def owner(self) -> str:
        """The column that says whose a row is."""
        return "customer_id" if "customer_id" in self.table.names else "id"

    def keys(self, recorded: Recorded) -> Iterable[int]:
        """The ids of the rows that the event touches."""
        change = self.changes.get(type(recorded.event))
        return change.keys(recorded.event, envelope(recorded)) if change else ()

    def evolve(self, id_: int, row: Row | None, recorded: Recorded) -> Row | None:
        """The row after the event, or None."""
        change = self.changes.get(type(recorded.event))
        return cast("Row | None", change.evolve(id_, row, recorded.event, envelope(recorded))) if change else row

    def fold(self, rows: dict[int, Row | None], events: Iterable[Recorded]) -> None:
        """Bring rows up to date in place; None stands for a row that is gone."""
        for recorded in events:
            for key in self.keys(recorded):
                rows[key] = self.evolve(key, rows.get(key), recorded)


def of_stream(_event: Event, envelope: Envelope) -> tuple[int]:
    """The key of a row that is its stream's own."""
    return (envelope.stream_id,)


def gone(_id: int, _row: Any, _event: Event, _envelope: Envelope) -> None:
    """No row any more."""


def envelope(recorded: Recorded) -> Envelope:
    return Envelope(
        recorded.stream.id, utc(recorded.occurred_at), recorded.customer_id, recorded.former_customer_id
    )  # fmt: skip


def utc(time: datetime) -> datetime:
    """A time as rows hold it: UTC, without zone or fraction."""
    time = time if time.tzinfo is UTC else time.astimezone(UTC)
    # Not `replace`, which takes five times as long in Python 3.11.
    return datetime(time.year, time.month, time.day, time.hour, time.minute, time.second)  # noqa: DTZ001


def index_for_sorting(table: str, name: str, key: str | None = None) -> str:
    """SQL: a list in order of a column, forwards, backwards, and from a cursor. The same index serves ranges of it."""
    return f"CREATE INDEX {table}_{name}_sort_idx ON {table} ({key or name} NULLS FIRST, id)"
