"""Carries out commands: loads, decides, and has events, claims and read models written, all or nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import asyncpg

from domain.event import Claim, Stream
from eventstore.commit.command import DATABASE, Check, Decided, Hooks, PendingCommand
from eventstore.commit.projector import NeedsLocks, Projecting, Projector
from eventstore.commit.unit import By, Conflict, Rewrapped, Unit
from eventstore.commit.writer import PATIENCE, OutcomeUnknown, Writer
from eventstore.log.log import Log
from eventstore.postgres.away import UNREACHABLE
from eventstore.postgres.connection import Connection, Session
from eventstore.postgres.durability import sync, warnings
from eventstore.reading.coalesce import Coalescer
from eventstore.reading.instance import Instances, Remembered
from eventstore.reading.reader import Reader
from eventstore.sealing.stream_keys import settle

__all__ = [
    "By",
    "Conflict",
    "Contended",
    "NeedsLocks",
    "OutcomeUnknown",
    "Overloaded",
    "Projecting",
    "Projector",
    "Reach",
    "Store",
    "Unit",
]

T = TypeVar("T")
R = TypeVar("R")

ATTEMPTS = 100
MAX_COMMANDS = 1_000  # under way at a time, from their first read to their answer

# Without a standby that commits wait for, what is visible is durable.
END = """
    SELECT coalesce(max(notification_id), 0), current_setting('synchronous_standby_names') <> '' FROM stored_events"""


class Contended(Exception):
    """Every attempt was overtaken by another command."""


class Overloaded(Exception):
    """More commands are under way than can be carried out soon."""


class Reach(NamedTuple):
    """The last position of the log, and the last that may be read to others: up to there the log is durable."""

    head: int
    durable: int


class Store:
    """Carries out commands. The projector changes the read models in the transaction of the events.

    `instances` are those behind the pool's connections, if they are known already. Close the store before its pool:
    then every command under way is answered.
    """

    def __init__(
        self, pool: asyncpg.Pool, log: Log, projector: Projector, *, instances: Instances | None = None
    ) -> None:
        self.pool = pool
        self.log = log
        self._instances = instances or Instances(projector.new_cache)
        self._reads = Reader(pool, log)
        self._writer = Writer(pool, log, projector, self._instances)
        self._reaches: Coalescer[None, Reach] = Coalescer(self._reach)
        self._under_way = 0
        self._at_rest = asyncio.Event()

    async def aclose(self) -> None:
        while self._under_way:
            self._at_rest.clear()
            await self._at_rest.wait()
        await self._writer.close()  # which may be at commands that nobody waits for any more

    def forget(self, erased: Iterable[Stream]) -> None:
        """Drop what is cached of erased streams, all cached keys and all cached rows."""
        self.log.sealing.cipher.cache_clear()
        remembered = self._instances.remembered
        remembered.rows.clear()
        for stream in erased:
            head = remembered.heads.newest(stream)
            if head is not None and head.is_written:  # who waits to be written will find out by itself
                remembered.heads.drop(stream)

    async def transact(self, by: By, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run the work and write the events that it decided on, all or nothing. Returns its result.

        Starts again when another command was faster. Raises the work's refusals, ClaimTaken, Contended,
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
        """Writes like `transact`, and returns what `show` returns. `check` and `show` run in the same transaction.

        `check` runs before the writing, and may raise. `show` sees the read models as the command leaves them; what it
        writes is as durable as the events. Commands share transactions: both run again if another command fails.
        Commands with the same `alone` take turns: one is checked after the one before it is shown.
        """
        if self._under_way >= MAX_COMMANDS:
            raise Overloaded
        self._under_way += 1
        try:
            answer: R = await self._answer(by, work, Hooks(show, check, alone))
            return answer
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._at_rest.set()

    async def _answer(self, by: By, work: Callable[[Unit], Awaitable[T]], hooks: Hooks) -> Any:
        for attempt in range(ATTEMPTS):
            unit = Unit(self._reads, by, self._instances.remembered.heads, trusts_new_ids=not attempt)
            try:
                command = await self._submitted(unit, work, hooks)
                return await command.outcome
            except (Conflict, asyncpg.DeadlockDetectedError) as error:
                if isinstance(error, Rewrapped):
                    await settle(self.pool, self.log.sealing)
        raise Contended

    async def _submitted(self, unit: Unit, work: Callable[[Unit], Awaitable[T]], hooks: Hooks) -> PendingCommand:
        """Decide on cached streams, without locks, and hand the command to the writer.

        The decision counts only if the streams are unchanged when the command is written. If the cache is known to be
        behind, the command is decided under the locks. Raises a refusal at once only if all streams were just read.
        """
        result, refusal = None, None
        try:
            result = await work(unit)
        except (Conflict, *DATABASE):
            raise
        except Exception as error:
            if unit.is_fresh():
                raise
            refusal = error
        is_decided = unit.is_newest() and not self._writer.is_overtaken
        command = PendingCommand(unit, self.log, Decided(result, refusal) if is_decided else None, hooks, work)
        self._writer.submit(command)
        return command

    async def durably(self, look: Callable[[Connection], Awaitable[R]]) -> R:
        """What `look` returns, once all that it has read is as durable as a commit. Raises OutcomeUnknown."""
        has_seen = False
        try:
            async with asyncio.timeout(PATIENCE), self.pool.acquire() as connection:
                with warnings(connection) as heard:
                    async with connection.transaction():
                        seen = await look(connection)
                        has_seen = True
                        await sync(connection)
        except (asyncpg.PostgresError, *UNREACHABLE) as error:
            if has_seen or isinstance(error, TimeoutError):
                raise OutcomeUnknown from error
            raise
        if heard:
            raise OutcomeUnknown
        return seen

    async def reach(self) -> Reach:
        """How far the log reaches now. It waits for a standby, but not for long: then `durable` is behind."""
        return await self._reaches(None)

    async def durable_on(self, connection: Connection) -> int:
        """How far the log is known to be durable on the server of a connection."""
        return (await self._instances.of(connection)).durable

    async def _reach(self, asked: Sequence[None]) -> list[Reach]:
        async with self.pool.acquire() as connection:
            known, head, is_awaited = await self._end(connection)
        if head > known.durable and is_awaited:
            with suppress(OutcomeUnknown):
                known, head, _ = await self.durably(self._end)
                is_awaited = False
        if not is_awaited:
            known.durable = max(known.durable, head)
        return [Reach(head, min(head, known.durable))] * len(asked)

    async def _end(self, connection: Connection) -> tuple[Remembered, int, bool]:
        """What is known of the connection's server, the end of its log, and whether its commits wait for a standby."""
        head, is_awaited = (await connection.fetch(END))[0]
        return await self._instances.of(connection), head, is_awaited


async def _result(_session: Session, result: T) -> T:
    return result
