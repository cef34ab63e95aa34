"""Rows of read models in one transaction, as found and as its events leave them: read at once, written at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import astuple

from eventstore.view import View
from projections.projection import Projection
from projections.table import WORTH_A_COPY, Table, encode_json

Found = Mapping[str, dict[int, Any]]


class Rows:
    """Locked from when they are loaded until the transaction ends.

    `found` is what is in the database, `now` what is to be there. In `now`, None stands for a row that is not there.
    """

    def __init__(self, view: View, projections: Sequence[Projection[Any]]) -> None:
        self._view = view
        self._projections = projections
        self.found: dict[str, dict[int, Any]] = {projection.name: {} for projection in projections}
        self.now = view.rows
        self.now.update({projection.name: {} for projection in projections})

    async def load(self, keys: Mapping[str, Iterable[int]]) -> None:
        """Those that are not here yet, in order of tables and ids, so that no two writers wait for each other."""
        wanted = {name: missing for name, ids in keys.items() if (missing := set(ids) - self.now[name].keys())}
        if not wanted:
            return
        tables = [projection.table for projection in self._projections if projection.name in wanted]
        query = f"SELECT {', '.join(table.locking(number) for number, table in enumerate(tables, 1))}"
        record = await self._view.connection.fetchrow(query, *(sorted(wanted[table.name]) for table in tables))
        for table, found in zip(tables, record or (), strict=True):
            rows = {row.id: row for row in table.decode(found)} if found else {}
            self.found[table.name] |= rows
            self.now[table.name] |= dict.fromkeys(wanted[table.name]) | rows

    def change(self, rows: Mapping[str, Mapping[int, Any]]) -> None:
        for name, changed in rows.items():
            self.now[name].update(changed)
        self._view.save_later(self._save)

    async def _save(self) -> None:
        """Raises asyncpg.UniqueViolationError when someone else has just made a new row."""
        statement = Statement()
        for projection in self._projections:
            found, now = self.found[projection.name], self.now[projection.name]
            if changed := {id_: row for id_, row in now.items() if row is not found.get(id_)}:
                await self._write(projection.table, found, changed, statement)
                self.found[projection.name] = {id_: row for id_, row in now.items() if row is not None}
        if statement.parts:
            await self._view.connection.execute(*statement.whole())

    async def _write(
        self, table: Table[Any], found: Mapping[int, Any], changed: Mapping[int, Any], statement: "Statement"
    ) -> None:
        new = [row for id_, row in changed.items() if row is not None and id_ not in found]
        if len(new) >= WORTH_A_COPY:
            await table.copy(self._view.connection, new)
        elif new:
            statement.add(table.inserting, encode_json(new).decode())
        kept = [(found[id_], row) for id_, row in changed.items() if row is not None and id_ in found]
        if names := _differing(table.names, kept):
            rows = [{"id": row.id} | {name: getattr(row, name) for name in names} for _before, row in kept]
            ids = [row.id for _before, row in kept]
            statement.add(partial(table.updating, names), encode_json(rows).decode(), ids)
        if gone := [id_ for id_, row in changed.items() if row is None]:
            statement.add(table.deleting, gone)


class Statement:
    """Of many parts, each with parameters of its own."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._arguments: list[Any] = []

    def add(self, part: Callable[[int], str], *arguments: Any) -> None:
        """`part` is told the number of its first parameter."""
        self.parts.append(part(len(self._arguments) + 1))
        self._arguments += arguments

    def whole(self) -> list[Any]:
        named = ", ".join(f"part{number} AS ({part})" for number, part in enumerate(self.parts))
        return [f"WITH {named} SELECT", *self._arguments]


def _differing(names: Sequence[str], rows: Iterable[tuple[Any, Any]]) -> list[str]:
    """Columns in which any row after is not as it was before: what is the same object is not even compared."""
    differing: set[int] = set()
    for before, after in rows:
        pairs = enumerate(zip(astuple(before), astuple(after), strict=True))
        differing.update(i for i, (old, new) in pairs if old is not new and old != new)
    return [names[i] for i in sorted(differing)]
