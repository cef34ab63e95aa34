"""What statements run on."""

from collections.abc import Iterable
from typing import Any, Protocol, TypeAlias

import asyncpg


class Session(Protocol):
    """What statements run on within a transaction: a connection, or a view of what a batch is about to write."""

    async def fetch(self, query: str, *args: Any) -> list[asyncpg.Record]: ...
    async def fetchrow(self, query: str, *args: Any) -> asyncpg.Record | None: ...
    async def fetchval(self, query: str, *args: Any) -> Any: ...
    async def execute(self, query: str, *args: Any) -> str: ...
    async def copy_records_to_table(
        self,
        table_name: str,
        *,
        records: Iterable[Any],
        columns: Iterable[str] | None = None,
        schema_name: str | None = None,
    ) -> str: ...


Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Executor: TypeAlias = Session | asyncpg.Pool
