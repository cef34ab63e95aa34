"""Tables, for people at a terminal and for pages; the same cells in both."""

from collections.abc import Sequence
from typing import NamedTuple

import rich.box
import rich.table
from rich.console import Console

WIDTH = 150


class Table(NamedTuple):
    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()


def number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def show(table: Table) -> None:
    drawn = rich.table.Table(title=table.title, title_justify="left", title_style="bold", box=rich.box.SIMPLE_HEAD)
    for place, name in enumerate(table.header):
        drawn.add_column(name, justify="right" if place else "left")
    for line in table.lines:
        drawn.add_row(*line)
    console = Console(width=WIDTH, highlight=False)
    console.print(drawn)
    for remark in table.remarks:
        console.print(remark)


def markdown(table: Table) -> str:
    rule = ["---", *["--:"] * (len(table.header) - 1)]
    drawn = "\n".join(f"| {' | '.join(line)} |" for line in (table.header, rule, *table.lines))
    return "\n\n".join([f"**{table.title}**", drawn, *table.remarks])
