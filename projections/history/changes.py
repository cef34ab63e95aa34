"""What an event changed: exactly the fields that differ, before and after."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import compress
from operator import attrgetter, is_not
from typing import Any, TypeAlias

import asyncpg

from domain.address import PrimaryAddressSet
from domain.event import Recorded, Stream
from eventstore.postgres.connection import Executor
from projections.history.shown import Rows, Shown, Touched, evolve, keys
from projections.history.snapshots import Wanted, rows_at

Changes: TypeAlias = dict[str, tuple[Any, Any]]
# An event from its row. Raises MapperDeserialisationError.
Read: TypeAlias = Callable[[asyncpg.Record], Recorded]


class Stretch:
    """A part of a stream, from a version whose rows are known to the last event that is needed."""

    def __init__(self, stream: Stream, after: int) -> None:
        self.stream = stream
        self.after = after
        self.needed: dict[int, Recorded] = {}
        self.rows: Rows = {}
        self.events: list[asyncpg.Record] = []

    def ask(self, recorded: Recorded) -> None:
        self.needed[recorded.version] = recorded
        if self.after:
            self.rows.update((key, None) for key, _shown in keys(recorded))

    def wanted(self) -> list[Wanted]:
        """None of a stream that is read from its beginning: nothing is known before."""
        if not self.after:
            return []
        known = {key: shown for recorded in self.needed.values() for key, shown in keys(recorded)}
        return [Wanted(self.stream, self.after, key, shown) for key, shown in known.items()]


async def changes_of(on: Executor, read: Read, stretches: Sequence[Stretch]) -> dict[int, Changes]:
    """Changes by position of the events that are needed, without those that can't be applied, or that follow such an
    event in their stream.
    """
    wanted = [(stretch, each) for stretch in stretches for each in stretch.wanted()]
    for (stretch, each), row in zip(wanted, await rows_at(on, [each for _stretch, each in wanted]), strict=True):
        stretch.rows[each.key] = row
    return {position: changes for stretch in stretches for position, changes in _changes_in(stretch, read)}


def _changes_in(stretch: Stretch, read: Read) -> Iterator[tuple[int, Changes]]:
    for record in stretch.events:
        try:
            recorded = stretch.needed.get(record["originator_version"]) or read(record)
            touched = evolve(stretch.rows, recorded, is_whole=not stretch.after)
        except Exception:  # a replay reports it as poisoned: rows after it are unknown
            return
        if recorded.version in stretch.needed:
            yield recorded.position, _changes(recorded, touched)


def _changes(recorded: Recorded, touched: Iterable[Touched]) -> Changes:
    changes: Changes = {}
    for key, shown, before, after in touched:
        if before is after:
            continue
        # Of the address that is demoted by another: the event is about that other one.
        demoted = isinstance(recorded.event, PrimaryAddressSet) and recorded.event.address_id != key.id
        prefix = f"addresses.{key.id}." if demoted else ""
        names, values = _visible(shown)
        if before is None:
            changes |= {
                prefix + name: (None, new) for name, new in zip(names, values(after), strict=True) if new is not None
            }
            continue
        olds, news = values(before), (None,) * len(names) if after is None else values(after)
        for name, old, new in compress(zip(names, olds, news, strict=True), map(is_not, olds, news)):
            if isinstance(old, list) and isinstance(new, list):
                changes |= {f"{prefix}{name}.{id_}": pair for id_, pair in _each(old, new)}
            elif old != new:
                changes[prefix + name] = (old, new)
    return changes


@cache
def _visible(shown: Shown) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """The names of the fields that are not hidden, and what gives their values in a row; there are several."""
    names = tuple(name for name in shown.row_type.__struct_fields__ if name not in shown.hidden)
    return names, attrgetter(*names)


def _each(before: list[Any], after: list[Any]) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """The items of a list, by id, that differ."""
    old, new = ({item.id: item for item in items} for items in (before, after))
    for id_ in {**old, **new}:
        if old.get(id_) != new.get(id_):
            yield id_, (old.get(id_), new.get(id_))
