"""Read models from events alone: the rows of some customers, users or labels, as they are at a position of the log."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, groupby
from math import inf
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import asyncpg
import msgspec
from msgspec.structs import astuple

from domain.customer import CustomerErased, OrderDetailsRecorded
from domain.event import Event, Stream
from domain.events import EVENTS
from domain.value import OrderValue, figures
from eventstore.log.codec import Codec
from eventstore.log.log import Log
from eventstore.postgres.connection import Executor
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import id_of, to_uuid
from eventstore.sealing.payloads import FORMAT, WORDS, bound
from eventstore.sealing.stream_keys import StreamKeys
from projections.fold.ranges import Range
from projections.models import PROJECTIONS
from projections.models.customers import CUSTOMERS
from projections.models.figures import FIGURES, FiguresRow
from projections.models.order_rows import OrderRow
from projections.models.orders import ORDERS, value_of
from projections.tables.projection import Envelope, Evolve, Keys, Part, Projection, of_stream

# In cheap forms: most stream ids are only looked up, and asyncpg needs as long for a datetime as for all the rest.
COLUMNS = """uuid_send(originator_id) AS stream, topic, state, notification_id,
    date_trunc('second', occurred_at AT TIME ZONE 'UTC')::text AS at, customer_id, former_customer_id,
    originator_version"""
OF_CUSTOMERS = """
    SELECT {columns} FROM stored_events WHERE customer_id {within} AND notification_id <= $1
    ORDER BY customer_id, notification_id"""
# Orders that came from, or went to, another customer: there are few, and their index holds no others. And the events
# of these orders while they were others'.
MOVED = """
    SELECT DISTINCT originator_id, uuid_send(originator_id) FROM stored_events
    WHERE former_customer_id IS NOT NULL AND (former_customer_id {within} OR customer_id {within})
        AND notification_id <= $1"""
OF_OTHERS = """
    SELECT {columns} FROM stored_events
    WHERE originator_id = ANY(${last}) AND NOT customer_id {within} AND notification_id <= $1"""
# What the others' own streams record about orders: details that were transferred, and erasures.
BY_OTHERS = f"""
    SELECT {{columns}} FROM stored_events
    WHERE originator_id = ANY($2) AND notification_id <= $1
        AND topic IN {stored_as(OrderDetailsRecorded, CustomerErased)}"""
OF_STREAMS = """
    SELECT {columns} FROM stored_events WHERE originator_id {within} AND notification_id <= $1
    ORDER BY originator_id, originator_version"""
STREAM, POSITION, CUSTOMER, FORMER = map(itemgetter, (0, 3, 5, 6))  # of COLUMNS

EVENTS_IN_ONE_GO = 1_000  # to be understood
# After so many rows other tasks run: PostgreSQL holds back their rows until they are read.
GROUPS_IN_ONE_GO = 100

Events: TypeAlias = Sequence[asyncpg.Record]


class Poison(msgspec.Struct, frozen=True):
    """An event that can't be applied, why, and whose rows can't be computed because of it."""

    position: int
    topic: str
    error: str
    part: Part
    ids: tuple[int, ...]


class PoisonedError(Exception):
    """position, problem: an event of the customer can't be applied, so its figures can't be computed."""


class Folded(NamedTuple):
    """Rows by projection and id, and the number of events that they come from."""

    rows: dict[str, dict[int, Any]]
    poison: list[Poison]
    events: int


class Groups(NamedTuple):
    """Events in order. `entangled` are about customers that share rows; `by_customer` are one customer after another.

    `others` are customers that were not asked for, but some of whose events are needed.
    """

    entangled: Events
    by_customer: Events = ()
    others: frozenset[Stream] = frozenset()


async def fold_range(on: Executor, log: Log, ids: Range, until: int) -> Folded:
    """The rows of all with ids in the range."""
    part, low, high = ids
    ends = (low, high) if part == "customer" else (to_uuid(Stream(part, low)), to_uuid(Stream(part, high)))
    groups = await _read(on, part, "BETWEEN $2 AND $3", until, *ends)
    sealed_with = await StreamKeys.between(on, log.sealing, Stream(part, low), Stream(part, high))
    if groups.others:
        await sealed_with.add(on, groups.others)
    return await _Fold(log, part, sealed_with).fold(groups, lambda id_: low <= id_ <= high)


async def fold_some(on: Executor, log: Log, part: Part, ids: Iterable[int], until: int) -> Folded:
    """The rows of those with these ids."""
    asked_for = frozenset(ids)
    keys = list(asked_for) if part == "customer" else [to_uuid(Stream(part, id_)) for id_ in asked_for]
    groups = await _read(on, part, "= ANY($2)", until, keys)
    sealed_with = await StreamKeys.of(on, log.sealing, [*(Stream(part, id_) for id_ in asked_for), *groups.others])
    return await _Fold(log, part, sealed_with).fold(groups, asked_for.__contains__)


async def _read(on: Executor, part: Part, within: str, *arguments: Any) -> Groups:
    if part != "customer":
        return Groups(await on.fetch(OF_STREAMS.format(columns=COLUMNS, within=within), *arguments))
    own = await on.fetch(OF_CUSTOMERS.format(columns=COLUMNS, within=within), *arguments)
    moved = await on.fetch(MOVED.format(within=within), *arguments)
    if not moved:
        return Groups((), own)
    uuids, streams = zip(*moved, strict=True)
    template = OF_OTHERS.format(columns=COLUMNS, within=within, last=len(arguments) + 1)
    others = await on.fetch(template, *arguments, uuids)
    strangers = frozenset(Stream("customer", CUSTOMER(event)) for event in others)
    by_others = await on.fetch(BY_OTHERS.format(columns=COLUMNS), arguments[0], list(map(to_uuid, strangers)))
    return _grouped(own, [*others, *by_others], frozenset(streams))._replace(others=strangers)


def _grouped(own: Events, others: Events, moved: frozenset[bytes]) -> Groups:
    entangled = {id_ for event in own if STREAM(event) in moved for id_ in (CUSTOMER(event), FORMER(event))}
    among = [event for event in own if CUSTOMER(event) in entangled]
    rest = [event for event in own if CUSTOMER(event) not in entangled]
    return Groups(sorted([*among, *others], key=POSITION), rest)


def projections_of(part: Part) -> list[Projection[Any]]:
    return [projection for projection in PROJECTIONS if projection.part == part]


class _Decoders(dict[str, Callable[[bytes], Event]]):
    """Decoders by topic."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def __missing__(self, topic: str) -> Callable[[bytes], Event]:
        decode = self[topic] = self._codec.decoder(topic)
        return decode


# The customer, the key of the stream's own row, the event, its envelope, and the record that it was read from.
Happened: TypeAlias = tuple[int | None, tuple[int], Event | None, Envelope, asyncpg.Record]
WHOSE = itemgetter(0)


class _Fold:
    def __init__(self, log: Log, part: Part, sealed_with: StreamKeys) -> None:
        self._decoders = _Decoders(log.codec)
        self._opened, self._with_words = sealed_with.opened, sealed_with.with_words
        self._part: Part = part
        self._failed: list[tuple[asyncpg.Record, Exception]] = []
        # Rows of the group that is folded, and what each kind of event does to them. None is an event whose key
        # is destroyed, and changes nothing.
        self._rows: dict[str, dict[int, Any]] = {}
        self._steps: dict[type[Event | None], list[tuple[Keys, Evolve, dict[int, Any]]]]
        self._steps = {event: [] for event in (type(None), *EVENTS)}
        for projection in projections_of(part):
            rows = self._rows[projection.name] = {}
            # Figures follow from the other rows, and a customer's version is counted at once.
            changes = {} if projection is FIGURES else projection.changes
            for event, change in changes.items():
                self._steps[event].append((change.keys, change.evolve, rows))

    async def fold(self, groups: Groups, is_asked_for: Callable[[int], bool]) -> Folded:
        folded: dict[str, dict[int, Any]] = {name: {} for name in self._rows}
        for number, group in enumerate(self._one_by_one(groups), 1):
            if not number % GROUPS_IN_ONE_GO:
                await asyncio.sleep(0)
            self._fold(group)
            for name, rows in self._rows.items():
                if rows:
                    folded[name].update(rows)
                    rows.clear()
        events = [*groups.entangled, *groups.by_customer]
        if self._part == "customer":
            folded[FIGURES.name] = _figures(folded[CUSTOMERS.name], folded[ORDERS.name], events)
        poison = self._set_aside(events) if self._failed else []
        if groups.others or poison:
            lost = frozenset(id_ for each in poison for id_ in each.ids)
            folded = {name: _own(rows, is_asked_for, lost) for name, rows in folded.items()}
        return Folded(folded, poison, len(events))

    def _one_by_one(self, groups: Groups) -> Iterator[Iterable[Happened]]:
        if groups.entangled:
            yield self._understand(groups.entangled)
        own = groups.by_customer
        batches = (own[start : start + EVENTS_IN_ONE_GO] for start in range(0, len(own), EVENTS_IN_ONE_GO))
        for _customer_id, group in groupby(chain.from_iterable(map(self._understand, batches)), WHOSE):
            yield group

    def _understand(self, events: Events) -> list[Happened]:
        """Decodes all events at once; one by one, if any of them can't be decoded."""
        try:
            return self._happened(events)
        except Exception:
            return [happened for event in events for happened in self._alone(event)]

    def _alone(self, event: asyncpg.Record) -> list[Happened]:
        try:
            return self._happened([event])
        except Exception as error:
            self._failed.append((event, error))
            return []

    def _happened(self, events: Events) -> list[Happened]:
        """Takes each step for all events, which is faster than all steps for each event."""
        opened, with_words, decoders = self._opened, self._with_words, self._decoders
        streams, topics, states, _positions, ats, customers, formers, versions = zip(*events, strict=True)
        stored = zip(streams, versions, topics, states, customers, strict=True)
        plain = [
            opened(stream, version, topic, state)
            if state.startswith(FORMAT)
            else with_words(customer, bound(stream, version, topic), state)
            if state.startswith(WORDS)
            else state
            for stream, version, topic, state, customer in stored
        ]
        decoded = [
            None if state is None else decoders[topic](state) for topic, state in zip(topics, plain, strict=True)
        ]
        ids = [id_of(stream) for stream in streams]
        envelopes = map(Envelope, ids, map(datetime.fromisoformat, ats), customers, formers)
        return list(zip(customers, zip(ids), decoded, envelopes, events, strict=True))

    def _fold(self, happened: Iterable[Happened]) -> None:
        steps = self._steps
        for _customer_id, own, event, envelope, record in happened:
            try:
                for keys, evolve, rows in steps[type(event)]:
                    for key in own if keys is of_stream else keys(event, envelope):
                        row = evolve(key, rows.get(key), event, envelope)
                        if row is not None:
                            rows[key] = row
                        else:
                            rows.pop(key, None)
            except Exception as error:
                self._failed.append((record, error))

    def _set_aside(self, events: Events) -> list[Poison]:
        """Records an event that can't be applied; rows of everybody whom it is about are left out."""
        first: dict[bytes, int] = {}
        for record, _error in self._failed:
            first[STREAM(record)] = min(POSITION(record), first.get(STREAM(record), POSITION(record)))
        ids: dict[bytes, set[int]] = {stream: set() for stream in first}
        for event in events:
            if POSITION(event) >= first.get(STREAM(event), inf):
                ids[STREAM(event)] |= self._whose(event)
        return [
            Poison(
                POSITION(record), record["topic"], f"{type(error).__name__}: {error}", self._part,
                tuple(sorted(ids[STREAM(record)])),
            )
            for record, error in self._failed
        ]  # fmt: skip

    def _whose(self, event: asyncpg.Record) -> set[int]:
        if self._part != "customer":
            return {id_of(STREAM(event))}
        return {id_ for id_ in (CUSTOMER(event), FORMER(event)) if id_ is not None}


def _figures(customers: Iterable[int], orders: Mapping[int, OrderRow], events: Events) -> dict[int, FiguresRow]:
    values: dict[int, list[OrderValue]] = {}
    for order in orders.values():
        values.setdefault(order.customer_id, []).append(value_of(order))
    versions = Counter(map(CUSTOMER, events))
    versions.update(map(FORMER, events))
    return {id_: FiguresRow(id_, versions[id_], *astuple(figures(values.get(id_, ())))) for id_ in customers}


def _own(rows: dict[int, Any], is_asked_for: Callable[[int], bool], lost: frozenset[int]) -> dict[int, Any]:
    """The rows of those that were asked for."""
    owned = ((id_, row, getattr(row, "customer_id", id_)) for id_, row in rows.items())
    return {id_: row for id_, row, owner in owned if is_asked_for(owner) and owner not in lost}
