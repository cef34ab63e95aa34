"""Rows of read models in one transaction, as found and as its events leave them: read at once, written at once."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec.structs import astuple

from eventstore.postgres.sql import Statement
from eventstore.postgres.view import NeedsTransaction, View
from projections.tables.projection import Projection
from projections.tables.table import WORTH_A_COPY, Table, encode_json

Found = Mapping[str, dict[int, Any]]


class Rows:
    """Locked from when they are loaded until the transaction ends; or, optimistic, remembered or read with marks.

    `found` is what is in the database, `now` what is to be there. In `now`, None stands for a row that is not there.
    """

    def __init__(self, view: View, projections: Sequence[Projection[Any]]) -> None:
        self._view = view
        self._projections = projections
        self._is_changed = False
        self._marks: dict[str, dict[int, int]] = {projection.name: {} for projection in projections}
        self.found: dict[str, dict[int, Any]] = {projection.name: {} for projection in projections}
        self.now = view.rows
        self.now.update({projection.name: {} for projection in projections})

    async def load(self, keys: Mapping[str, Iterable[int]], made: Mapping[str, Collection[int]]) -> None:
        """Those that are not here yet, in order of tables and ids, so that no two writers wait for each other.

        `made` are those that can't be there before the events. Optimistic, they are not even looked for: where one is
        there, it is in the way of the insert.
        """
        wanted = {name: missing for name, ids in keys.items() if (missing := set(ids) - self.now[name].keys())}
        if self._view.is_optimistic:
            unknown = {name: self._recall(name, ids, made.get(name, ())) for name, ids in wanted.items()}
            wanted = {name: ids for name, ids in unknown.items() if ids}
        if not wanted:
            return
        tables = [projection.table for projection in self._projections if projection.name in wanted]
        asked = Table.marked if self._view.is_optimistic else Table.locking
        query = f"SELECT {', '.join(asked(table, number) for number, table in enumerate(tables, 1))}"
        record = await self._view.connection.fetchrow(query, *(sorted(wanted[table.name]) for table in tables))
        for table, found in zip(tables, record or (), strict=True):
            rows = {row.id: row for row in table.decode(found)} if found else {}
            self.found[table.name] |= rows
            self.now[table.name] |= dict.fromkeys(wanted[table.name]) | rows
            if found and self._view.is_optimistic:
                self._marks[table.name] |= table.marks(found)

    def _recall(self, name: str, ids: Iterable[int], made: Collection[int]) -> set[int]:
        """Those that are neither remembered nor made."""
        left = set[int]()
        for id_ in ids:
            if (known := self._view.memory.get(name, id_)) is not None:
                self.found[name][id_] = self.now[name][id_] = known.row
                self._marks[name][id_] = known.mark
            elif id_ in made:
                self.now[name][id_] = None
            else:
                left.add(id_)
        return left

    def mark(self, table: str, id_: int) -> int | None:
        """The mark of the row as it was read."""
        return self._marks[table].get(id_)

    def change(self, rows: Mapping[str, Mapping[int, Any]]) -> None:
        for name, changed in rows.items():
            self.now[name].update(changed)
            for id_ in changed:
                self._view.memory.drop(name, id_)
        self._is_changed = True

    async def save(self) -> None:
        """Raises asyncpg.UniqueViolationError when someone else has just made a new row."""
        if not self._is_changed:
            return
        statement, many = self._written()
        for table, rows in many:
            await table.copy(self._view.connection, rows)
        if statement:
            await self._view.connection.execute(statement.whole(), *statement.arguments)
        for name, now in self.now.items():
            self.found[name] = {id_: row for id_, row in now.items() if row is not None}
        self._is_changed = False

    def statement(self) -> Statement:
        statement, many = self._written()
        if many:
            raise NeedsTransaction
        return statement

    def changed(self, name: str) -> dict[int, Any]:
        """Rows that are to be there, of those that are not as they were found; None where one is to be gone."""
        found = self.found[name]
        return {id_: row for id_, row in self.now[name].items() if row is not found.get(id_)}

    def remember(self, mark: int) -> None:
        for name, now in self.now.items():
            found, marks, memory = self.found[name], self._marks[name], self._view.memory
            for id_, row in now.items():
                if row is None:
                    memory.drop(name, id_)
                else:
                    memory.keep(name, id_, row, marks[id_] if row is found.get(id_) else mark)

    def _written(self) -> tuple[Statement, list[tuple[Table[Any], list[Any]]]]:
        """The statement that writes what has changed, but for new rows that are so many that they are worth a copy."""
        statement = Statement()
        many: list[tuple[Table[Any], list[Any]]] = []
        for projection in self._projections:
            table, found, changed = projection.table, self.found[projection.name], self.changed(projection.name)
            new = [row for id_, row in changed.items() if row is not None and id_ not in found]
            if len(new) >= WORTH_A_COPY:
                many.append((table, new))
            elif new:
                statement.add(len(new), table.inserting, table.encode(new))
            kept = [(found[id_], row) for id_, row in changed.items() if row is not None and id_ in found]
            self._update(table, kept, statement)
            if self._view.is_optimistic and (same := found.keys() - changed.keys()):
                statement.add(len(same), table.checking, *self._marked(table, [{"id": id_} for id_ in same]))
            if gone := [id_ for id_, row in changed.items() if row is None]:
                statement.add(len(gone), table.deleting, gone)
        return statement, many

    def _update(self, table: Table[Any], kept: Sequence[tuple[Any, Any]], statement: Statement) -> None:
        own = _differing(table.names, kept)
        if not own:
            return
        derived = table.derived_from(own)
        names = [*own, *(each.name for each in derived)]
        rows = self._marked(table, [{"id": row.id} | table.values(row, own, derived) for _, row in kept])
        statement.add(len(kept), partial(table.updating, names, is_marked=self._view.is_optimistic), *rows)

    def _marked(self, table: Table[Any], rows: list[dict[str, Any]]) -> tuple[str, list[int]]:
        """Rows as JSON, with their marks where they have some; and their ids."""
        marks = self._marks[table.name]
        ids = [row["id"] for row in rows]
        if marks:
            rows = [row | {"mark": marks[row["id"]]} for row in rows]
        return encode_json(rows).decode(), ids


def _differing(names: Sequence[str], rows: Iterable[tuple[Any, Any]]) -> list[str]:
    """Columns in which any row after is not as it was before: what is the same object is not even compared."""
    differing: set[int] = set()
    for before, after in rows:
        pairs = enumerate(zip(astuple(before), astuple(after), strict=True))
        differing.update(i for i, (old, new) in pairs if old is not new and old != new)
    return [names[i] for i in sorted(differing)]
