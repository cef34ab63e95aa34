"""Charts as numbers for SVG. The policy forbids styles, so that all geometry is in attributes."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple, TypeAlias

WIDTH = 1000.0  # of every view box but a sparkline's; stretched to what there is
LEAST = 1.5  # of a bar's height, so that it is seen

BarKind: TypeAlias = Literal["up", "down", "none", "back", "void", "sum"]


class Steps(NamedTuple):
    """Path data of a step line, and of the area below it."""

    line: str
    area: str


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    kind: BarKind
    title: str
    key: str


class Summand(NamedTuple):
    """One part of a sum: `value` is added, `off` is what was taken off before, or does not count."""

    key: str
    title: str
    value: int
    off: int = 0


class Waterfall(NamedTuple):
    """`grid` are heights of lines behind the bars; the last bar is the sum."""

    bars: list[Bar]
    grid: list[float]


def steps(values: Sequence[float], *, height: float = 64, pad: float = 4) -> Steps:
    """A step for each value, the first at the left edge and the last at the right."""
    highest = max(values, default=0) or 1
    last = max(len(values) - 1, 1)
    points = [(n * WIDTH / last, height - pad - value / highest * (height - 2 * pad)) for n, value in enumerate(values)]
    if not points:
        return Steps("", "")
    [(x, y), *others] = points
    line = f"M{x:.1f},{y:.1f}{''.join(f'H{x:.1f}V{y:.1f}' for x, y in others)}"
    return Steps(line, f"{line}V{height:g}H0Z")


def waterfall(parts: Sequence[Summand], *, height: float = 220, pad: float = 4) -> Waterfall:
    """Each part begins where the sum of those before it ends. What is off goes on top of it."""
    sums = list(accumulate((part.value for part in parts), initial=0))
    tops = [max(before, after) for before, after in pairwise(sums)]
    low = min(sums)
    high = max([*sums, *(top + part.off for top, part in zip(tops, parts, strict=True))])
    slot = WIDTH / (len(parts) + 1)
    gap = min(6.0, slot * 0.28)

    def y(value: float) -> float:
        return height - pad - (value - low) / ((high - low) or 1) * (height - 2 * pad)

    def bar(n: int, upper: float, lower: float, kind: BarKind, part: Summand) -> Bar:
        size = max(y(lower) - y(upper), LEAST)
        return Bar(n * slot + gap / 2, y(upper), slot - gap, size, kind, part.title, part.key)

    bars = []
    for n, (part, (before, after), top) in enumerate(zip(parts, pairwise(sums), tops, strict=True)):
        if part.value or not part.off:
            kind: BarKind = "up" if part.value > 0 else "down" if part.value < 0 else "none"
            bars.append(bar(n, top, min(before, after), kind, part))
        if part.off:
            bars.append(bar(n, top + part.off, top, "back" if part.value else "void", part))
    bars.append(bar(len(parts), max(sums[-1], 0), min(sums[-1], 0), "sum", Summand("sum", "Sum", sums[-1])))
    return Waterfall(bars, [y(high * quarter / 4) for quarter in range(5)])


def columns(values: Sequence[tuple[str, float]], *, height: float = 160, head: float = 6) -> list[Bar]:
    """A bar for each titled value, all from the same ground; one below 0 hangs from it."""
    amounts = [value for _title, value in values]
    high, low = max([*amounts, 0]), min([*amounts, 0])
    scale = (height - head) / ((high - low) or 1)
    slot = WIDTH / max(len(values), 1)
    gap = min(10.0, slot * 0.3)
    ground = height + low * scale
    return [
        Bar(n * slot + gap / 2, ground - max(value, 0) * scale, slot - gap, abs(value) * scale,
            "up" if value >= 0 else "down", title, title)
        for n, (title, value) in enumerate(values)
    ]  # fmt: skip


def sparkline(values: Sequence[float], *, width: float = 120, height: float = 28, pad: float = 3) -> str:
    """Path data of a line from the least to the greatest value."""
    high, low = max(values, default=0), min(values, default=0)
    scale = (height - 2 * pad) / ((high - low) or 1)
    last = max(len(values) - 1, 1)
    points = (f"{n * width / last:.1f},{height - pad - (value - low) * scale:.1f}" for n, value in enumerate(values))
    return f"M{'L'.join(points)}" if values else ""


def quantiles(count: int, most: int, *also: int) -> list[int]:
    """At most `most` of so many places, evenly apart, with the first, the last, and these."""
    if count <= most:
        return list(range(count))
    spread: Iterable[int] = (n * (count - 1) // (most - 1) for n in range(most))
    return sorted({*spread, *also})
