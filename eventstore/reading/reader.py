"""What commands read: streams, cached ones first, and new ids. Many commands, few round trips."""

from collections.abc import Sequence

from domain.event import Stream
from eventstore.log.log import History, Log
from eventstore.postgres.connection import Executor
from eventstore.reading.coalesce import Coalescer

NEXT_IDS = "SELECT nextval($1::text::regclass) FROM generate_series(1, $2)"


class Reader:
    """`on` is the pool, or the connection of a batch that holds what is read."""

    def __init__(self, on: Executor, log: Log) -> None:
        self.on = on
        self.log = log
        self._stream = Coalescer(self._streams)
        self._ids: dict[str, Coalescer[int, list[int]]] = {}

    async def streams(self, streams: Sequence[Stream]) -> History:
        """All events of these streams, as they are in the log now."""
        if len(streams) == 1:
            return await self._stream(streams[0])
        return await self.log.streams(self.on, streams)

    async def _streams(self, streams: Sequence[Stream]) -> list[History]:
        history = await self.log.streams(self.on, set(streams))
        events, keys = history.by_stream(), history.keys
        return [History(events.get(stream, []), {stream: keys[stream]} if stream in keys else {}) for stream in streams]

    async def next_ids(self, kind: str, count: int) -> list[int]:
        if kind not in self._ids:

            async def draw(counts: Sequence[int]) -> list[list[int]]:
                ids = iter(await self.on.fetch(NEXT_IDS, f"{kind}_ids", sum(counts)))
                return [[next(ids)[0] for _ in range(count)] for count in counts]

            self._ids[kind] = Coalescer(draw)
        return await self._ids[kind](count)
