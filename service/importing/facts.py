"""Facts of an export: each one once. What the log holds already is only compared."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from domain.address import AddressAdded
from domain.customer import CUSTOMER, CustomerErased, CustomerRegistered, CustomerRelabelled, OrderDetailsRecorded
from domain.event import Command, Decider, Event, Recorded, Stream
from domain.label import LABEL, LabelCreated
from domain.order import OrderPlaced
from domain.user import UserErased
from eventstore.store import Unit
from projections.queries.lookups import addresses_taken
from service.importing.differences import differing_fields
from service.importing.report import Remark, Report
from service.importing.transactions import as_given, holders_of_transactions

ERASED = frozenset({CustomerErased, UserErased})

# By stream, the first event of each identity.
Known: TypeAlias = dict[Stream, dict[Any, Event]]
# By stream, what tells a customer or label of the export from another one with its id.
Marks: TypeAlias = Mapping[Stream, str]


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the export amounts to, and the command that brings it about. `customer_id` is whose it is."""

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


async def record(unit: Unit, entries: Sequence[Entry], marks: Marks) -> Report:
    """Decide on what is not here yet. What belongs to the erased stays away."""
    facts = [fact for entry in entries for fact in entry.facts]
    known = await _load(unit, facts)
    taken = await _taken_addresses(unit, facts, known)
    holders = await holders_of_transactions(unit, (fact.command for fact in facts))
    report = Report()
    for entry in entries:
        wanted = [fact for fact in entry.facts if ERASED.isdisjoint(known[fact.stream])]
        missing = [fact for fact in wanted if identity(fact.event) not in known[fact.stream]]
        if differing := list(_differences(wanted, known)):
            message = f"It is here already, with other facts: {'; '.join(differing)}."
            report.differences.append(entry.remark(message))
        elif problem := next(_problems(missing, known, marks, taken), None):
            report.bad.append(entry.remark(problem))
        elif missing:
            for fact in missing:
                command, said = as_given(fact.command, fact.stream, holders)
                await unit.decide(fact.decider, fact.id, command, at=fact.at)
                report.notes += map(entry.remark, said)
                known[fact.stream][identity(fact.event)] = fact.event
            report.created[entry.table] += 1
            report.notes += [entry.remark(note) for note in entry.notes]
        else:
            report.already_imported[entry.table] += 1
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


def mark(event: Event) -> str:
    match event:
        case CustomerRegistered(uuid=uuid):
            return uuid
        case LabelCreated(value=value):
            return value
        case _:
            raise TypeError(event)


async def _load(unit: Unit, facts: Sequence[Fact]) -> Known:
    """The streams of the facts, and those that they refer to."""
    wanted: dict[str, tuple[Decider[Any], set[int]]] = {"customer": (CUSTOMER, set()), "label": (LABEL, set())}
    for fact in facts:
        wanted.setdefault(fact.decider.category, (fact.decider, set()))[1].add(fact.id)
        if fact.customer_id is not None:
            wanted["customer"][1].add(fact.customer_id)
        if isinstance(fact.event, CustomerRelabelled):
            wanted["label"][1].update(fact.event.labels)
    known: Known = {Stream(category, id_): {} for category, (_decider, ids) in wanted.items() for id_ in ids}
    history: list[Recorded] = []
    for decider, ids in wanted.values():
        history += await unit.load_many(decider, ids)
    for recorded in history:
        known[recorded.stream].setdefault(identity(recorded.event), recorded.event)
    return known


async def _taken_addresses(unit: Unit, facts: Iterable[Fact], known: Known) -> set[int]:
    """Ids of addresses that other customers have."""
    new = [
        fact.event.address_id
        for fact in facts
        if isinstance(fact.event, AddressAdded) and identity(fact.event) not in known[fact.stream]
    ]
    return await addresses_taken(unit.on, new)


def _differences(wanted: Iterable[Fact], known: Known) -> Iterator[str]:
    for fact in wanted:
        if here := known[fact.stream].get(identity(fact.event)):
            yield from differing_fields(_unsaid(fact, known), here)


def _unsaid(fact: Fact, known: Known) -> Event:
    """Without the words of the erased, which are gone here."""
    if not isinstance(fact.event, OrderPlaced) or fact.customer_id is None:
        return fact.event
    is_erased = not ERASED.isdisjoint(known[Stream(CUSTOMER.category, fact.customer_id)])
    return msgspec.structs.replace(fact.event, words=None) if is_erased else fact.event


def _problems(missing: Iterable[Fact], known: Known, marks: Marks, taken: set[int]) -> Iterator[str]:
    """Why facts can't be recorded."""
    for fact in missing:
        if fact.customer_id is not None:
            yield from _strangeness(Stream(CUSTOMER.category, fact.customer_id), CustomerRegistered, known, marks)
        match fact.event:
            case AddressAdded(address_id=id_) if id_ in taken:
                yield "Another customer has an address with this id."
            case CustomerRelabelled(labels=labels):
                for id_ in labels:
                    yield from _strangeness(Stream(LABEL.category, id_), LabelCreated, known, marks)
            case _:
                pass


def _strangeness(stream: Stream, began: type[Event], known: Known, marks: Marks) -> Iterator[str]:
    """What is referred to must be here, and be the same as in the export: a store may have had its ids before."""
    who = f"{stream.category.capitalize()} {stream.id}"
    first = known[stream].get(began)
    if not ERASED.isdisjoint(known[stream]):
        yield f"{who} has been erased."
    elif first is None:
        yield f"{who} is not here."
    elif stream not in marks:
        yield f"{who} is not in the export, or not as it should be."
    elif mark(first) != marks[stream]:
        yield f"{who} is another one here than in the export."


async def _pass_ids(unit: Unit, facts: Iterable[Fact]) -> None:
    """Ids given later must not be those of the export."""
    ids: dict[str, int] = {}
    for fact in facts:
        found = {fact.decider.category: fact.id}
        match fact.event:
            case AddressAdded(address_id=id_):
                found["address"] = id_
            case OrderPlaced(terms=terms) if terms.items:
                found["item"] = max(item.id for item in terms.items)
            case _:
                pass
        ids |= {kind: max(id_, ids.get(kind, 0)) for kind, id_ in found.items()}
    for kind, id_ in ids.items():
        await unit.pass_id(kind, id_)
