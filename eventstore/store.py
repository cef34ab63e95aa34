"""Commands into the log: load, decide, and have it written, with claims and projections, all or nothing."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from itertools import pairwise
from math import inf
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import asyncpg

from domain.event import Claim, Recorded, Stream
from eventstore.commit.batch import Means, Project
from eventstore.commit.command import Asked, Check, Waiting, Work
from eventstore.commit.unit import By, Conflict, Rewrapped, Unit
from eventstore.commit.writer import PATIENCE, OutcomeUnknown, Writer
from eventstore.log.log import Connection, Log, Session
from eventstore.postgres.durability import sync, warnings
from eventstore.postgres.view import View
from eventstore.reading.instance import Instances
from eventstore.reading.reader import Reads
from eventstore.sealing.stream_keys import settle

__all__ = ["By", "Conflict", "Contended", "OutcomeUnknown", "Overloaded", "Project", "Store", "Unit", "sync_seconds"]

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS = 100
SYNCS = 5
ANY_TIME = nullcontext()
MAX_COMMANDS = 1_000  # under way at a time, from their first read to their answer


class Contended(Exception):
    """The decision was overtaken every time."""


class Overloaded(Exception):
    """More commands are under way than can be carried out soon."""


async def sync_seconds(pool: asyncpg.Pool) -> float:
    """How long a commit of next to nothing takes, at best of some."""
    async with pool.acquire() as connection:
        times = [time.perf_counter()]
        for _ in range(SYNCS):
            await sync(connection)
            times.append(time.perf_counter())
    return min(after - before for before, after in pairwise(times))


async def nothing_more(_session: Session, _events: Sequence[Recorded]) -> None:
    pass


class Store:
    """Where commands go in. `project` writes the read models, in the transaction of the events; at its end `keep` is
    told of all of them at once. `sync` is how many seconds a commit takes to be durable (see `sync_seconds`),
    `instances` those that the pool's connections lead to, if anybody has asked already.

    Close it before its pool: then everything that is under way is answered.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        log: Log,
        project: Project,
        keep: Project = nothing_more,
        *,
        sync: float = inf,
        instances: Instances | None = None,
    ) -> None:
        self.pool = pool
        self.log = log
        self._instances = instances or Instances()
        self._reads = Reads(pool, log)
        self._writer = Writer(pool, Means(log, project, keep), self._instances, sync=sync)
        self._turns: WeakValueDictionary[Stream, asyncio.Lock] = WeakValueDictionary()
        self._under_way = 0
        self._at_rest = asyncio.Event()

    async def aclose(self) -> None:
        while self._under_way:
            self._at_rest.clear()
            await self._at_rest.wait()
        await self._writer.close()  # which may be at commands that nobody waits for any more

    def forget(self, erased: Iterable[Stream]) -> None:
        """What is remembered of these streams, and of keys."""
        self.log.sealing.cipher.cache_clear()
        remembered = self._instances.remembered
        remembered.rows.clear()
        for stream in erased:
            head = remembered.heads.newest(stream)
            if head is not None and head.ended is None:  # who waits to be written will find out by itself
                remembered.heads.drop(stream)

    async def transact(self, by: By, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run the work and write what it decided on, all or nothing; its result.

        Made again from the start when another command was faster. Raises the work's refusals, ClaimTaken, Contended,
        Overloaded, OutcomeUnknown.
        """
        return await self.answer(by, work, _result)

    async def answer(
        self,
        by: By,
        work: Callable[[Unit], Awaitable[T]],
        show: Callable[[Session, T], Awaitable[R]],
        *,
        check: Check | None = None,
        alone: Claim | None = None,
    ) -> R:
        """Writes like `transact`; in that transaction `check` runs before the writing, and may raise, and `show` after.

        `show` sees the read models as the command leaves them, and what it writes is as durable as the events. Other
        commands may share the transaction, and then `check` and `show` run more than once if one of them fails. Of
        those with the same `alone`, each is checked after the ones before it are shown.
        """
        if self._under_way >= MAX_COMMANDS:
            raise Overloaded
        self._under_way += 1
        try:
            answer: R = await self._answer(by, work, Asked(show, check, alone))
            return answer
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._at_rest.set()

    async def _answer(self, by: By, work: Callable[[Unit], Awaitable[T]], asked: Asked) -> Any:
        overtaken_on: Collection[Stream] = ()
        for attempt in range(ATTEMPTS):
            unit = Unit(self._reads, by, self._instances.remembered.heads, trusts_new_ids=not attempt)
            try:
                async with self._turn(overtaken_on) if overtaken_on else ANY_TIME:
                    result, command = await self._decided(unit, work, asked, is_last=attempt > 0)
                if command is None:
                    return await self._unchanged(unit, result, asked)
                return await command.outcome
            except (Conflict, asyncpg.DeadlockDetectedError) as error:
                overtaken_on = unit.bases.keys()
                if isinstance(error, Rewrapped):
                    await settle(self.pool, self.log.sealing)
        raise Contended

    async def _decided(
        self, unit: Unit, work: Callable[[Unit], Awaitable[T]], asked: Asked, *, is_last: bool
    ) -> tuple[T | None, Waiting | None]:
        """A refusal counts when what it was decided on is so. Raises Conflict when it isn't.

        The last time nothing is asked: all that counts is decided when it is written, under the locks.
        """
        try:
            result = await work(unit)
            if is_last and not (unit.events and unit.is_newest()):
                return None, self._undecided(unit, asked, work)
            return result, self._submitted(unit, result, asked, work) if unit.events else None
        except Conflict:
            raise
        except Exception:
            if is_last:
                return None, self._undecided(unit, asked, work)
            if not await unit.bases_are_written() or not await unit.stands(self.pool):
                raise Conflict from None
            raise

    def _submitted(self, unit: Unit, result: Any, asked: Asked, work: Work) -> Waiting:
        if not unit.is_newest():
            raise Conflict
        command = Waiting(unit, self.log, result, asked, work)
        self._writer.submit(command)
        return command

    def _undecided(self, unit: Unit, asked: Asked, work: Work) -> Waiting:
        command = Waiting(unit, self.log, None, asked, work, is_decided=False)
        self._writer.submit(command)
        return command

    async def _unchanged(self, unit: Unit, result: Any, asked: Asked) -> Any:
        """The answer of a command that leads to no event. Whom it is about is erased before it is kept, or after."""
        if not await unit.bases_are_written():
            raise Conflict

        async def shown(connection: Connection) -> Any:
            if not await unit.stands(connection, alone=True):
                raise Conflict
            view = View(connection)
            if asked.check is not None:
                await asked.check(view)
            return await asked.show(view, result)

        return await self.durably(shown)

    async def durably(self, look: Callable[[Connection], Awaitable[R]]) -> R:
        """What `look` returns, once all that it has seen is as durable as commits are. Raises OutcomeUnknown."""
        try:
            async with asyncio.timeout(PATIENCE), self.pool.acquire() as connection:
                with warnings(connection) as heard:
                    async with connection.transaction():
                        seen = await look(connection)
                        await sync(connection)
        except TimeoutError:
            raise OutcomeUnknown from None
        if heard:
            raise OutcomeUnknown
        return seen

    @asynccontextmanager
    async def _turn(self, streams: Collection[Stream]) -> AsyncIterator[None]:
        """One after the other, where several were overtaken on the same stream: or all but one would be, again."""
        async with AsyncExitStack() as turn:
            for stream in sorted(streams):
                lock = self._turns.setdefault(stream, asyncio.Lock())
                await turn.enter_async_context(lock)
            yield


async def _result(_session: Session, result: T) -> T:
    return result
