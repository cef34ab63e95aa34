"""Decides overtaken commands again, under the locks, in the transaction that then writes them."""

from collections.abc import Iterable, Mapping
from math import inf
from typing import Any

from domain.event import Claim, Decider, Stream
from eventstore.commit.command import DATABASE, Decided, PendingCommand
from eventstore.commit.unit import Unit
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.postgres.stream_ids import End
from eventstore.reading.reader import Reader
from eventstore.reading.stream_cache import Head, StreamCache, beginning


class Again:
    """`ends` are the ends of all locked streams, `claims` the holders of all locked claims.

    It reads over the batch's own connection: the others of the pool may wait for its locks.
    """

    def __init__(
        self, connection: Connection, log: Log, ends: dict[Stream, End], claims: Mapping[Claim, Stream | None]
    ) -> None:
        self.ends = ends
        self._claims = claims
        self._connection = connection
        self._log = log
        self._reads = Reader(connection, log)
        self._held = StreamCache(inf)

    async def begin(self, commands: Iterable[PendingCommand], written: Mapping[Stream, Head]) -> None:
        """Read new events of the streams that these commands were decided on. `written` is not in the log yet."""
        moved: dict[Stream, tuple[Decider[Any], Head]] = {}
        for command in commands:
            for stream, base in command.unit.bases.items():
                if stream in written or stream in moved:
                    continue
                known = base if base.is_written else command.known.newest(stream)
                if known is not None and known.is_written and known.end == self.ends.get(stream):
                    self._held.push(stream, known)
                else:
                    decider = command.unit.deciders[stream]
                    in_log = known if known is not None and known.is_written else beginning(decider)
                    moved[stream] = decider, in_log
        await self._read(moved)
        self.count_on(written)

    def count_on(self, heads: Mapping[Stream, Head]) -> None:
        for stream, head in heads.items():
            self._held.push(stream, head)

    async def decide(self, command: PendingCommand) -> None:
        unit = Unit(
            self._reads,
            command.unit.by,
            self._held,
            trusts_new_ids=command.unit.trusts_new_ids and not self._has_begun(command.unit),
            locked=self._claims,
        )
        try:
            decided = Decided(await command.work(unit))
        except DATABASE:
            raise
        except Exception as refusal:
            decided = Decided(None, refusal)
        command.decide(unit, decided)
        for stream, head in command.heads.items():
            command.known.push(stream, head)

    def _has_begun(self, unit: Unit) -> bool:
        """Whether a stream that was taken as new exists: the next id may be in use, too."""
        return any(self.ends[stream].version for stream, base in unit.bases.items() if not base.version)

    async def _read(self, moved: Mapping[Stream, tuple[Decider[Any], Head]]) -> None:
        """Read new events only, if the known head is in the log; otherwise the whole stream."""
        if not moved:
            return
        history = await self._log.since(self._connection, {stream: head.version for stream, (_, head) in moved.items()})
        events, lost = history.by_stream(), []
        for stream, (decider, head) in moved.items():
            found = events.get(stream, [])
            if head.version and (not found or found[0].digest != head.digest):
                lost.append(stream)
            else:
                self._hold(stream, head.after(decider, found[bool(head.version) :], history.keys.get(stream)))
        if lost:
            history = await self._log.streams(self._connection, lost)
            events = history.by_stream()
            for stream in lost:
                decider = moved[stream][0]
                self._hold(stream, beginning(decider).after(decider, events.get(stream, []), history.keys.get(stream)))

    def _hold(self, stream: Stream, head: Head) -> None:
        self._held.push(stream, head)
        self.ends[stream] = head.end
