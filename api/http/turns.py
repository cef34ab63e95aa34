"""Taking turns at what is expensive: so many at a time in a process, others wait, and too many are refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from api.http.reasons import Reason
from api.http.refusals import TooMany

RETRY_AFTER = 5
MOST_STREAMS = 100
MOST_OF_ONE = 10  # credential


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


class Streams:
    """Answers that have no end: so many in a process, and so many for each credential."""

    def __init__(self) -> None:
        self._open: Counter[UUID] = Counter()

    @contextmanager
    def opened(self, credential: UUID) -> Iterator[None]:
        """Raises TooMany."""
        if self._open.total() >= MOST_STREAMS or self._open[credential] >= MOST_OF_ONE:
            raise TooMany(RETRY_AFTER, Reason.BUSY)
        self._open[credential] += 1
        try:
            yield
        finally:
            self._open[credential] -= 1
            self._open += Counter()  # without those that have none any more
