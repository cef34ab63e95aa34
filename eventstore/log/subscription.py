"""Following the log: every event after a position, in order, as it is committed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import asyncpg

from eventstore.postgres.away import UNREACHABLE, why_away

CHANNEL = "stored_events"
PAGE = 500
POLL_SECONDS = 1.0

T = TypeVar("T")


class Subscription(Generic[T]):
    """`async with` it, then `async for` an event at a time; it ends when stopped.

    LISTEN only wakes it: it reads by position, polls when nothing wakes it, and reconnects when its connection is lost,
    so a lost notification can't make it miss an event.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        page: Callable[[int, int], Awaitable[list[T]]],
        position: Callable[[T], int],
        *,
        after: int = 0,
    ) -> None:
        self._pool = pool
        self._page = page
        self._position = position
        self._after = after
        self._waiting: list[T] = []
        self._woken = asyncio.Event()
        self._stopped = False
        self._listening = AsyncExitStack()
        self._is_listening = False

    async def __aenter__(self) -> Self:
        try:
            await self._listen()
        except BaseException:  # also when it is cancelled: the pool waits for each of its connections
            await self._listening.aclose()
            raise
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        await self._listening.aclose()

    def stop(self) -> None:
        """End the iteration at once; the next subscription resumes after the last event that this one delivered."""
        self._stopped = True
        self._woken.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._stopped:
            if self._waiting:
                event = self._waiting.pop()
                self._after = self._position(event)
                return event
            self._woken.clear()
            try:
                await self._listen()
                self._waiting = (await self._page(self._after, PAGE))[::-1]
            except Exception as error:
                if why_away(error) is None:
                    raise
                # The next round connects again.
            if not self._waiting:
                with suppress(TimeoutError):  # not wait_for, which loses a cancellation that comes with the wake
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._woken.wait()
        raise StopAsyncIteration

    async def _listen(self) -> None:
        """Connects, before the first read and after a lost connection."""
        if self._is_listening:
            return
        await self._listening.aclose()
        self._listening = AsyncExitStack()
        connection = await self._listening.enter_async_context(self._pool.acquire())
        await connection.add_listener(CHANNEL, self._wake)
        connection.add_termination_listener(self._lose)
        self._listening.push_async_callback(self._unlisten, connection)
        self._is_listening = True

    async def _unlisten(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        self._is_listening = False
        with suppress(*UNREACHABLE):
            connection.remove_termination_listener(self._lose)
            await connection.remove_listener(CHANNEL, self._wake)

    def _wake(self, *_notification: Any) -> None:
        self._woken.set()

    def _lose(self, _connection: Any) -> None:
        self._is_listening = False
        self._woken.set()
