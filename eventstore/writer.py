"""Group commit: what has come while one transaction was written goes into the next, all of it together."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

import asyncpg

from eventstore.batch import GONE, Batch, Project, Waiting, is_lost
from eventstore.heads import Heads
from eventstore.log import MAX_KEYS, Log, Receipt
from eventstore.unit import Conflict

MAX_COMMANDS = 128  # in one transaction
MAX_BYTES = 1_000_000  # of events in one transaction, unless a single command has more
MAX_LAYERS = 15  # on the first, of commands that touch the same
ROUNDS = 10
LOSSES = 5  # of the connection, before what waits is told of it
PAUSE = 0.05  # seconds until the next attempt at reaching the database; longer after each
PATIENCE = 30.0  # seconds in which a database that went away in the middle of a commit may come back

# Somebody else was faster, or waits for us as we wait for them: the same again may well succeed.
OVERTAKEN = (asyncpg.UniqueViolationError, asyncpg.DeadlockDetectedError)
UNREACHABLE = (*GONE, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, asyncpg.InterfaceError, OSError)


class OutcomeUnknown(Exception):
    """The database went away in the middle of a commit, and did not come back to say what became of it."""


class LostError(Exception):
    """The connection ended before the commit: nothing was written."""


class Lane:
    """Batches one after the other; `batch` is the one that is being written, `keys` are its."""

    def __init__(self, *, is_large: bool) -> None:
        self.is_large = is_large
        self.batch: Sequence[Waiting] = ()
        self.keys: set[int] = set()
        self.waiting = 0
        self.task: asyncio.Task[None] | None = None


class Writer:
    """Writes commands in the order in which they were decided on, large ones beside the others.

    Nothing runs when nothing waits.
    """

    def __init__(self, pool: asyncpg.Pool, log: Log, project: Project, keep: Project, heads: Heads) -> None:
        self._pool = pool
        self._log = log
        self._project = project
        self._keep = keep
        self._heads = heads
        self._waiting: deque[Waiting] = deque()
        self._lanes = (Lane(is_large=False), Lane(is_large=True))

    def submit(self, command: Waiting) -> None:
        """Those that come after may count on it at once: they are written after it, or not at all."""
        for stream, head in command.heads.items():
            self._heads.push(stream, head)
        self._waiting.append(command)
        lane = self._lanes[command.is_large]
        lane.waiting += 1
        self._go_on(lane)

    async def close(self) -> None:
        """Returns when nobody waits any more. What nobody waits for is undone, or is written whole."""
        while tasks := {lane.task for lane in self._lanes if lane.task}:
            for lane in self._lanes:
                if lane.task and all(command.outcome.done() for command in lane.batch):
                    lane.task.cancel()
            await asyncio.wait(tasks)

    def _go_on(self, lane: Lane) -> None:
        if lane.task is None and lane.waiting:
            lane.task = asyncio.create_task(self._drain(lane))

    async def _drain(self, lane: Lane) -> None:
        other = self._lanes[not lane.is_large]
        has_failed = True
        try:
            while batch := self._next(lane, other.keys):
                lane.batch, lane.keys = batch, {key for command in batch for key in command.keys}
                try:
                    await self._write(batch)
                except BaseException as error:
                    for command in batch:
                        self._fail(command, error)
                    raise
                finally:
                    lane.batch, lane.keys = (), set()
                    self._go_on(other)  # where something may have waited for this batch
            has_failed = False
        finally:
            lane.task = None
            if has_failed:  # in a way that nobody foresaw: others may wait
                self._go_on(lane)

    def _next(self, lane: Lane, busy: set[int]) -> list[Waiting]:
        """What goes together. What touches the same as one that is left waiting, or is being written, waits as well."""
        batch: list[Waiting] = []
        left: list[Waiting] = []
        size = layers = 0
        busy, keys, touched = set(busy), set[int](), set[int]()
        while self._waiting and len(batch) < MAX_COMMANDS:
            command = self._waiting.popleft()
            again = not touched.isdisjoint(command.touched)
            full = batch and (size + command.size > MAX_BYTES or len(keys) + len(command.keys) > MAX_KEYS)
            if full or command.is_large is not lane.is_large or (again and layers == MAX_LAYERS) or busy & command.keys:
                busy |= command.keys
                left.append(command)
                continue
            touched = command.touched | (set() if again else touched)
            layers += again
            keys |= command.keys
            size += command.size
            batch.append(command)
        self._waiting.extendleft(reversed(left))
        lane.waiting -= len(batch)
        return batch

    async def _write(self, batch: Sequence[Waiting]) -> None:
        """One transaction, where all goes well; another, in which each command stands for itself, where one fails."""
        careful = False
        losses = 0
        error: Exception = Conflict()
        for _round in range(ROUNDS):
            batch = [command for command in batch if self._is_wanted(command)]
            if not batch:
                return
            try:
                done = await self._attempt(batch, careful=careful)
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
        await self._give_up(batch, error, apart=apart)

    async def _give_up(self, batch: Sequence[Waiting], error: Exception, *, apart: bool) -> None:
        for command in batch:
            if apart:
                await self._write([command])
            else:
                self._fail(command, error)

    async def _attempt(self, commands: Sequence[Waiting], *, careful: bool) -> Batch:
        """One transaction, committed when this returns. Raises LostError, OutcomeUnknown."""
        try:
            connection = await self._pool.acquire()
        except UNREACHABLE as error:
            raise LostError(error) from error
        try:
            batch = Batch(connection, self._log, self._project, self._keep, careful=careful)
            transaction = connection.transaction()
            try:
                await transaction.start()
                await batch.write(commands)
            except BaseException as error:
                if isinstance(error, Exception) and is_lost(connection, error):
                    self._heads.clear()  # what comes back may be another server, that lacks what this one had last
                    raise LostError(error) from error
                await transaction.rollback()
                raise
            try:
                await transaction.commit()
            except Exception as error:
                if not is_lost(connection, error):
                    raise
                self._heads.clear()
                with suppress(asyncpg.InterfaceError):  # which the pool may have taken back
                    connection.terminate()
                if batch.receipt is not None and not await self._was_written(batch.receipt):
                    raise LostError(error) from error
            return batch
        finally:
            await self._pool.release(connection)

    async def _was_written(self, receipt: Receipt) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    # An error of any kind is no answer: a disk that is full, for one, lets nobody in.
                    with suppress(asyncpg.PostgresError, *UNREACHABLE):
                        async with self._pool.acquire() as connection:
                            return await self._log.was_written(connection, receipt)
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
