"""Rows of read models, kept in the process: what the next command changes, without reading it again."""

from collections import OrderedDict
from typing import Any, NamedTuple

KEPT = 10_000


class Remembered(NamedTuple):
    """A row, and the mark that PostgreSQL gives it anew whenever it is written: `xmin`."""

    row: Any
    mark: int


class Memory:
    """What this process has seen last, the least recently used of which it forgets.

    It may be behind the database. Who counts on it has the marks compared in the statement that writes (see `Ahead`).
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, int], Remembered] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, table: str, id_: int) -> Remembered | None:
        known = self._rows.get((table, id_))
        if known is not None:
            self._rows.move_to_end((table, id_))
        return known

    def keep(self, table: str, id_: int, row: Any, mark: int) -> None:
        self._rows[table, id_] = Remembered(row, mark)
        self._rows.move_to_end((table, id_))
        if len(self._rows) > KEPT:
            self._rows.popitem(last=False)

    def drop(self, table: str, id_: int) -> None:
        self._rows.pop((table, id_), None)

    def clear(self) -> None:
        self._rows.clear()
