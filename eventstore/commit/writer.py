"""Group commit: all commands that arrive while a batch is written go into the next one."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg

from eventstore.commit.batch import Batch
from eventstore.commit.command import Answers, PendingCommand
from eventstore.commit.projector import NeedsLocks, Projector
from eventstore.commit.queue import PARTS, Lane, Queue
from eventstore.commit.unit import Conflict
from eventstore.log.log import Log
from eventstore.postgres.away import GONE, UNREACHABLE
from eventstore.postgres.connection import Connection
from eventstore.postgres.durability import warnings
from eventstore.reading.instance import Instances

ROUNDS = 10
LOSSES = 5  # of the connection, before what waits is told of it
PAUSE = 0.05  # seconds until the next attempt at reaching the database; longer after each
LONGEST_PAUSE = 0.5
PATIENCE = 8.0  # seconds in which a database that went away in the middle of a commit may come back

# Somebody else was faster, or waits for us as we wait for them: the same again may well succeed.
OVERTAKEN = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
# What was known has changed, or is not enough: read under locks, it may well succeed.
STALE = (NeedsLocks, *OVERTAKEN)


class OutcomeUnknown(Exception):
    """Whether a command is written, and durable, can't be found out: the database went away during the commit, or
    stopped waiting for its standby.
    """


class LostError(Exception):
    """The connection ended, or the outcome of what was sent on it is unknown."""


class Doubt:
    """Answers of commits whose outcome is unknown. It may be looked for `until` then."""

    def __init__(self) -> None:
        self.answers: dict[PendingCommand, Any] = {}
        self.until: float | None = None

    def __bool__(self) -> bool:
        return self.until is not None

    def is_over(self) -> bool:
        return self.until is not None and asyncio.get_running_loop().time() >= self.until

    def add(self, answers: Answers) -> None:
        self.answers |= answers
        if self.until is None:
            self.until = asyncio.get_running_loop().time() + PATIENCE


class Writer:
    """Writes commands in the order in which they were decided on, large ones beside the others.

    No task runs while no command waits.
    """

    def __init__(self, pool: asyncpg.Pool, log: Log, projector: Projector, instances: Instances) -> None:
        self._pool = pool
        self._log = log
        self._projector = projector
        self._instances = instances
        self.is_overtaken = False  # others write the same, so that what is known here would not do
        self._queue = Queue()
        self._lanes = (Lane(), Lane(is_large=True))

    def submit(self, command: PendingCommand) -> None:
        """Later commands may be decided on its heads at once: they are written after it, or not at all."""
        for stream, head in command.heads.items():
            command.known.push(stream, head)
        self._queue.append(command)
        self._go_on()

    async def close(self) -> None:
        """Wait until all commands are answered. One that nobody waits for is cancelled, or written whole."""
        while tasks := {lane.task for lane in self._lanes if lane.task}:
            for lane in self._lanes:
                if lane.task and all(command.outcome.done() for command in lane.batch):
                    lane.task.cancel()
            await asyncio.wait(tasks)

    def _go_on(self) -> None:
        for lane in self._lanes:
            if lane.task is None and self._queue.has_work_for(lane):
                lane.task = asyncio.create_task(self._drain(lane))

    async def _drain(self, lane: Lane) -> None:
        has_failed = True
        try:
            while batch := self._next(lane) or await self._pause(lane):
                lane.batch = batch
                try:
                    await self._write(lane, batch)
                except BaseException as error:
                    for command in batch:
                        self._fail(command, error)
                    raise
                finally:
                    lane.batch = ()
                    self._go_on()  # where something may have waited for this batch
            has_failed = False
        finally:
            if has_failed:
                await self._let_go(lane)
            lane.task = None
            if has_failed:  # in a way that nobody foresaw: others may wait
                self._go_on()

    def _next(self, lane: Lane) -> Sequence[PendingCommand]:
        return self._queue.next(lane, self._lanes, PARTS if self.is_overtaken else 1)

    async def _pause(self, lane: Lane) -> Sequence[PendingCommand]:
        """Release the connection; return what has arrived in the meantime. A lane with work does not release it: to get
        one from the pool takes longer than a round trip.
        """
        await self._let_go(lane)
        return self._next(lane)

    async def _let_go(self, lane: Lane) -> None:
        connection, lane.connection = lane.connection, None
        if connection is not None:
            await self._pool.release(connection)

    async def _write(self, lane: Lane, batch: Sequence[PendingCommand], doubt: Doubt | None = None) -> None:
        """Write a batch; if it fails, each half by itself, down to the command that fails."""
        doubt = doubt or Doubt()
        rounds = losses = 0
        while batch := [command for command in batch if self._is_wanted(command)]:
            error: Exception
            try:
                async with asyncio.timeout_at(doubt.until):
                    self._answer(await self._attempt(lane, batch, doubt))
                return
            except OVERTAKEN:
                error, rounds = Conflict(), rounds + 1
                if rounds < ROUNDS:
                    continue
            except LostError as lost:
                error, losses = lost.args[0], losses + 1
                if losses <= LOSSES or (doubt and not doubt.is_over()):
                    await asyncio.sleep(min(PAUSE * losses, LONGEST_PAUSE))
                    continue
            except Exception as failure:
                error = failure
            if losses or len(batch) == 1:
                for command in batch:
                    self._fail(command, OutcomeUnknown() if doubt else error)
            else:
                middle = len(batch) // 2
                await self._write(lane, batch[:middle], doubt)
                await self._write(lane, batch[middle:], doubt)
            return

    async def _attempt(self, lane: Lane, commands: Sequence[PendingCommand], doubt: Doubt) -> Batch:
        """One attempt at a batch, committed and durable when this returns. Raises LostError."""
        try:
            connection = lane.connection = lane.connection or await self._pool.acquire()
            cache = (await self._instances.of(connection)).rows
        except (asyncpg.PostgresError, *UNREACHABLE) as error:  # a disk that is full, for one, lets nobody in
            await self._end(lane)
            raise LostError(error) from error
        if not doubt and not self.is_overtaken and all(command.is_simple for command in commands):
            batch = Batch(connection, self._log, self._projector, cache)
            with suppress(*STALE):
                await self._committed(lane, batch, batch.write_whole(commands), doubt)
                return batch
        batch = Batch(connection, self._log, self._projector, cache)
        transaction = connection.transaction()
        try:
            await transaction.start()
            await batch.write(commands, doubt.answers)
        except BaseException as error:
            if isinstance(error, Exception) and _is_lost(connection, error):
                await self._end(lane)
                raise LostError(error) from error
            await transaction.rollback()
            raise
        await self._committed(lane, batch, transaction.commit(), doubt)
        self.is_overtaken = batch.is_overtaken
        return batch

    async def _committed(self, lane: Lane, batch: Batch, commit: Awaitable[None], doubt: Doubt) -> None:
        """Await the commit. Raises LostError if its outcome, or its durability, is unknown.

        A batch that writes may wait long, for locks or its standby; only one that writes nothing has a time-out.
        """
        connection = lane.connection
        assert connection is not None
        writes = any(command.heads for command in lane.batch)
        try:
            async with asyncio.timeout(None if writes else PATIENCE):
                with warnings(connection) as heard:
                    await commit
        except Exception as error:
            if not _is_lost(connection, error):
                raise
            doubt.add(batch.answers)
            await self._end(lane)
            raise LostError(error) from error
        if heard:
            doubt.add(batch.answers)
            raise LostError(OutcomeUnknown())

    async def _end(self, lane: Lane) -> None:
        """Close the lane's connection. The server may still carry out what was sent on it."""
        if lane.connection is not None:
            with suppress(asyncpg.InterfaceError):  # which the pool may have taken back
                lane.connection.terminate()
        await self._let_go(lane)

    def _is_wanted(self, command: PendingCommand) -> bool:
        """Whether its caller still waits."""
        if command.outcome.done():
            self._fail(command, asyncio.CancelledError())
            return False
        return True

    def _answer(self, batch: Batch) -> None:
        for command, answer in batch.answers.items():
            command.succeed(answer)
        for command, refusal in batch.refused.items():
            self._fail(command, refusal)

    def _fail(self, command: PendingCommand, error: BaseException) -> None:
        for stream in command.unit.bases if isinstance(error, Conflict) else command.heads:
            command.known.drop(stream)
        command.fail(error)


def _is_lost(connection: Connection, error: Exception) -> bool:
    """Whether the error ended the connection, with or without the server's reason, or left the outcome unknown."""
    if isinstance(error, (*GONE, TimeoutError)) or getattr(error, "severity_en", None) in {"FATAL", "PANIC"}:
        return True
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:  # the pool has taken it back already
        return True
