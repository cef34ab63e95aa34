"""Taking turns at what is expensive: so many at a time in a process, others wait, and too many are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.http.reasons import Reason
from api.http.refusals import TooMany

RETRY_AFTER = 5


class Turns:
    def __init__(self, at_once: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._room = at_once + waiting

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Raises TooMany."""
        if not self._room:
            raise TooMany(RETRY_AFTER, Reason.BUSY)
        self._room -= 1
        try:
            async with self._free:
                yield
        finally:
            self._room += 1
