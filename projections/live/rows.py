"""Rows of read models in one attempt at a batch: as they were read, and as its events leave them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import asyncpg
from msgspec.structs import astuple

from eventstore.postgres.connection import Connection
from eventstore.postgres.json import encode_numbers
from eventstore.postgres.sql import Statement
from eventstore.store import NeedsLocks
from projections.live.row_cache import RowCache
from projections.tables.projection import Projection
from projections.tables.table import WORTH_A_COPY, Table

# How many rows were written, and the mark that they have now.
WRITTEN = "SELECT {written}, pg_current_xact_id()::xid::text::bigint"


class Rows:
    """`found` are rows as the database has them, `now` as they are to be; there, None stands for no row.

    With locks, rows are read and stay locked until the transaction ends. Without, they come from the cache if it has
    them.
    """

    def __init__(
        self, on: Connection, projections: Sequence[Projection[Any]], cache: RowCache, *, is_locked: bool
    ) -> None:
        self._connection = on
        self._projections = projections
        self._cache = cache
        self._is_locked = is_locked
        self._is_changed = False
        self._marks: dict[str, dict[int, int]] = {projection.name: {} for projection in projections}
        self.found: dict[str, dict[int, Any]] = {projection.name: {} for projection in projections}
        self.now: dict[str, dict[int, Any]] = {projection.name: {} for projection in projections}

    async def load(
        self, keys: Mapping[str, Collection[int]], made: Mapping[str, Collection[int]], also: str, ids: Collection[int]
    ) -> bytes | None:
        """Read rows in order of tables and ids, so that no two writers wait for each other.

        `made` are rows that the events create. Without locks they are not looked for: if one exists, the insert
        fails. Returns the value of the expression `also` for `ids`.
        """
        wanted = keys
        if not self._is_locked:
            left = {name: self._from_cache(name, ids, made.get(name, ())) for name, ids in keys.items()}
            wanted = {name: ids for name, ids in left.items() if ids}
        if not wanted and not ids:
            return None
        tables = [projection.table for projection in self._projections if projection.name in wanted]
        columns = [table.reading(number, is_locking=self._is_locked) for number, table in enumerate(tables, 1)]
        query = f"SELECT {', '.join([*columns, also.format(len(columns) + 1)])}"
        [[*records, more]] = await self._connection.fetch(
            query, *(sorted(wanted[table.name]) for table in tables), sorted(ids)
        )
        for table, found in zip(tables, records, strict=True):
            rows = {row.id: row for row in table.decode(found)} if found else {}
            self.found[table.name] |= rows
            self.now[table.name] |= dict.fromkeys(wanted[table.name]) | rows
            if found:
                self._marks[table.name] |= table.marks(found)
        return cast("bytes | None", more)

    def _from_cache(self, name: str, ids: Iterable[int], made: Collection[int]) -> set[int]:
        """Returns those that are neither cached nor made."""
        left = set[int]()
        for id_ in ids:
            if (cached := self._cache.get(name, id_)) is not None:
                self.found[name][id_] = self.now[name][id_] = cached.row
                self._marks[name][id_] = cached.mark
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
                self._cache.drop(name, id_)
        self._is_changed = True

    async def flush(self) -> None:
        """Write what has changed. Raises asyncpg.SerializationError and asyncpg.UniqueViolationError when somebody else
        has just written the same row.
        """
        if not self._is_changed:
            return
        statement = await self.statement()
        [[written, mark]] = await self._connection.fetch(statement.followed_by(WRITTEN), *statement.arguments)
        if written != statement.rows:
            raise asyncpg.SerializationError("a row has changed meanwhile")
        self.settle(mark)

    async def statement(self) -> Statement:
        """A statement that writes all changes, except many new rows of a table: COPY is faster, and writes them now."""
        statement = Statement()
        for projection in self._projections:
            table, found, changed = projection.table, self.found[projection.name], self.changed(projection.name)
            new = [row for id_, row in changed.items() if row is not None and id_ not in found]
            if len(new) >= WORTH_A_COPY:
                if not self._is_locked:
                    raise NeedsLocks
                await table.copy(self._connection, new)
            elif new:
                statement.add(len(new), table.inserting, table.encode(new))
            self._update(table, changed, statement)
            if not self._is_locked and (same := found.keys() - changed.keys()):
                statement.add(len(same), table.checking, *self._marked(table, [{"id": id_} for id_ in same]))
            if gone := [id_ for id_, row in changed.items() if row is None]:
                statement.add(len(gone), table.deleting, gone)
        return statement

    def changed(self, name: str) -> dict[int, Any]:
        """Rows that are not as they were found; None for one that is to be deleted."""
        found = self.found[name]
        return {id_: row for id_, row in self.now[name].items() if row is not found.get(id_)}

    def settle(self, mark: int) -> None:
        """Take all changes as written, with this mark."""
        for name, now in self.now.items():
            self._marks[name] |= dict.fromkeys(self.changed(name), mark)
            self.found[name] = {id_: row for id_, row in now.items() if row is not None}
        self._is_changed = False

    def keep(self) -> None:
        """Cache the rows, once they are written."""
        for name, now in self.now.items():
            for id_, row in now.items():
                if row is None:
                    self._cache.drop(name, id_)
                else:
                    self._cache.put(name, id_, row, self._marks[name][id_])

    def _update(self, table: Table[Any], changed: dict[int, Any], statement: Statement) -> None:
        """Update rows that exist and stay. If none of them differs, none counts as changed."""
        found = self.found[table.name]
        kept = [(found[id_], row) for id_, row in changed.items() if row is not None and id_ in found]
        own = _differing(table.names, kept)
        if not own:
            for before, _ in kept:
                self.now[table.name][before.id] = before
                del changed[before.id]
            return
        derived = table.derived_from(own)
        names = [*own, *(each.name for each in derived)]
        rows = self._marked(table, [{"id": row.id} | table.values(row, own, derived) for _, row in kept])
        statement.add(len(kept), partial(table.updating, names), *rows)

    def _marked(self, table: Table[Any], rows: list[dict[str, Any]]) -> tuple[str, list[int]]:
        """Rows as JSON, with their marks; and their ids."""
        marks = self._marks[table.name]
        return encode_numbers([row | {"mark": marks[row["id"]]} for row in rows]).decode(), [row["id"] for row in rows]


def _differing(names: Sequence[str], rows: Iterable[tuple[Any, Any]]) -> list[str]:
    """Columns in which a row differs from what it was. Identical objects are not compared."""
    differing: set[int] = set()
    for before, after in rows:
        pairs = enumerate(zip(astuple(before), astuple(after), strict=True))
        differing.update(i for i, (old, new) in pairs if old is not new and old != new)
    return [names[i] for i in sorted(differing)]
