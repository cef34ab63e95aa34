"""Commands that wait to be written, with their hooks, and what a batch needs of many of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import asyncpg

from domain.event import Claim, Recorded, Stream
from domain.refusals import ClaimTaken
from eventstore.commit.claims import lock_key as claim_key
from eventstore.commit.unit import Unit
from eventstore.log.log import Log, Receipt
from eventstore.postgres.connection import Session
from eventstore.postgres.stream_ids import End, lock_key
from eventstore.reading.stream_cache import Head

Check = Callable[[Session], Awaitable[None]]
Show = Callable[[Session, Any], Awaitable[Any]]
Work = Callable[[Unit], Awaitable[Any]]

DATABASE = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)  # what fails a whole batch
LARGE = 100  # events or keys of one command, from which on it does not go with others


class Hooks(NamedTuple):
    """What a command's transaction does beside appending: `check` may refuse, `show` makes the answer.

    Commands with the same `alone` take turns: one is checked after the one before it is answered.
    """

    show: Show
    check: Check | None = None
    alone: Claim | None = None


class Decided(NamedTuple):
    """What a command's work has returned, or raised."""

    result: Any
    refusal: Exception | None = None


class PendingCommand:
    """A command that waits to be written. Its caller awaits `outcome`.

    `touched` are lock keys of its events' streams and customers, `about` the smallest: a customer's, if there is one.
    `keys` adds those of its bases and claims. Without `decided` it is decided under the locks, which its unit's first
    attempt has named. `is_simple`: it may be written without a transaction.
    """

    def __init__(self, unit: Unit, log: Log, decided: Decided | None, hooks: Hooks, work: Work) -> None:
        self.work = work
        self.show = hooks.show
        self.check = hooks.check
        self.known = unit.known  # what the process remembers
        self.outcome: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._log = log
        self._alone = hooks.alone
        self.decide(unit, decided)

    def decide(self, unit: Unit, decided: Decided | None) -> None:
        """Replace what was decided before."""
        self.unit, self.decided = unit, decided
        self.rows: list[bytes] = []
        self.taken: dict[Claim, Stream] = {}
        self.freed: dict[Claim, Stream] = {}
        self.heads: dict[Stream, Head] = {}
        try:
            self.taken, self.freed = unit.claims()
        except ClaimTaken as refusal:
            self.decided = decided and Decided(None, refusal)
        if self.decided and self.decided.refusal is None:
            digests = {stream: base.digest for stream, base in unit.bases.items()}
            self.rows = self._log.rows(unit.events, unit.keys, digests)
            self.heads = unit.heads(digests)
        self.size = sum(map(len, self.rows))
        self._touch(unit)

    @property
    def events(self) -> Sequence[Recorded]:
        return self.unit.events if self.rows else ()

    @property
    def result(self) -> Any:
        return self.decided and self.decided.result

    @property
    def refusal(self) -> Exception | None:
        return self.decided and self.decided.refusal

    def _touch(self, unit: Unit) -> None:
        self.touched = _touched(unit.events)
        self.about = min(self.touched or map(lock_key, unit.bases), default=0)
        if self._alone is not None:
            self.touched.add(claim_key(self._alone))
        self.keys = self.touched.union(map(lock_key, unit.bases))
        if self.taken or self.freed:
            self.keys |= {claim_key(claim) for claim in (*self.taken, *self.freed)}
        self.is_large = max(len(unit.events), len(self.keys)) > LARGE
        self.is_simple = self.decided is not None and self._alone is None and not self.is_large

    @property
    def receipt(self) -> Receipt:
        stream, head = next(iter(self.heads.items()))
        return Receipt(stream, head.end)

    def succeed(self, answer: Any) -> None:
        for head in self.heads.values():
            head.is_written = True
        if not self.outcome.done():
            self.outcome.set_result(answer)

    def fail(self, error: BaseException) -> None:
        if not self.outcome.done():
            self.outcome.set_exception(error)


def _touched(events: Iterable[Recorded]) -> set[int]:
    """Keys of the streams and the customers that the events are about."""
    keys = set()
    for recorded in events:
        keys.add(lock_key(recorded.stream))
        if recorded.customer_id is not None:
            keys.add(lock_key(Stream("customer", recorded.customer_id)))
        if recorded.former_customer_id is not None:
            keys.add(lock_key(Stream("customer", recorded.former_customer_id)))
    return keys


Answers: TypeAlias = Mapping[PendingCommand, Any]


def events_of(commands: Iterable[PendingCommand]) -> list[Recorded]:
    return [recorded for command in commands for recorded in command.events]


def keys_of(commands: Iterable[PendingCommand]) -> set[int]:
    return {key for command in commands for key in command.keys}


def claims_of(commands: Iterable[PendingCommand]) -> set[Claim]:
    return {claim for command in commands for claim in (*command.taken, *command.freed)}


def passes_on_a_claim(commands: Iterable[PendingCommand]) -> bool:
    """Whether one frees a claim that one before it takes, so that nobody here knows who has it in the log."""
    taken: set[Claim] = set()
    for command in commands:
        if not taken.isdisjoint(command.freed):
            return True
        taken |= command.taken.keys()
    return False


def freed_by(commands: Iterable[PendingCommand]) -> dict[Claim, Stream]:
    """The holders of claims that are freed, if the cached streams are current."""
    return {claim: stream for command in commands for claim, stream in command.freed.items()}


def ends_of(commands: Iterable[PendingCommand]) -> dict[Stream, End]:
    """The ends of streams in the log, if the cached streams are current."""
    return {stream: base.end for command in commands for stream, base in command.unit.bases.items() if base.is_written}


def layers(commands: Iterable[PendingCommand]) -> list[list[PendingCommand]]:
    """Layers in order. Commands in a layer touch nothing in common: each is checked as if it were alone."""
    layers: list[list[PendingCommand]] = []
    touched: set[int] = set()
    for command in commands:
        if not layers or not touched.isdisjoint(command.touched):
            layers.append([])
            touched = set()
        layers[-1].append(command)
        touched |= command.touched
    return layers
