"""Read models from events alone: the rows of some customers, users or labels, as they are at a position of the log."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec

from domain.event import Recorded, Stream
from domain.value import OrderValue, figures
from eventstore.log import Executor, Log
from eventstore.streams import from_uuid, to_uuid
from projections.figures import FIGURES, FiguresRow, with_figures
from projections.live import PROJECTIONS
from projections.orders import ORDERS, OrderRow, value_of
from projections.projection import Part, Projection
from projections.ranges import Range

COLUMNS = "originator_id, topic, state, notification_id, occurred_at, customer_id, former_customer_id"
# The second half: whole streams of orders that came from, or went to, another customer. There are few, and their index
# holds no others.
OF_CUSTOMERS = """
    SELECT {columns} FROM stored_events WHERE customer_id {within} AND notification_id <= $1
    UNION ALL
    SELECT {columns} FROM stored_events
    WHERE originator_id IN (
        SELECT originator_id FROM stored_events
        WHERE former_customer_id IS NOT NULL AND (former_customer_id {within} OR customer_id {within}))
    AND NOT customer_id {within} AND notification_id <= $1"""
OF_STREAMS = """
    SELECT {columns} FROM stored_events WHERE originator_id {within} AND notification_id <= $1
    ORDER BY originator_id, originator_version"""


class Poison(msgspec.Struct, frozen=True):
    """An event that can't be applied, why, and whose rows therefore can't be told."""

    position: int
    topic: str
    error: str
    part: Part
    ids: tuple[int, ...]


class PoisonedError(Exception):
    """position, problem: an event of the customer can't be applied, so that its figures can't be told."""


class Folded(NamedTuple):
    """Rows by projection's name and id, and how many events they come from."""

    rows: dict[str, dict[int, Any]]
    poison: list[Poison]
    events: int


async def fold_range(on: Executor, log: Log, ids: Range, until: int) -> Folded:
    """The rows of all with ids in the range."""
    part, low, high = ids
    template = OF_CUSTOMERS if part == "customer" else OF_STREAMS
    ends = (low, high) if part == "customer" else (to_uuid(Stream(part, low)), to_uuid(Stream(part, high)))
    events = await on.fetch(template.format(columns=COLUMNS, within="BETWEEN $2 AND $3"), until, *ends)
    return _Fold(log, part).fold(events, lambda id_: low <= id_ <= high)


async def fold_some(on: Executor, log: Log, part: Part, ids: Iterable[int], until: int) -> Folded:
    """The rows of those with these ids."""
    wanted = frozenset(ids)
    template = OF_CUSTOMERS if part == "customer" else OF_STREAMS
    keys = list(wanted) if part == "customer" else [to_uuid(Stream(part, id_)) for id_ in wanted]
    events = await on.fetch(template.format(columns=COLUMNS, within="= ANY($2)"), until, keys)
    return _Fold(log, part).fold(events, wanted.__contains__)


def projections_of(part: Part) -> list[Projection[Any]]:
    return [projection for projection in PROJECTIONS if projection.part == part]


class _Fold:
    def __init__(self, log: Log, part: Part) -> None:
        self._decode = log.codec.decode
        self._part: Part = part
        self._projections = projections_of(part)
        self._rows: dict[str, dict[int, Any]] = {projection.name: {} for projection in self._projections}
        self._steps = [(p.keys, p.evolve, self._rows[p.name]) for p in self._projections]
        self._poison: list[tuple[asyncpg.Record, str]] = []
        # Of a stream from its first event that can't be applied on: all whom the rest of it is about.
        self._poisoned: dict[Any, set[int]] = {}

    def fold(self, events: Sequence[asyncpg.Record], is_wanted: Callable[[int], bool]) -> Folded:
        if self._part == "customer":
            events = sorted(events, key=lambda event: event[3])
        for event in events:
            try:
                self._apply(event)
            except Exception as error:
                self._set_aside(event, error)
            if self._poisoned and event[0] in self._poisoned:
                self._poisoned[event[0]].update(self._whose(event))
        if self._part == "customer":
            self._sum()
        untold = frozenset().union(*self._poisoned.values())
        rows = {name: self._own(of_name, is_wanted, untold) for name, of_name in self._rows.items()}
        return Folded(rows, [self._told(*poison) for poison in self._poison], len(events))

    def _apply(self, event: asyncpg.Record) -> None:
        originator_id, topic, state, position, occurred_at, customer_id, former_customer_id = event
        recorded = Recorded(
            stream=from_uuid(originator_id),
            version=0,
            event=self._decode(topic, state),
            occurred_at=occurred_at,
            actor="",
            customer_id=customer_id,
            former_customer_id=former_customer_id,
            position=position,
        )
        for keys, evolve, rows in self._steps:
            for key in keys(recorded):
                rows[key] = evolve(key, rows.get(key), recorded)

    def _set_aside(self, event: asyncpg.Record, error: Exception) -> None:
        self._poisoned.setdefault(event[0], set())
        self._poison.append((event, f"{type(error).__name__}: {error}"))

    def _told(self, event: asyncpg.Record, problem: str) -> Poison:
        return Poison(event[3], event[1], problem, self._part, tuple(sorted(self._poisoned[event[0]])))

    def _whose(self, event: asyncpg.Record) -> set[int]:
        if self._part != "customer":
            return {from_uuid(event[0]).id}
        return {id_ for id_ in (event[5], event[6]) if id_ is not None}

    def _sum(self) -> None:
        """In place, for all customers."""
        values: dict[int, list[OrderValue]] = {}
        orders: dict[int, OrderRow | None] = self._rows[ORDERS.name]
        for order in orders.values():
            if order is not None:
                values.setdefault(order.customer_id, []).append(value_of(order))
        of_customers: dict[int, FiguresRow | None] = self._rows[FIGURES.name]
        for id_, row in of_customers.items():
            if row is not None and id_ in values:
                of_customers[id_] = with_figures(row, figures(values[id_]))

    def _own(self, rows: dict[int, Any], is_wanted: Callable[[int], bool], untold: frozenset[int]) -> dict[int, Any]:
        """What stands, and belongs to those that were asked for, in one piece."""
        owned = ((id_, row, getattr(row, "customer_id", id_)) for id_, row in rows.items() if row is not None)
        return {id_: row for id_, row, owner in owned if is_wanted(owner) and owner not in untold}
