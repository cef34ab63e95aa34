"""A transaction of commands as its checks, read models and answers see it: with rows that are not written yet."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import asyncpg

from domain.event import Recorded

Save = Callable[[], Awaitable[None]]


class View:
    """What read models keep in memory is written before the database is asked anything: every statement sees it.

    `expected` are all events of the transaction, so that what they need can be read at once.
    """

    def __init__(
        self, connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, expected: Sequence[Recorded] = ()
    ) -> None:
        self.connection = connection
        self.expected = expected
        self.rows: dict[str, dict[int, Any]] = {}
        self.kept: Any = None
        self._save: Save | None = None

    def row(self, table: str, id_: int) -> Any:
        """As the commands leave it, where they touch it; else None."""
        rows = self.rows.get(table)
        return rows.get(id_) if rows else None

    def save_later(self, save: Save) -> None:
        self._save = save

    async def flush(self) -> None:
        if (save := self._save) is not None:
            self._save = None
            await save()

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]:
        await self.flush()
        return await self.connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None:
        await self.flush()
        return await self.connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        await self.flush()
        return await self.connection.fetchval(query, *args)

    async def execute(self, query: str, *args: Any) -> str:
        await self.flush()
        return await self.connection.execute(query, *args)

    async def copy_records_to_table(self, table: str, *, records: Iterable[Any], **more: Any) -> str:
        await self.flush()
        return await self.connection.copy_records_to_table(table, records=records, **more)
