"""Waiting for more of the log: one reader of it for all followers of a process, however many they are."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from eventstore.log.subscription import Subscription
from eventstore.store import Reach, Store
from service.feed.pages import FeedPage, Wanted, page_after


class Following:
    """It holds a connection only while somebody follows, and none for each of them. Once it `has_ended`, because the
    process ends, nobody waits any more.
    """

    def __init__(self, store: Store) -> None:
        self.has_ended = False
        self._store = store
        self._followers = 0
        self._reach: Reach | None = None
        self._moved = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._reading: dict[tuple[int, Wanted, int], asyncio.Task[FeedPage]] = {}

    def end(self) -> None:
        self.has_ended = True
        self._moved.set()

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[Self]:
        """Who waits has joined."""
        self._followers += 1
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        try:
            yield self
        finally:
            self._followers -= 1
            if not self._followers:
                watching, self._watching, self._reach = self._watching, None, None
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching

    async def beyond(self, position: int, seconds: float) -> bool:
        """Whether there are events to be read behind a position, or the log ends before it: at once, or in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not (self._is_beyond(position) or self.has_ended):
                    await self._moved.wait()
                return True
        return False

    def _is_beyond(self, position: int) -> bool:
        return self._reach is not None and not self._reach.durable <= position <= self._reach.head

    async def page_after(self, after: int, wanted: Wanted, *, limit: int) -> FeedPage:
        """A page, read once for all who ask for it at the same time. Raises AheadOfTheLog."""
        key = after, wanted, limit
        if (reading := self._reading.get(key)) is None:
            reading = self._reading[key] = asyncio.create_task(page_after(self._store, after, wanted, limit=limit))
            reading.add_done_callback(lambda _reading: self._reading.pop(key))
        return await asyncio.shield(reading)

    async def _watch(self) -> None:
        async def moved(_after: int, _limit: int) -> list[Reach]:
            reach = await self._store.reach()
            return [] if reach == self._reach else [reach]

        async with Subscription(self._store.pool, moved, lambda reach: reach.durable) as reaches:
            async for reach in reaches:
                self._reach = reach
                self._moved.set()
                self._moved = asyncio.Event()
