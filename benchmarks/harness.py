"""Rounds of measurements: each of them once in a round, in an order drawn anew; medians, and ratios within rounds."""

import asyncio
import random
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from statistics import median
from typing import TypeAlias

import msgspec

Figures: TypeAlias = dict[str, float]
Run: TypeAlias = Callable[[float], Awaitable[Figures]]  # for so many seconds
Act: TypeAlias = Callable[[int], Awaitable[object]]  # the so-manieth
PER_SECOND, P50, P99, COUNT = "per second", "p50 ms", "p99 ms", "count"
WARMING_UP = 0.1  # of a run's time


class Unavailable(Exception):
    """A peer, or a tool, is not to be had here; the message says why."""


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured, and for how long."""

    rounds: int
    seconds: float  # of a run
    concurrencies: tuple[int, ...]
    sizes: tuple[int, ...]  # customers in a store
    lengths: tuple[int, ...]  # events of a stream
    events: int  # to be replayed
    shop: int = 1_000  # customers to whom something happens


FULL = Scale(
    rounds=5,
    seconds=1.5,
    concurrencies=(1, 8, 32, 128),
    sizes=(10_000, 100_000, 1_000_000),
    lengths=(10, 100, 1_000),
    events=2_000_000,
)
QUICK = Scale(
    rounds=3, seconds=0.5, concurrencies=(1, 32), sizes=(1_000, 10_000), lengths=(10, 100), events=100_000, shop=200
)
AT_ONCE = 32  # commands or requests, wherever a single figure stands for all


class Row(msgspec.Struct):
    """What was measured of one thing: each figure, in each round. `at` is how many at once, or how large."""

    name: str
    at: int = 0
    rounds: dict[str, list[float]] = {}
    note: str = ""  # why there is nothing, if so


class Found(msgspec.Struct):
    """The rows of a section."""

    rows: list[Row]

    def row(self, name: str, at: int = 0) -> Row | None:
        """None when it could not be measured."""
        return next((row for row in self.rows if row.name == name and row.at == at and row.rounds), None)

    def median(self, figure: str, name: str, at: int = 0) -> float | None:
        row = self.row(name, at)
        return None if row is None or figure not in row.rounds else median(row.rounds[figure])

    def ratio(self, figure: str, name: str, to: str, at: int = 0, to_at: int | None = None) -> float | None:
        """The median of the rounds' own ratios: what slows the machine down for a while slows both."""
        one, other = self.row(name, at), self.row(to, at if to_at is None else to_at)
        if one is None or other is None:
            return None
        return median(a / b for a, b in zip(one.rounds[figure], other.rounds[figure], strict=True))


async def measure(
    runs: Iterable[tuple[Row, Run]],
    scale: Scale,
    *,
    before_each: Callable[[], Awaitable[None]] | None = None,
    warm_up: bool = True,
) -> list[Row]:
    """The rows, filled. To warm up, all run once for a moment first, which doesn't count."""
    order = list(runs)
    rows = [row for row, _ in order]
    for number in range(0 if warm_up else 1, scale.rounds + 1):
        if before_each is not None:
            await before_each()
        if number:
            random.shuffle(order)
        for row, run in order:
            say(f"round {number} of {scale.rounds}: {row.name} {row.at or ''}")
            figures = await run(scale.seconds if number else scale.seconds * WARMING_UP)
            if number:
                for name, figure in figures.items():
                    row.rounds.setdefault(name, []).append(float(f"{figure:.5g}"))
    say("")
    return rows


async def rate(act: Act, concurrency: int, seconds: float) -> Figures:
    """So many at once, again and again."""
    times: list[float] = []
    deadline = time.perf_counter() + seconds

    async def client() -> None:
        before, after = time.perf_counter(), 0.0
        while after < deadline:
            await act(next_number())
            after = time.perf_counter()
            times.append(after - before)
            before = after

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(concurrency)))
    return summary(times, time.perf_counter() - started)


def summary(times: Sequence[float], seconds: float) -> Figures:
    ordered = sorted(times)
    return {
        COUNT: len(ordered),
        PER_SECOND: len(ordered) / seconds,
        P50: ordered[len(ordered) // 2] * 1_000,
        P99: ordered[int(len(ordered) * 0.99)] * 1_000,
    }


def say(text: str) -> None:
    """How far it is, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


class _Numbers:
    last = 0


def next_number() -> int:
    """Never the same again, so that what is made with it is new."""
    _Numbers.last += 1
    return _Numbers.last
