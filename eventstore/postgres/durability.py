"""Durable is more than visible: where commits wait for a standby, a visible one may still be lost."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import asyncpg

from eventstore.postgres.connection import Connection, Executor

# Its commit waits as every commit does, and so for every commit before it.
SYNC = "SELECT pg_logical_emit_message(true, 'custodiary', '')"


async def sync(on: Executor) -> None:
    await on.execute(SYNC)


@contextmanager
def warnings(connection: Connection) -> Iterator[list[str]]:
    """Collects the server's warnings. A commit whose wait is cancelled succeeds with a warning only."""
    heard: list[str] = []

    def hear(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            heard.append(str(message))

    connection.add_log_listener(hear)
    try:
        yield heard
    finally:
        with suppress(asyncpg.InterfaceError):  # the pool may have taken it back
            connection.remove_log_listener(hear)
