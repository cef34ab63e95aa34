"""Rows of read models in one transaction, as found and as its events leave them: read at once, written at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from eventstore.view import View
from projections.projection import Projection
from projections.table import WORTH_A_COPY, encode_json

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
        parts: list[str] = []
        arguments: list[Any] = []
        for projection in self._projections:
            table, found, now = projection.table, self.found[projection.name], self.now[projection.name]
            changed = {id_: row for id_, row in now.items() if row is not found.get(id_)}
            if not changed:
                continue
            kept = [row for row in changed.values() if row is not None]
            new = [row for row in kept if row.id not in found]
            if len(new) >= WORTH_A_COPY:
                await table.copy(self._view.connection, new)
                kept = [row for row in kept if row.id in found]
            if kept:
                arguments.append(encode_json(kept).decode())
                parts.append(table.upserting(len(arguments)))
            if gone := [id_ for id_, row in changed.items() if row is None]:
                arguments.append(gone)
                parts.append(table.deleting(len(arguments)))
            self.found[projection.name] = {id_: row for id_, row in now.items() if row is not None}
        if parts:
            named = ", ".join(f"part{number} AS ({part})" for number, part in enumerate(parts))
            await self._view.connection.execute(f"WITH {named} SELECT", *arguments)
