"""Rows of read models, cached in the process: what the next command changes, without reading it again."""

from collections import OrderedDict
from typing import Any, NamedTuple

MOST_ROWS = 10_000


class Marked(NamedTuple):
    """A row, and the mark that PostgreSQL gives it anew whenever it is written: `xmin`."""

    row: Any
    mark: int


class RowCache:
    """The rows that this process has read or written last; it drops the least recently used.

    It may be behind the database: the statement that writes compares the marks (see `Table.updating`).
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, int], Marked] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, table: str, id_: int) -> Marked | None:
        cached = self._rows.get((table, id_))
        if cached is not None:
            self._rows.move_to_end((table, id_))
        return cached

    def put(self, table: str, id_: int, row: Any, mark: int) -> None:
        self._rows[table, id_] = Marked(row, mark)
        self._rows.move_to_end((table, id_))
        if len(self._rows) > MOST_ROWS:
            self._rows.popitem(last=False)

    def drop(self, table: str, id_: int) -> None:
        self._rows.pop((table, id_), None)

    def clear(self) -> None:
        self._rows.clear()
