"""What an event changed: exactly the fields that differ, before and after."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import asyncpg

from domain.address import PrimaryAddressSet
from domain.event import Recorded, Stream
from eventstore.log.log import COLUMNS, Connection
from eventstore.postgres.stream_ids import from_uuid, to_uuid
from projections.history.shown import Rows, Touched, evolve, keys
from projections.history.snapshots import Wanted, newest_below, rows_at

Changes: TypeAlias = dict[str, tuple[Any, Any]]
# An event from its row. Raises MapperDeserialisationError.
Read: TypeAlias = Callable[[asyncpg.Record], Recorded]

# The inner ORDER BY leaves PostgreSQL no other plan than a walk over the key for each span.
SPANS = f"""
    SELECT {COLUMNS}, s.after FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS s (id, after, until)
    CROSS JOIN LATERAL (
        SELECT {COLUMNS} FROM readable_events AS e
        WHERE e.originator_id = s.id AND e.originator_version > s.after AND e.originator_version <= s.until
        ORDER BY e.originator_version
    ) AS e"""


class Span:
    """A part of a stream, from a version whose rows are known to the last event that is needed."""

    def __init__(self, stream: Stream, after: int) -> None:
        self.stream = stream
        self.after = after
        self.needed: dict[int, Recorded] = {}
        self.rows: Rows = {}
        self.events: list[asyncpg.Record] = []

    def ask(self, recorded: Recorded) -> None:
        self.needed[recorded.version] = recorded
        self.rows.update((key, None) for key, _shown in keys(recorded))

    def wanted(self) -> list[Wanted]:
        known = {key: shown for recorded in self.needed.values() for key, shown in keys(recorded)}
        return [Wanted(self.stream, self.after, key, shown) for key, shown in known.items()]


async def changes_of(on: Connection, read: Read, page: Sequence[Recorded]) -> dict[int, Changes]:
    """Changes by position, without events that can't be applied, or that follow such an event in their stream.

    Reads no more than the events since the newest snapshot below each.
    """
    if not page:
        return {}
    spans = await _spans(on, page)
    wanted = [(span, each) for span in spans for each in span.wanted()]
    for (span, each), row in zip(wanted, await rows_at(on, [each for _span, each in wanted]), strict=True):
        span.rows[each.key] = row
    by_start = {(span.stream, span.after): span for span in spans}
    for record in await on.fetch(
        SPANS,
        [to_uuid(span.stream) for span in spans],
        [span.after for span in spans],
        [max(span.needed) for span in spans],
    ):
        by_start[from_uuid(record["originator_id"]), record["after"]].events.append(record)
    return {position: changes for span in spans for position, changes in _changes_in(span, read)}


async def _spans(on: Connection, page: Sequence[Recorded]) -> list[Span]:
    starts = await newest_below(on, [(recorded.stream, recorded.version) for recorded in page])
    spans: dict[tuple[Stream, int], Span] = {}
    for recorded, after in zip(page, starts, strict=True):
        spans.setdefault((recorded.stream, after), Span(recorded.stream, after)).ask(recorded)
    return list(spans.values())


def _changes_in(span: Span, read: Read) -> Iterator[tuple[int, Changes]]:
    for record in span.events:
        try:
            recorded = read(record)
            touched = evolve(span.rows, recorded)
        except Exception:  # a replay reports it as poisoned: rows after it are unknown
            return
        if recorded.version in span.needed:
            yield recorded.position, _changes(recorded, touched)


def _changes(recorded: Recorded, touched: Iterable[Touched]) -> Changes:
    changes: Changes = {}
    for each in touched:
        # Of the address that is demoted by another: the event is about that other one.
        demoted = isinstance(recorded.event, PrimaryAddressSet) and recorded.event.address_id != each.key.id
        prefix = f"addresses.{each.key.id}." if demoted else ""
        changes |= {prefix + name: pair for name, pair in _difference(each) if name not in each.shown.hidden}
    return changes


def _difference(touched: Touched) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for name in touched.shown.row_type.__struct_fields__:
        before, after = (row and getattr(row, name) for row in (touched.before, touched.after))
        if isinstance(before, list) and isinstance(after, list):
            yield from ((f"{name}.{id_}", pair) for id_, pair in _each(before, after))
        elif before != after:
            yield name, (before, after)


def _each(before: list[Any], after: list[Any]) -> Iterator[tuple[int, tuple[Any, Any]]]:
    """The items of a list, by id, that differ."""
    old, new = ({item.id: item for item in items} for items in (before, after))
    for id_ in {**old, **new}:
        if old.get(id_) != new.get(id_):
            yield id_, (old.get(id_), new.get(id_))
