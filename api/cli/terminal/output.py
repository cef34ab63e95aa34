"""What commands show: JSON for scripts, tables and bars for people."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column, Table
from rich.text import Text

from api.cli.terminal.naming import store_name
from eventstore.postgres.json import encode_numbers

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def say(line: str) -> None:
    """One line, as it is: terminals wrap, scripts want it whole. Ends the command when nobody reads it any more."""
    console.out(line, highlight=False)


def written(value: Any) -> str:
    """One line of JSON."""
    return encode_numbers(value).decode()


def print_json(value: Any) -> None:
    say(msgspec.json.format(written(value), indent=2))


def print_report(report: Mapping[str, Any] | Struct) -> None:
    """Prints JSON, with the name of the store that it is about."""
    store, fields = written(store_name()), written(report).removeprefix("{")
    say(msgspec.json.format(f'{{"store":{store},{fields}', indent=2))


def table(*columns: str | Column, **options: Any) -> Table:
    """However narrow the terminal, nothing is cut off: a column by its title takes as many lines as it needs."""
    folded = (Column(each, overflow="fold") if isinstance(each, str) else each for each in columns)
    return Table(*folded, box=None, **options)


class RateColumn(ProgressColumn):
    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f} {self._unit}/s" if task.speed else "")


@contextmanager
def progress_bar(title: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """A function that takes how much is done, and of how much. Shows on a terminal only; the rate, if it has a unit."""
    rate = (RateColumn(unit),) if unit else ()
    columns = (TextColumn(title), BarColumn(), TaskProgressColumn(), *rate, TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
