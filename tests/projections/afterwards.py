"""Read models that do something more with the events that they are given."""

from collections.abc import Awaitable, Callable, Sequence

from domain.event import Recorded
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection, Session
from projections.live.projector import BatchView, ReadModels
from projections.live.row_cache import RowCache

Act = Callable[[Session, Sequence[Recorded]], Awaitable[None]]


class ViewAfterwards(BatchView):
    act: Act

    async def apply(self, events: Sequence[Recorded]) -> None:
        await super().apply(events)
        await self.act(self, events)


class Afterwards(ReadModels):
    def __init__(self, log: Log, act: Act) -> None:
        super().__init__(log)
        self._act = act

    async def begin(self, on: Connection, events: Sequence[Recorded], cache: RowCache, *, is_locked: bool) -> BatchView:
        view = ViewAfterwards(on, self._log, cache, events, is_locked=is_locked)
        view.act = self._act
        await view.load()
        return view
