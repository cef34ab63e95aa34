"""What pages say about speed, written from what was measured: `python -m benchmarks.pages` renews it."""

import re
from collections.abc import Mapping
from pathlib import Path

from benchmarks import appends, feed, growth, imports, lists, streams, web, webhooks
from benchmarks.picture import draw
from benchmarks.report import Table, markdown
from benchmarks.result import LATEST, Result, read

ROOT = Path(__file__).parent.parent
PAGE, PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "bench.svg"
WRITTEN = re.compile(r"(<!-- written by `make bench` -->\n).*(<!-- until here -->)", re.DOTALL)


def renew(result: Result) -> None:
    for path, text in pages(result).items():
        path.write_text(text)


def pages(result: Result) -> Mapping[Path, str]:
    """Each page as it ought to be."""
    found = result.sections
    tables = [
        appends.table(found["appends"]),
        web.table(found["web"]),
        web.memory_table(found["web"]),
        growth.table(found["growth"]),
        streams.table(found["streams"]),
        imports.table(found["imports"]),
        lists.table(found["lists"]),
        feed.table(found["feed"]),
        webhooks.table(found["webhooks"]),
        webhooks.beside_table(found["webhooks"]),
    ]
    return {
        PAGE: _with(PAGE, tables, _where(result)),
        PICTURE: draw(result),
    }


def _with(path: Path, tables: list[Table], where: str) -> str:
    """The page, with these in the place that is for them."""
    written = "\n\n".join([where, *map(markdown, tables)])
    return WRITTEN.sub(lambda place: f"{place[1]}\n{written}\n\n{place[2]}", path.read_text())


def _where(result: Result) -> str:
    machine, rounds, load = result.machine, result.scale.rounds, result.load
    return (
        f"Medians of {rounds} rounds on {result.began_at:%Y-%m-%d}: {machine.cores} cores ({machine.processor}) for "
        f"clients, service and PostgreSQL {machine.postgresql}, {machine.memory_gb} GB, Python {machine.python}; "
        f"the disk syncs 8 kB in {machine.sync_ms:.2f} ms; load beside it {min(load):.1f} to {max(load):.1f}."
    )


if __name__ == "__main__":
    renew(read(LATEST))
