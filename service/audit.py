"""Whether the log is what was written and signed: the whole of it, or what was signed on a day."""

from collections.abc import Collection, Iterable, Iterator
from datetime import date
from itertools import groupby
from typing import NamedTuple

from eventstore.chain.checkpoints import Checkpoint, SignedStatement, find, latest, newest
from eventstore.chain.dump import blocks
from eventstore.chain.faults import Fault
from eventstore.chain.signer import witnessed
from eventstore.chain.signing import SigningKey
from eventstore.chain.verify import Verifier
from eventstore.store import Store

MOST_FAULTS = 1_000


class FoundFaults:
    """The first faults, and how many there are."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[Fault] = []

    def add(self, faults: Iterator[Fault]) -> None:
        for fault in faults:
            self.count += 1
            if len(self.first) < MOST_FAULTS:
                self.first.append(fault)


class SignedDay(NamedTuple):
    """The checkpoints of a day (UTC), from `first` to `last`, and the events that they say they cover."""

    day: date
    first: int
    last: int
    checkpoints: int
    events: int
    after: int
    until: int


class AuditedPart(NamedTuple):
    """What two checkpoints and those between them cover."""

    statements: list[SignedStatement]
    verifier: Verifier
    found: FoundFaults


def verifier(keys: Collection[str] | None, kept: Iterable[Checkpoint], own: SigningKey | None) -> Verifier:
    """Our own key may sign, where no others are named. What this machine has seen counts as kept elsewhere."""
    known = keys or ([own.public] if own else [])
    seen = witnessed(own.witness) if own else None
    statements = [*kept, *([seen] if seen else [])]
    return Verifier(known, {each.number: each.statement for each in statements})


async def verify(
    store: Store,
    verifier: Verifier,
    found: FoundFaults,
    *,
    follows: Checkpoint | None = None,
    last: Checkpoint | None = None,
) -> None:
    """The whole log, or a part of it: behind a checkpoint, up to another."""
    if follows is not None:
        found.add(verifier.follow(follows))
    async for block in blocks(store.pool, follows=follows, last=last):
        found.add(verifier.block(block))
    found.add(verifier.end())


async def find_checkpoint(store: Store, number: int) -> Checkpoint | None:
    return await find(store.pool, number)


async def newest_statement(store: Store) -> SignedStatement | None:
    last = await newest(store.pool)
    return last.claimed if last else None


async def signed_days(store: Store, before: int, limit: int) -> list[SignedDay]:
    """Days of the last checkpoints before a number, newest first. Of the oldest one some may be missing."""
    found = [claimed for each in await latest(store.pool, before, limit) if (claimed := each.claimed)]
    days = groupby(found, key=lambda statement: statement.signed_at.date())
    return [_day(day, list(statements)) for day, statements in days]


def _day(day: date, statements: list[SignedStatement]) -> SignedDay:
    newest, oldest = statements[0], statements[-1]
    events = sum(statement.events for statement in statements)
    return SignedDay(day, oldest.number, newest.number, len(statements), events, oldest.after, newest.until)


async def events_between(store: Store, first: int, last: int) -> int | None:
    """Up to how many events these checkpoints and those between cover; None where one of the two is not there."""
    begin, end = await find(store.pool, first), await find(store.pool, last)
    if begin is None or end is None or first > last:
        return None
    begins, ends = begin.claimed, end.claimed
    return ends.until - begins.after if begins and ends else 0


async def verify_part(store: Store, first: int, last: int) -> AuditedPart:
    """What these checkpoints, which are there, and those between cover."""
    follows, end = await find(store.pool, first - 1), await find(store.pool, last)
    own = SigningKey.from_environment()
    seen = witnessed(own.witness) if own else None
    kept = {seen.number: seen.statement} if seen and first <= seen.number <= last else {}
    part, found = Verifier([own.public] if own else [], kept), FoundFaults()
    await verify(store, part, found, follows=follows, last=end)
    statements = [claimed for each in await latest(store.pool, last + 1, last - first + 1) if (claimed := each.claimed)]
    return AuditedPart(statements, part, found)
