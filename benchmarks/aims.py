"""What we want to reach, in ratios to what was measured in the same run."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from benchmarks.appends import CREATE, LOG_ALONE, PAY, PGBENCH, RECORDER, SET_PRIMARY
from benchmarks.growth import COMMANDS, growth_of
from benchmarks.harness import AT_ONCE, P99, PER_SECOND, Found
from benchmarks.report import Table, ratio
from benchmarks.web import BARE_HISTORY, BARE_LIST, BARE_SEARCH, GET, HISTORY, INSERT, LIST, SEARCH, SELECT
from benchmarks.web import CREATE as HTTP_CREATE
from benchmarks.web import PAY as HTTP_PAY
from benchmarks.web import SET_PRIMARY as HTTP_SET_PRIMARY

Sections = Mapping[str, Found]


class Aim(NamedTuple):
    """`is_floor` of what is to be reached, else of what is not to be passed."""

    of: str
    section: str
    bound: float
    find: Callable[[Found], float | None]
    is_floor: bool = True

    def is_met(self, found: float) -> bool:
        return found >= self.bound if self.is_floor else found <= self.bound


def _of_commands(name: str, to: str) -> Callable[[Found], float | None]:
    return lambda found: found.ratio(PER_SECOND, name, to, AT_ONCE)


def _of_requests(name: str, to: str) -> Callable[[Found], float | None]:
    return lambda found: found.ratio(PER_SECOND, name, to)


def _p99(name: str) -> Callable[[Found], float | None]:
    return lambda found: found.median(P99, name)


def _grown(name: str) -> Callable[[Found], float | None]:
    return lambda found: growth_of(found, name)


AIMS = (
    Aim("log alone, of pgbench's INSERT", "appends", 1.5, _of_commands(LOG_ALONE, PGBENCH)),
    Aim("log alone, of eventsourcing's recorder", "appends", 25, _of_commands(LOG_ALONE, RECORDER)),
    *(
        Aim(
            f"{name.partition(': ')[2]} with read models, of pgbench's INSERT",
            "appends",
            0.5,
            _of_commands(name, PGBENCH),
        )
        for name in (CREATE, SET_PRIMARY, PAY)
    ),
    Aim("HTTP get one, of a bare SELECT", "web", 0.85, _of_requests(GET, SELECT)),
    Aim("HTTP list, of the same rows bare", "web", 0.6, _of_requests(LIST, BARE_LIST)),
    Aim("HTTP search, of the same rows bare", "web", 0.6, _of_requests(SEARCH, BARE_SEARCH)),
    Aim("HTTP history, of the same events bare", "web", 0.4, _of_requests(HISTORY, BARE_HISTORY)),
    Aim("HTTP create, of a bare INSERT", "web", 0.6, _of_requests(HTTP_CREATE, INSERT)),
    *(
        Aim(f"HTTP {name}, p99 in ms", "web", 25, _p99(name), is_floor=False)
        for name in (GET, HTTP_CREATE, HTTP_SET_PRIMARY, HTTP_PAY)
    ),
    *(
        Aim(f"{name}, cost in the largest store of that in the smallest", "growth", 1.15, _grown(name), is_floor=False)
        for name in COMMANDS
    ),
)


def table(sections: Sections) -> Table | None:
    """None when nothing that was measured has an aim."""
    lines: list[list[str]] = []
    for aim in AIMS:
        found = aim.find(sections[aim.section]) if aim.section in sections else None
        if found is not None:
            bound = f"{'≥' if aim.is_floor else '≤'} {aim.bound:g}"
            lines.append([aim.of, bound, ratio(found), "met" if aim.is_met(found) else "not met"])
    return Table(f"Aims, {AT_ONCE} at once", ("", "aim", "found", ""), lines) if lines else None
