"""What was read is trusted for less than the time that a revocation takes to be answered."""

import time
from typing import Generic, TypeVar

from service.credentials.passwords import TRUSTED

T = TypeVar("T")

MAX_KNOWN = 10_000
# Goes on while the machine sleeps, where there is such a clock.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Trusted(Generic[T]):
    """What is remembered under a mark."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[T, float]] = {}

    def get(self, mark: bytes, at: float) -> T | None:
        known = self._known.get(mark)
        return known[0] if known is not None and at < known[1] else None

    def remember(self, mark: bytes, value: T, asked_at: float) -> None:
        """`asked_at` is before the question: what was answered was true at some time after."""
        if len(self._known) >= MAX_KNOWN:  # one password can be written in many ways
            self._known.clear()
        self._known[mark] = value, asked_at + TRUSTED


def moment() -> float:
    return time.clock_gettime(CLOCK)
