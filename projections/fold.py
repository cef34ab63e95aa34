"""Read models from events alone: the rows of some customers, users or labels, as they are at a position of the log."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import msgspec

from domain.event import Event, Stream
from domain.events import EVENTS
from domain.value import OrderValue, figures
from eventstore.codec import Codec
from eventstore.keys import StreamKeys
from eventstore.log import Executor, Log
from eventstore.sealing import FORMAT
from eventstore.streams import id_of, to_uuid
from projections.figures import FIGURES, FiguresRow, with_figures
from projections.live import PROJECTIONS
from projections.orders import ORDERS, OrderRow, value_of
from projections.projection import Envelope, Evolve, Keys, Part, Projection, of_stream
from projections.ranges import Range

# In forms that cost little: most streams are only looked up, and a datetime takes asyncpg as long as all the rest.
COLUMNS = """uuid_send(originator_id) AS stream, topic, state, notification_id,
    (occurred_at AT TIME ZONE 'UTC')::text AS at, customer_id, former_customer_id, originator_version"""
TO_SECONDS = slice(len("2026-01-01 00:00:00"))  # of `at`; asked for it, PostgreSQL takes as long as for all the rest
OF_CUSTOMERS = """
    SELECT {columns} FROM stored_events WHERE customer_id {within} AND notification_id <= $1
    ORDER BY customer_id, notification_id"""
# Orders that came from, or went to, another customer: there are few, and their index holds no others. And what the
# others' events of them are.
MOVED = """
    SELECT DISTINCT originator_id, uuid_send(originator_id) FROM stored_events
    WHERE former_customer_id IS NOT NULL AND (former_customer_id {within} OR customer_id {within})
        AND notification_id <= $1"""
OF_OTHERS = """
    SELECT {columns} FROM stored_events
    WHERE originator_id = ANY(${last}) AND NOT customer_id {within} AND notification_id <= $1"""
OF_STREAMS = """
    SELECT {columns} FROM stored_events WHERE originator_id {within} AND notification_id <= $1
    ORDER BY originator_id, originator_version"""
STREAM, POSITION, CUSTOMER, FORMER = map(itemgetter, (0, 3, 5, 6))  # of COLUMNS

# Events after which others may go on: what PostgreSQL has for them it holds back until it is read.
IN_ONE_GO = 1_000

Events: TypeAlias = Sequence[asyncpg.Record]


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


class Groups(NamedTuple):
    """Events in groups that have no row in common, each in order. `has_others`: some are not of those asked for."""

    events: Iterable[Events]
    has_others: bool = False


async def fold_range(on: Executor, log: Log, ids: Range, until: int) -> Folded:
    """The rows of all with ids in the range."""
    part, low, high = ids
    ends = (low, high) if part == "customer" else (to_uuid(Stream(part, low)), to_uuid(Stream(part, high)))
    groups = await _read(on, part, "BETWEEN $2 AND $3", until, *ends)
    sealed_with = await StreamKeys.between(on, log.sealing, Stream(part, low), Stream(part, high))
    return await _Fold(log, part, sealed_with).fold(groups, lambda id_: low <= id_ <= high)


async def fold_some(on: Executor, log: Log, part: Part, ids: Iterable[int], until: int) -> Folded:
    """The rows of those with these ids."""
    wanted = frozenset(ids)
    keys = list(wanted) if part == "customer" else [to_uuid(Stream(part, id_)) for id_ in wanted]
    groups = await _read(on, part, "= ANY($2)", until, keys)
    sealed_with = await StreamKeys.of(on, log.sealing, [Stream(part, id_) for id_ in wanted])
    return await _Fold(log, part, sealed_with).fold(groups, wanted.__contains__)


async def _read(on: Executor, part: Part, within: str, *arguments: Any) -> Groups:
    if part != "customer":
        return Groups([await on.fetch(OF_STREAMS.format(columns=COLUMNS, within=within), *arguments)])
    own = await on.fetch(OF_CUSTOMERS.format(columns=COLUMNS, within=within), *arguments)
    moved = await on.fetch(MOVED.format(within=within), *arguments)
    if not moved:
        return Groups(_by_customer(own))
    uuids, streams = zip(*moved, strict=True)
    template = OF_OTHERS.format(columns=COLUMNS, within=within, last=len(arguments) + 1)
    others = await on.fetch(template, *arguments, uuids)
    return Groups(_entangled_first(own, others, frozenset(streams)), has_others=bool(others))


def _by_customer(own: Events) -> Iterator[Events]:
    for _customer_id, events in groupby(own, CUSTOMER):
        yield list(events)


def _entangled_first(own: Events, others: Events, moved: frozenset[bytes]) -> Iterator[Events]:
    """All those together who gave or got an order, and then one customer after another."""
    entangled = {id_ for event in own if STREAM(event) in moved for id_ in (CUSTOMER(event), FORMER(event))}
    among = [event for event in own if CUSTOMER(event) in entangled]
    yield sorted([*among, *others], key=POSITION)
    yield from _by_customer([event for event in own if CUSTOMER(event) not in entangled])


def projections_of(part: Part) -> list[Projection[Any]]:
    return [projection for projection in PROJECTIONS if projection.part == part]


class _Decoders(dict[str, Callable[[bytes], Event]]):
    """By topic."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __missing__(self, topic: str) -> Callable[[bytes], Event]:
        decode = self[topic] = self._codec.decoder(topic)
        return decode


class _Fold:
    def __init__(self, log: Log, part: Part, sealed_with: StreamKeys) -> None:
        self._decoders = _Decoders(log.codec)
        self._opened = sealed_with.opened
        self._part: Part = part
        self._events = 0
        self._told: dict[str, dict[int, Any]] = {}
        self._poison: list[Poison] = []
        # Rows of the group that is being folded; and what each kind of event does to them.
        self._rows: dict[str, dict[int, Any]] = {}
        self._steps: dict[type[Event], list[tuple[Keys, Evolve, dict[int, Any]]]] = {event: [] for event in EVENTS}
        for projection in projections_of(part):
            self._told[projection.name] = {}
            rows = self._rows[projection.name] = {}
            for event, change in projection.changes.items():
                self._steps[event].append((change.keys, change.evolve, rows))

    async def fold(self, groups: Groups, is_wanted: Callable[[int], bool]) -> Folded:
        breath = IN_ONE_GO
        by_table = [(self._told[name], rows) for name, rows in self._rows.items()]
        for events in groups.events:
            self._events += len(events)
            if self._events > breath:
                await asyncio.sleep(0)
                breath = self._events + IN_ONE_GO
            self._fold(events)
            if self._part == "customer":
                self._sum()
            for told, rows in by_table:
                if rows:
                    told.update(rows)
                    rows.clear()
        if groups.has_others or self._poison:
            untold = frozenset(id_ for poison in self._poison for id_ in poison.ids)
            self._told = {name: _own(rows, is_wanted, untold) for name, rows in self._told.items()}
        return Folded(self._told, self._poison, self._events)

    def _fold(self, events: Events) -> None:
        opened, decoders, steps, time = self._opened, self._decoders, self._steps, datetime.fromisoformat
        keys_of: dict[bytes, tuple[int]] = {}
        poison: list[tuple[asyncpg.Record, Exception]] = []
        for record in events:
            try:
                stream, topic, state, _position, at, customer_id, former_customer_id, version = record
                if (own := keys_of.get(stream)) is None:
                    own = keys_of[stream] = (id_of(stream),)
                if state.startswith(FORMAT):
                    state = opened(stream, version, topic, state)
                    if state is None:  # its key is destroyed, and it changes nothing
                        continue
                event = decoders[topic](state)
                envelope = Envelope(own[0], time(at[TO_SECONDS]), customer_id, former_customer_id)
                for keys, evolve, rows in steps[type(event)]:
                    for key in own if keys is of_stream else keys(event, envelope):
                        row = evolve(key, rows.get(key), event, envelope)
                        if row is not None:
                            rows[key] = row
                        else:
                            rows.pop(key, None)
            except Exception as error:
                poison.append((record, error))
        if poison:
            self._set_aside(poison, events)

    def _set_aside(self, poison: list[tuple[asyncpg.Record, Exception]], events: Events) -> None:
        for record, error in poison:
            # The first of its stream that can't be applied spoils the rest: of all whom that is about nothing is told.
            first = min(POSITION(each) for each, _error in poison if STREAM(each) == STREAM(record))
            rest = (each for each in events if STREAM(each) == STREAM(record) and POSITION(each) >= first)
            ids = {id_ for each in rest for id_ in self._whose(each)}
            problem = f"{type(error).__name__}: {error}"
            self._poison.append(Poison(POSITION(record), record["topic"], problem, self._part, tuple(sorted(ids))))

    def _whose(self, event: asyncpg.Record) -> set[int]:
        if self._part != "customer":
            return {id_of(STREAM(event))}
        return {id_ for id_ in (CUSTOMER(event), FORMER(event)) if id_ is not None}

    def _sum(self) -> None:
        """In place, for all customers of the group."""
        values: dict[int, list[OrderValue]] = {}
        orders: dict[int, OrderRow] = self._rows[ORDERS.name]
        for order in orders.values():
            values.setdefault(order.customer_id, []).append(value_of(order))
        of_customers: dict[int, FiguresRow] = self._rows[FIGURES.name]
        for id_, of_customer in values.items():
            if row := of_customers.get(id_):
                of_customers[id_] = with_figures(row, figures(of_customer))


def _own(rows: dict[int, Any], is_wanted: Callable[[int], bool], untold: frozenset[int]) -> dict[int, Any]:
    """What belongs to those that were asked for, in one piece."""
    owned = ((id_, row, getattr(row, "customer_id", id_)) for id_, row in rows.items())
    return {id_: row for id_, row, owner in owned if is_wanted(owner) and owner not in untold}
