"""Group commit: what has come while one transaction was written goes into the next, all of it together."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from eventstore.batch import GONE, Batch, Means, has_ended, is_lost
from eventstore.heads import Heads
from eventstore.lanes import Lane, Queue
from eventstore.log import Connection, Receipt
from eventstore.optimistic import OptimisticBatch
from eventstore.unit import Conflict
from eventstore.view import NeedsTransaction
from eventstore.waiting import Waiting

ROUNDS = 10
LOSSES = 5  # of the connection, before what waits is told of it
PAUSE = 0.05  # seconds until the next attempt at reaching the database; longer after each
PATIENCE = 30.0  # seconds in which a database that went away in the middle of a commit may come back

# Somebody else was faster, or waits for us as we wait for them: the same again may well succeed.
OVERTAKEN = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)
# A batch that counted on what has changed: read and held in a transaction, it may well succeed.
OPTIMISM_FAILED = (
    NeedsTransaction, asyncpg.SerializationError, asyncpg.NotNullViolationError, *OVERTAKEN
)  # fmt: skip
UNREACHABLE = (*GONE, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, asyncpg.InterfaceError, OSError)


class OutcomeUnknown(Exception):
    """The database went away in the middle of a commit, and did not come back to say what became of it."""


class LostError(Exception):
    """The connection ended before the commit: nothing was written."""


class Writer:
    """Writes commands in the order in which they were decided on, large ones beside the others.

    Nothing runs when nothing waits.
    """

    def __init__(self, pool: asyncpg.Pool, means: Means, heads: Heads, *, sync: float) -> None:
        self._pool = pool
        self._means = means
        self._heads = heads
        self._queue = Queue(sync)
        self._lanes = (Lane(), Lane(), Lane(is_large=True))

    def submit(self, command: Waiting) -> None:
        """Those that come after may count on it at once: they are written after it, or not at all."""
        for stream, head in command.heads.items():
            self._heads.push(stream, head)
        self._queue.append(command)
        self._go_on()

    async def close(self) -> None:
        """Returns when nobody waits any more. What nobody waits for is undone, or is written whole."""
        while tasks := {lane.task for lane in self._lanes if lane.task}:
            for lane in self._lanes:
                if lane.task and all(command.outcome.done() for command in lane.batch):
                    lane.task.cancel()
            await asyncio.wait(tasks)

    def _go_on(self) -> None:
        for lane in self._lanes:
            if lane.task is None and self._queue.has_work_for(lane, self._lanes):
                lane.task = asyncio.create_task(self._drain(lane))

    async def _drain(self, lane: Lane) -> None:
        has_failed = True
        try:
            while batch := self._queue.next(lane, self._lanes) or await self._pause(lane):
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

    async def _pause(self, lane: Lane) -> Sequence[Waiting]:
        """What has come while the connection went back. It is kept as long as there is something to write: to get one
        from the pool takes longer than a round trip.
        """
        await self._let_go(lane)
        return self._queue.next(lane, self._lanes)

    async def _let_go(self, lane: Lane) -> None:
        connection, lane.connection = lane.connection, None
        if connection is not None:
            await self._pool.release(connection)

    async def _write(self, lane: Lane, batch: Sequence[Waiting]) -> None:
        """At once, where all goes well; in another transaction, in which each stands for itself, where one fails."""
        careful = False
        losses = 0
        error: Exception = Conflict()
        for _round in range(ROUNDS):
            batch = [command for command in batch if self._is_wanted(command)]
            if not batch:
                return
            try:
                done = await self._attempt(lane, batch, careful=careful)
            except OVERTAKEN:
                pass
            except LostError as lost:
                losses += 1
                error = lost.args[0]
                if losses > LOSSES:
                    break
                await asyncio.sleep(PAUSE * losses)
            except OutcomeUnknown as unknown:
                error = unknown
                break
            except Exception as failure:
                error = failure
                if careful or len(batch) == 1:
                    break
                careful = True
            else:
                self._tell(done)
                return
        apart = len(batch) > 1 and not isinstance(error, OutcomeUnknown) and losses <= LOSSES
        await self._give_up(lane, batch, error, apart=apart)

    async def _give_up(self, lane: Lane, batch: Sequence[Waiting], error: Exception, *, apart: bool) -> None:
        for command in batch:
            if apart:
                await self._write(lane, [command])
            else:
                self._fail(command, error)

    async def _attempt(self, lane: Lane, commands: Sequence[Waiting], *, careful: bool) -> Batch:
        """Committed when this returns. Raises LostError, OutcomeUnknown."""
        if lane.connection is not None and has_ended(lane.connection):
            await self._let_go(lane)
        try:
            connection = lane.connection = lane.connection or await self._pool.acquire()
        except UNREACHABLE as error:
            raise LostError(error) from error
        if not careful and all(command.is_simple for command in commands):
            done = await self._optimistically(connection, commands)
            if done is not None:
                return done
        return await self._in_transaction(connection, commands, careful=careful)

    async def _optimistically(self, connection: Connection, commands: Sequence[Waiting]) -> Batch | None:
        """None when it takes a transaction."""
        batch = OptimisticBatch(connection, self._means)
        session = connection.get_server_pid()
        try:
            await batch.write(commands)
        except OPTIMISM_FAILED:
            return None
        except Exception as error:
            if not is_lost(connection, error):
                raise
            await self._find_out(connection, batch, session, error)
        return batch

    async def _in_transaction(self, connection: Connection, commands: Sequence[Waiting], *, careful: bool) -> Batch:
        batch = Batch(connection, self._means, careful=careful)
        session, transaction = connection.get_server_pid(), connection.transaction()
        try:
            await transaction.start()
            await batch.write(commands)
        except BaseException as error:
            if isinstance(error, Exception) and is_lost(connection, error):
                self._forget()
                raise LostError(error) from error
            await transaction.rollback()
            raise
        try:
            await transaction.commit()
        except Exception as error:
            if not is_lost(connection, error):
                raise
            await self._find_out(connection, batch, session, error)
        return batch

    async def _find_out(self, connection: Connection, batch: Batch, session: int, error: Exception) -> None:
        """Returns when what was sent before the connection was lost is committed, else raises LostError."""
        self._forget()
        with suppress(asyncpg.InterfaceError):  # which the pool may have taken back
            connection.terminate()
        if batch.receipt is not None and not await self._was_written(batch.receipt, session):
            raise LostError(error) from error

    def _forget(self) -> None:
        """What comes back may be another server, that lacks what this one had last."""
        self._heads.clear()
        self._means.memory.clear()

    async def _was_written(self, receipt: Receipt, session: int) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    # An error of any kind is no answer: a disk that is full, for one, lets nobody in.
                    with suppress(asyncpg.PostgresError, *UNREACHABLE):
                        async with self._pool.acquire() as connection:
                            written = await self._means.log.was_written(connection, receipt, session)
                            if written is not None:
                                return written
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise OutcomeUnknown from None

    def _is_wanted(self, command: Waiting) -> bool:
        """Whether its caller still waits."""
        if command.outcome.done():
            self._fail(command, asyncio.CancelledError())
            return False
        return True

    def _tell(self, batch: Batch) -> None:
        for command, shown in batch.shown.items():
            command.succeed(shown)
        for command, refusal in batch.refused.items():
            self._fail(command, refusal)

    def _fail(self, command: Waiting, error: BaseException) -> None:
        for stream in command.unit.bases if isinstance(error, Conflict) else command.heads:
            self._heads.drop(stream)
        command.fail(error)
