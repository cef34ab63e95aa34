"""The read models as a batch leaves them: what its checks and answers see before it is written."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from eventstore.store import Projecting


class View(Projecting, ABC):
    """A session in which rows that have changed in memory are written before the database is asked anything."""

    def __init__(self, connection: asyncpg.Connection | PoolConnectionProxy) -> None:
        self.connection = connection

    @abstractmethod
    def row(self, table: str, id_: int) -> Any:
        """The row as the batch leaves it, where it touches it; else None."""

    @abstractmethod
    def require_log(self) -> None:
        """Raises Conflict where the batch has events: until it is written, the log is behind the rows."""

    @abstractmethod
    async def flush(self) -> None: ...

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

    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Iterable[Any],
        columns: Iterable[str] | None = None,
        schema_name: str | None = None,
    ) -> str:
        await self.flush()
        return await self.connection.copy_records_to_table(
            table_name, records=records, columns=columns, schema_name=schema_name
        )
