"""Facts of an export: each one once. What the log holds already is only compared."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from api.importing.differences import differing_fields
from api.importing.report import Remark, Report
from domain.address import AddressAdded
from domain.customer import CUSTOMER, CustomerErased, CustomerRelabelled, OrderDetailsRecorded
from domain.event import Command, Decider, Event, Recorded, Stream
from domain.label import LABEL
from domain.order import OrderPlaced
from eventstore.transact import Unit

TAKEN = "SELECT id FROM addresses WHERE id = ANY($1)"


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the export amounts to, and the command that brings it about. `customer_id`: who must be there."""

    decider: Decider[Any]
    id: int
    event: Event
    command: Command
    at: datetime
    customer_id: int | None = None

    @property
    def stream(self) -> Stream:
        return Stream(self.decider.category, self.id)


class Entry(msgspec.Struct, frozen=True):
    """One row of a table, with the facts that go in together; `notes` are said when they do."""

    table: str
    row: str
    facts: Sequence[Fact]
    notes: Sequence[str] = ()

    def remark(self, message: str) -> Remark:
        return Remark(self.row, message)


async def record(unit: Unit, entries: Sequence[Entry]) -> Report:
    """Decide on what is not here yet. What belongs to an erased customer stays away."""
    facts = [fact for entry in entries for fact in entry.facts]
    known = await _load(unit, facts)
    taken = await _taken_addresses(unit, facts, known)
    report = Report()
    for entry in entries:
        wanted = [fact for fact in entry.facts if CustomerErased not in known[fact.stream]]
        missing = [fact for fact in wanted if identity(fact.event) not in known[fact.stream]]
        if problem := await _problem(unit, missing, taken):
            report.bad.append(entry.remark(problem))
            continue
        for fact in missing:
            await unit.decide(fact.decider, fact.id, fact.command, at=fact.at)
        _report(entry, wanted, missing, known, report)
        known.update({fact.stream: known[fact.stream] | {identity(fact.event): fact.event} for fact in missing})
    if unit.events:
        await _pass_ids(unit, facts)
    return report


def identity(event: Event) -> Any:
    """Two events with the same identity in one stream tell of the same thing."""
    match event:
        case AddressAdded(address_id=id_) | OrderDetailsRecorded(order_id=id_):
            return type(event), id_
        case _:
            return type(event)


async def _load(unit: Unit, facts: Iterable[Fact]) -> dict[Stream, dict[Any, Event]]:
    """The first event of each identity, by stream."""
    history: list[Recorded] = []
    facts = list(facts)
    for decider, ids in _by_decider(facts):
        history += await unit.load_many(decider, ids)
    customers = {fact.customer_id for fact in facts if fact.customer_id is not None}
    await unit.load_many(CUSTOMER, customers)
    known: dict[Stream, dict[Any, Event]] = {fact.stream: {} for fact in facts}
    for recorded in history:
        known[recorded.stream].setdefault(identity(recorded.event), recorded.event)
    return known


def _by_decider(facts: Iterable[Fact]) -> Iterable[tuple[Decider[Any], set[int]]]:
    found: dict[str, tuple[Decider[Any], set[int]]] = {}
    for fact in facts:
        found.setdefault(fact.decider.category, (fact.decider, set()))[1].add(fact.id)
    return found.values()


async def _taken_addresses(unit: Unit, facts: Iterable[Fact], known: dict[Stream, dict[Any, Event]]) -> set[int]:
    """Ids of addresses that other customers have."""
    new = [
        fact.event.address_id
        for fact in facts
        if isinstance(fact.event, AddressAdded) and identity(fact.event) not in known[fact.stream]
    ]
    return {row["id"] for row in await unit.pool.fetch(TAKEN, new)} if new else set()


async def _problem(unit: Unit, missing: Iterable[Fact], taken: set[int]) -> str:
    for fact in missing:
        if fact.customer_id is not None:
            customer = await unit.load(CUSTOMER, fact.customer_id)
            if customer is None or customer.erased:
                return f"Customer {fact.customer_id} is not here{' any more' if customer else ''}."
        match fact.event:
            case AddressAdded(address_id=id_) if id_ in taken:
                return "Another customer has an address with this id."
            case CustomerRelabelled(labels=labels):
                for id_ in labels:
                    label = await unit.load(LABEL, id_)
                    if label is None or label.deleted:
                        return f"Label {id_} is not here{' any more' if label else ''}."
            case _:
                pass
    return ""


async def _pass_ids(unit: Unit, facts: Iterable[Fact]) -> None:
    """Ids given later must not be those of the export."""
    ids: dict[str, int] = {}
    for fact in facts:
        within: dict[str, int] = {fact.decider.category: fact.id}
        match fact.event:
            case AddressAdded(address_id=id_):
                within["address"] = id_
            case OrderPlaced(terms=terms):
                within["item"] = max((item.id for item in terms.items), default=0)
            case _:
                pass
        ids = {kind: max(ids.get(kind, 0), within.get(kind, 0)) for kind in ids | within}
    for kind, id_ in ids.items():
        if id_:
            await unit.pass_id(kind, id_)


def _report(
    entry: Entry,
    wanted: Sequence[Fact],
    missing: Sequence[Fact],
    known: Mapping[Stream, Mapping[Any, Event]],
    report: Report,
) -> None:
    here = [(fact.event, known[fact.stream][identity(fact.event)]) for fact in wanted if fact not in missing]
    if differing := [sentence for given, stored in here for sentence in differing_fields(given, stored)]:
        report.differences.append(entry.remark(f"It is here already, with other facts: {'; '.join(differing)}."))
    elif missing:
        report.created[entry.table] += 1
        report.notes += [entry.remark(note) for note in entry.notes]
    else:
        report.already_imported[entry.table] += 1
