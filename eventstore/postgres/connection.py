"""What statements run on."""

from typing import TypeAlias

import asyncpg

from eventstore.postgres.view import View

Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
Session: TypeAlias = Connection | View  # within a transaction
Executor: TypeAlias = Session | asyncpg.Pool
