"""Deadlines of many requests at once, all of the same length."""

import asyncio


class Deadlines:
    """What began first is late first, so that one timer does for all. One for each request costs the loop far more."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[asyncio.Timeout, float] = {}  # in the order in which they are due
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, timeout: asyncio.Timeout) -> None:
        """It expires in time, unless it has ended: it must have been entered, and have no deadline of its own."""
        loop = asyncio.get_running_loop()
        self._until[timeout] = loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_later(self._seconds, self._expire, loop)

    def end(self, timeout: asyncio.Timeout) -> None:
        self._until.pop(timeout, None)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        now, self._timer = loop.time(), None
        while self._until:
            timeout, until = next(iter(self._until.items()))
            if until > now:
                self._timer = loop.call_at(until, self._expire, loop)
                return
            del self._until[timeout]
            timeout.reschedule(now)
