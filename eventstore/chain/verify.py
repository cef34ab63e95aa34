"""Whether a log is what was written and signed: event by event, in order of position, in memory that does not grow."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import NamedTuple, assert_never

from eventstore.chain.checkpoints import Block, Checkpoint, Events, SignedPart, SignedStatement, hashed, unpacked
from eventstore.chain.entries import Entry, Note, Place, due, notes, place
from eventstore.chain.faults import (
    COUNTED,
    FIRST,
    NO_MATCH,
    NOT_COUNTED,
    NOT_FOLLOWED,
    RETIMED,
    REWRITTEN,
    WITHOUT,
    Fault,
    Kind,
    of_checkpoint,
    of_event,
)

REMEMBERED = 10_000  # events that are missing, so that each is named once


class Signed(NamedTuple):
    statement: SignedStatement
    noted: bytes  # all events that it covers


class Found(NamedTuple):
    position: int  # where it shows
    fault: Fault


class Verifier:
    """Takes checkpoints and events, each checkpoint before the events that it covers; yields faults, in order.

    `keys` are those that may sign, none if that is not known; `kept` are statements that are stored elsewhere, by
    number. `unsigned` is how many events no valid checkpoint covers, `last` the newest valid one.
    """

    def __init__(self, keys: Collection[str] = (), kept: Mapping[int, str] | None = None) -> None:
        self.events = self.checkpoints = 0
        self.unsigned = 0
        self.last: SignedStatement | None = None
        self.signed_by: set[str] = set()
        self.keys = keys
        self._kept = dict(kept or {})
        self._newest: Checkpoint | None = None
        self._position = 0
        self._waiting: deque[Signed] = deque()
        self._part = SignedPart()
        self._found: dict[tuple[str, int], Found] = {}
        self._missing: set[tuple[str, int]] = set()

    def follow(self, checkpoint: Checkpoint) -> Iterator[Fault]:
        """Begins behind a checkpoint: what it covers was verified before."""
        if isinstance(problem := self._read(checkpoint), str):
            yield of_checkpoint(checkpoint.number, problem)
        self._newest, claimed = checkpoint, checkpoint.claimed
        self._position = claimed.until if claimed else 0
        self._kept = {number: text for number, text in self._kept.items() if number > checkpoint.number}

    def block(self, block: Block) -> Iterator[Fault]:
        match block:
            case Checkpoint():
                yield from self._checkpoint(block)
            case Events():
                yield from self._events(block.entries)
            case _:
                assert_never(block)

    def end(self) -> Iterator[Fault]:
        while self._waiting:
            yield from self._settle()
        for number in sorted(self._kept)[:1]:
            yield of_checkpoint(number, "missing, though it was kept elsewhere: the log was cut off or set back")

    def _checkpoint(self, checkpoint: Checkpoint) -> Iterator[Fault]:
        """Adds a checkpoint; a valid one is used from now on."""
        next_number = self._newest.number + 1 if self._newest else 1
        if checkpoint.number > next_number:
            yield of_checkpoint(next_number, "missing")
        match self._read(checkpoint):
            case str(problem):
                yield of_checkpoint(checkpoint.number, problem)
            case statement if misfit := self._problem(checkpoint, statement, follows=checkpoint.number == next_number):
                yield of_checkpoint(checkpoint.number, misfit)
            case statement:
                self._waiting.append(Signed(statement, unpacked(checkpoint.inventory, statement.events)))
                self.last = statement
        self.checkpoints += 1
        self._newest = checkpoint
        self._kept.pop(checkpoint.number, None)

    def _read(self, checkpoint: Checkpoint) -> SignedStatement | str:
        """Its statement, or what is wrong with it, whatever is around it."""
        statement = checkpoint.read()
        if statement is None or statement.number != checkpoint.number:
            return "altered, its signature does not fit"
        self.signed_by.add(statement.key)
        if self.keys and statement.key not in self.keys:
            return f"signed with another key, {statement.key}"
        if checkpoint.statement != self._kept.get(checkpoint.number, checkpoint.statement):
            return "not the one that was kept elsewhere"
        return statement

    def _problem(self, checkpoint: Checkpoint, statement: SignedStatement, *, follows: bool) -> str | None:
        if sha256(checkpoint.inventory).hexdigest() != statement.inventory:
            return "altered, its inventory is not the one that was signed"
        if follows and statement.previous != hashed(self._newest):
            return "not signed after the one before it"
        if statement.after < self._position:
            return "it comes after events that it covers"
        return None

    def _events(self, entries: Iterable[Entry]) -> Iterator[Fault]:
        """Takes entries in the order of their positions, within a call and from call to call."""
        for entry in entries:
            self._position = position = entry[0]
            while self._waiting and position > self._waiting[0].statement.until:
                yield from self._settle()
            self.events += 1
            if position < 1:
                yield of_event("inserted", place(entry), FIRST)
            elif (fault := broken(entry)) is not None and fault.place not in self._missing:
                self._found[fault.place] = Found(position, fault)
            if self._waiting and position > self._waiting[0].statement.after:
                self._part.add(entry)
            else:
                self.unsigned += 1
                yield from self._faults_in_order()

    def _settle(self) -> Iterator[Fault]:
        """Compares the next checkpoint, all events of which have been taken."""
        (statement, noted), part = self._waiting.popleft(), self._part
        self._part = SignedPart()
        if noted != part.noted:
            _compare(notes(noted), notes(part.noted), self._found)
        if not self._found and part.digests != statement.digests:
            yield of_checkpoint(statement.number, "the digests of its events are not those that were signed")
        yield from self._faults_in_order()

    def _faults_in_order(self) -> Iterator[Fault]:
        if self._found:
            for _position, fault in sorted(self._found.values(), key=lambda found: found.position):
                if fault.kind == "missing" and len(self._missing) < REMEMBERED:
                    self._missing.add(fault.place)
                yield fault
            self._found.clear()


def broken(entry: Entry) -> Fault | None:
    """The fault that an event's digest shows, in it or in its predecessor."""
    if due(entry) == entry[4]:
        return None
    here, before = place(entry), entry[2]
    if entry[4] is None:
        return of_event("unchained", here, WITHOUT)
    if here.version > 1 and before != here.version - 1:
        return of_event("missing", Place(here.stream, (before or 0) + 1, None), NOT_FOLLOWED)
    return of_event("altered", here, NO_MATCH)


def _compare(signed: Iterable[Note], stored: Iterable[Note], found: dict[tuple[str, int], Found]) -> None:
    """Adds faults that a checkpoint shows and digests don't."""
    there = {each.position: each for each in stored}
    known: dict[tuple[str, int], Found] = {}

    def add(kind: Kind, place: Place, problem: str) -> None:
        known[place.event] = Found(place.position or 0, of_event(kind, place, problem))

    for each in signed:
        here = there.pop(each.position, None)
        if here == each:
            continue
        if here is None:
            add("missing", each.place, COUNTED)
        elif here.event != each.event:
            found.pop(here.place.event, None)
            add("altered", each.place, f"{here.place.stream}, version {here.place.version} stands in its place")
        elif here.recorded_at != each.recorded_at:
            add("altered", each.place, RETIMED)
        elif (broken := found.get(each.place.event)) is None or broken.fault.kind == "unchained":
            add("altered", each.place, REWRITTEN)
    for here in there.values():
        add("inserted", here.place, NOT_COUNTED)
    found |= known
