"""Commands that wait to be written: which go into one batch, and which are written beside it."""

import asyncio
from collections import deque
from collections.abc import Collection, Sequence

from asyncpg.pool import PoolConnectionProxy

from eventstore.commit.command import PendingCommand
from eventstore.log.log import MAX_KEYS

MAX_COMMANDS = 128  # in one batch
MAX_BYTES = 1_000_000  # of events in one batch, unless a single command has more
MAX_LAYERS = 15  # above the first, in one batch
PARTS = 4  # of all keys; beside other processes that write the same, a batch takes one part and leaves them the rest


class Lane:
    """Writes one batch after the other; `batch` is being written, on `connection`."""

    def __init__(self, *, is_large: bool = False) -> None:
        self.is_large = is_large
        self.batch: Sequence[PendingCommand] = ()
        self.task: asyncio.Task[None] | None = None
        self.connection: PoolConnectionProxy | None = None


class Queue:
    """Commands in the order in which they were decided on."""

    def __init__(self) -> None:
        self._waiting: deque[PendingCommand] = deque()
        self._large = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, command: PendingCommand) -> None:
        self._waiting.append(command)
        self._large += command.is_large

    def has_work_for(self, lane: Lane) -> bool:
        return self._large > 0 if lane.is_large else len(self._waiting) > self._large

    def next(self, lane: Lane, lanes: Collection[Lane], parts: int = 1) -> list[PendingCommand]:
        """The next batch; with several parts, only commands in the part of the oldest.

        A command waits if it shares a key with one that is left waiting or is being written.
        """
        batch: list[PendingCommand] = []
        left: list[PendingCommand] = []
        size = layers = 0
        busy = {key for each in lanes if each is not lane for command in each.batch for key in command.keys}
        keys, touched = set[int](), set[int]()
        while self._waiting and len(batch) < MAX_COMMANDS:
            command = self._waiting.popleft()
            again = not touched.isdisjoint(command.touched)
            full = batch and (size + command.size > MAX_BYTES or len(keys) + len(command.keys) > MAX_KEYS)
            apart = command.is_large is not lane.is_large or (batch and (command.about - batch[0].about) % parts)
            if full or apart or (again and layers == MAX_LAYERS) or busy & command.keys:
                busy |= command.keys
                left.append(command)
                continue
            touched = command.touched | (set() if again else touched)
            layers += again
            keys |= command.keys
            size += command.size
            batch.append(command)
        self._waiting.extendleft(reversed(left))
        self._large -= len(batch) if lane.is_large else 0
        return batch
