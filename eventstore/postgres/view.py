"""A transaction of commands as its checks, read models and answers see it: with rows that are not written yet."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import asyncpg

from domain.event import Recorded
from eventstore.postgres.row_cache import Memory
from eventstore.postgres.sql import Statement


class NeedsTransaction(Exception):
    """What a batch asks can't be answered from memory."""


class Changes(Protocol):
    """Rows of read models that are not written yet."""

    async def save(self) -> None: ...

    def statement(self) -> Statement:
        """That writes them, each row only if it still has its mark. Raises NeedsTransaction."""
        ...

    def remember(self, mark: int) -> None:
        """The rows, once they are written."""
        ...


class View:
    """What read models keep in memory is written before the database is asked anything: every statement sees it.

    `expected` are all events of the transaction, so that what they need can be read at once. Optimistic, there is no
    transaction yet: what can't be told from memory raises NeedsTransaction.
    """

    def __init__(
        self,
        connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy,
        expected: Sequence[Recorded] = (),
        memory: Memory | None = None,
        *,
        is_optimistic: bool = False,
    ) -> None:
        self.connection = connection
        self.expected = expected
        self.memory = Memory() if memory is None else memory
        self.is_optimistic = is_optimistic
        self.rows: dict[str, dict[int, Any]] = {}
        self.kept: Changes | None = None

    def row(self, table: str, id_: int) -> Any:
        """The row as the commands leave it, if they touch it; else None."""
        rows = self.rows.get(table)
        return rows.get(id_) if rows else None

    async def flush(self) -> None:
        if self.is_optimistic:
            raise NeedsTransaction
        if self.kept is not None:
            await self.kept.save()

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
