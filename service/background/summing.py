"""Figures of the store by day, brought to the log's end when somebody looks. Nobody pays for them who does not."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from eventstore.store import Store
from projections.fold.days import Summed, bring_on, read
from service.background.every import attempt

logger = logging.getLogger("custodiary.summing")

# Whoever looks waits for so many new events, which takes 0.1 s at most, or for so many in a whole log; not for more.
FEW = 300
SMALL = 20_000


class Summing:
    """Sums the days of one store: for who looks, or in a task that it owns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: Summed | None = None
        self._task: asyncio.Task[None] | None = None

    async def look(self) -> Summed:
        """At the log's end; or at an earlier position, while what is new is being summed."""
        summed = self._known = await read(self._store.pool, self._known)
        if not summed.is_ours or summed.position == summed.head:
            return summed
        if summed.head - summed.position <= FEW or summed.head <= SMALL:
            self._known = await bring_on(self._store, summed)
            return self._known
        if self._task is None or self._task.done():
            work = attempt(lambda: bring_on(self._store, summed), logger, "figures by day could not be summed")
            self._task = asyncio.create_task(work)
        return summed

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task


@asynccontextmanager
async def summing(store: Store) -> AsyncIterator[Summing]:
    """Until the end of the block."""
    summing = Summing(store)
    try:
        yield summing
    finally:
        await summing.end()
