"""Folded streams, cached in the process: the next command on a stream need not read it again."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from domain.event import Decider, Forgotten, Recorded, Stream
from eventstore.log.digest import NONE
from eventstore.postgres.stream_ids import End
from eventstore.sealing.payloads import DataKey

CAPACITY = 10_000


class Head:
    """A stream's state at a version, the digest of its last event, and the key that seals the next, if it has one.

    Until it `is_written`, the command that leads to it is not in the log.
    """

    __slots__ = ("digest", "is_written", "key", "state", "version")

    def __init__(
        self, state: Any, version: int, digest: bytes, key: DataKey | None, *, is_written: bool = True
    ) -> None:
        self.state = state
        self.version = version
        self.digest = digest
        self.key = key
        self.is_written = is_written

    @property
    def end(self) -> End:
        return End(self.version, self.digest)

    def after(self, decider: Decider[Any], events: Iterable[Recorded], key: DataKey | None) -> "Head":
        """The head after more events."""
        state, version, digest = self.state, self.version, self.digest
        for recorded in events:
            if not isinstance(recorded.event, Forgotten):
                state = decider.evolve(state, recorded.event)
            version, digest = recorded.version, recorded.digest
        return Head(state, version, digest, key)


def beginning(decider: Decider[Any]) -> Head:
    """The head of a stream that does not exist."""
    return Head(decider.initial, 0, NONE, None)


class StreamCache:
    """The newest heads that this process knows; it drops the least recently used.

    A head may be behind the log, if other processes write, or ahead of it, if its command still waits and may fail.
    `Batch` verifies each head that a command was decided on.
    """

    def __init__(self, capacity: float = CAPACITY) -> None:
        self._capacity = capacity
        self._heads: OrderedDict[Stream, Head] = OrderedDict()

    def newest(self, stream: Stream) -> Head | None:
        head = self._heads.get(stream)
        if head is not None:
            self._heads.move_to_end(stream)
        return head

    def read(self, stream: Stream, head: Head) -> Head:
        """Cache a head that was read, unless a newer one is cached. Returns the newest.

        If two have the same version, the log's is right: the other was lost.
        """
        known = self._heads.get(stream)
        if known is not None and (known.version > head.version or known.end == head.end):
            return known
        if head.version:  # a stream that is not there is not worth a place
            self.push(stream, head)
        return head

    def push(self, stream: Stream, head: Head) -> None:
        self._heads[stream] = head
        self._heads.move_to_end(stream)
        if len(self._heads) > self._capacity:
            self._heads.popitem(last=False)

    def drop(self, stream: Stream) -> None:
        self._heads.pop(stream, None)
