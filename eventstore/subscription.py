"""Following the log: every event after a position, in order, as it is committed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import asyncpg

CHANNEL = "stored_events"
PAGE = 500
POLL_SECONDS = 1.0

T = TypeVar("T")


class Subscription(Generic[T]):
    """`async with` it, then `async for` an event at a time; it ends when stopped.

    LISTEN only wakes it: it reads by position, polls when nothing wakes it, and connects again when its connection is
    lost, so no notification that goes astray can make it miss an event.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        page: Callable[[int, int], Awaitable[list[T]]],
        position: Callable[[T], int],
        *,
        after: int = 0,
    ):
        self._pool = pool
        self._page = page
        self._position = position
        self._after = after
        self._waiting: list[T] = []
        self._woken = asyncio.Event()
        self._stopped = False
        self._listening = AsyncExitStack()
        self._connection: asyncpg.pool.PoolConnectionProxy | None = None

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()
        await self._listening.aclose()

    def stop(self) -> None:
        """End the iteration once what has been read is delivered."""
        self._stopped = True
        self._woken.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._waiting:
            if self._stopped:
                raise StopAsyncIteration
            self._woken.clear()
            try:
                await self._listen()
                self._waiting = (await self._page(self._after, PAGE))[::-1]
            except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.CannotConnectNowError, OSError):
                self._connection = None  # the next round connects again
            if not self._waiting:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
        event = self._waiting.pop()
        self._after = self._position(event)
        return event

    async def _listen(self) -> None:
        """Before the first read, and again after a lost connection."""
        if self._connection is not None and not self._connection.is_closed():
            return
        await self._listening.aclose()
        self._listening = AsyncExitStack()
        connection = await self._listening.enter_async_context(self._pool.acquire())
        await connection.add_listener(CHANNEL, self._wake)
        self._listening.push_async_callback(_unlisten, connection, self._wake)
        self._connection = connection

    def _wake(self, *_notification: Any) -> None:
        self._woken.set()


async def _unlisten(connection: asyncpg.pool.PoolConnectionProxy, callback: Callable[..., None]) -> None:
    with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
        await connection.remove_listener(CHANNEL, callback)
