"""Commands that were decided on and wait to be written, and what is asked of the transaction of each."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from domain.event import Claim, Recorded, Stream
from eventstore.commit.claims import lock_key as claim_key
from eventstore.commit.unit import Unit
from eventstore.log.log import Log, Receipt, Session
from eventstore.postgres.stream_ids import End, lock_key
from eventstore.reading.stream_cache import Head

Check = Callable[[Session], Awaitable[None]]
Show = Callable[[Session, Any], Awaitable[Any]]
Work = Callable[[Unit], Awaitable[Any]]

LARGE = 100  # events or keys of one command, from which on it does not go with others


class Asked(NamedTuple):
    """What is asked of a command's transaction, beside its events.

    Of those with the same `alone`, each is checked after the ones before it are shown.
    """

    show: Show
    check: Check | None = None
    alone: Claim | None = None


class Waiting:
    """A command that was decided on, and waits to be written. `outcome` is what its caller waits for.

    `touched` are keys of what its events are about, `keys` also of what it was decided on and of its claims. One that
    `is_decided` no more than on what it is about is decided when it is written. `is_simple`: it may be written without
    looking at what is there first.
    """

    def __init__(self, unit: Unit, log: Log, result: Any, asked: Asked, work: Work, *, is_decided: bool = True) -> None:
        loop = asyncio.get_running_loop()
        self.work = work
        self.show = asked.show
        self.check = asked.check
        self.is_decided = is_decided
        self.known = unit.known  # what the process remembers
        self.unit = unit
        self.result: Any = None
        self.rows: list[bytes]
        self.taken: dict[Claim, Stream]
        self.freed: dict[Claim, Stream]
        self.heads: dict[Stream, Head]
        self.outcome: asyncio.Future[Any] = loop.create_future()
        self.ended: asyncio.Future[bool] = loop.create_future()
        self._log = log
        self._alone = asked.alone
        if is_decided:
            self._lead(unit, result)
        else:
            self._lead_nowhere()

    def decided_again(self, unit: Unit, result: Any) -> None:
        """What it was thought to lead to before does not come. Raises ClaimTaken."""
        if not self.ended.done():
            self.ended.set_result(False)
        self.ended = asyncio.get_running_loop().create_future()
        self.is_decided = True
        self._lead(unit, result)

    def _lead(self, unit: Unit, result: Any) -> None:
        self.unit, self.result = unit, result
        digests = {stream: base.digest for stream, base in unit.bases.items()}
        self.rows = self._log.rows(unit.events, unit.keys, digests)
        self.size = sum(map(len, self.rows))
        self.taken, self.freed = unit.claims()
        self.heads = unit.heads(digests, self.ended)
        self._touch(unit)

    def _lead_nowhere(self) -> None:
        self.rows, self.size = [], 0
        self.taken, self.freed, self.heads = {}, {}, {}
        self._touch(self.unit)

    def _touch(self, unit: Unit) -> None:
        self.touched = _touched(unit.events)
        if self._alone is not None:
            self.touched.add(claim_key(self._alone))
        self.keys = self.touched.union(map(lock_key, unit.bases))
        if self.taken or self.freed:
            self.keys |= {claim_key(claim) for claim in (*self.taken, *self.freed)}
        self.is_large = max(len(self.rows), len(self.keys)) > LARGE
        self.is_simple = self.is_decided and self._alone is None and not self.freed and not self.is_large

    @property
    def receipt(self) -> Receipt:
        stream, head = next(iter(self.heads.items()))
        return Receipt(stream, head.end)

    def succeed(self, shown: Any) -> None:
        self.ended.set_result(True)
        for head in self.heads.values():
            head.ended = None
        if not self.outcome.done():
            self.outcome.set_result(shown)

    def fail(self, error: BaseException) -> None:
        if not self.ended.done():
            self.ended.set_result(False)
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


def events_of(commands: Iterable[Waiting]) -> list[Recorded]:
    return [recorded for command in commands for recorded in command.unit.events]


def keys_of(commands: Iterable[Waiting]) -> set[int]:
    return {key for command in commands for key in command.keys}


def claims_of(commands: Iterable[Waiting]) -> set[Claim]:
    return {claim for command in commands for claim in (*command.taken, *command.freed)}


def ends_of(commands: Iterable[Waiting]) -> dict[Stream, End]:
    """How the streams end in the log, if those that are decided on are as they were thought to be."""
    return {
        stream: base.end for command in commands for stream, base in command.unit.bases.items() if base.ended is None
    }


def layers(commands: Iterable[Waiting]) -> list[list[Waiting]]:
    """Layers in order. Commands in a layer touch nothing in common: each is checked and shown as if it were alone."""
    layers: list[list[Waiting]] = []
    touched: set[int] = set()
    for command in commands:
        if not layers or not touched.isdisjoint(command.touched):
            layers.append([])
            touched = set()
        layers[-1].append(command)
        touched |= command.touched
    return layers
