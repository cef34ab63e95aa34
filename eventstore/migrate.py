"""Numbered SQL, each file run once, in order, in a transaction of its own."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources

from eventstore.log import Connection

LOCK = "SELECT pg_advisory_lock(hashtext('custodiary migrate'))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('custodiary migrate'))"
CREATE = """
    CREATE TABLE IF NOT EXISTS migrations (
        name text PRIMARY KEY,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""
APPLIED = "SELECT name, sha256 FROM migrations"
IS_MADE = "SELECT to_regclass('stored_events') IS NOT NULL"
RECORD = "INSERT INTO migrations (name, sha256) VALUES ($1, $2)"


class MigrationChangedError(Exception):
    """A migration that this database has already run reads differently now."""


async def migrate(connection: Connection) -> list[str]:
    """Bring the database up to date; the names of the migrations that ran. Safe from several processes at once."""
    async with one_at_a_time(connection):
        await connection.execute(CREATE)
        applied = {row["name"]: row["sha256"] for row in await connection.fetch(APPLIED)}
        return [name for name, sql in _migrations() if await _apply(connection, name, sql, applied.get(name))]


async def is_made(connection: Connection) -> bool:
    """Whether there is a store in this database, of whatever version."""
    made: bool = await connection.fetchval(IS_MADE)
    return made


@asynccontextmanager
async def one_at_a_time(connection: Connection) -> AsyncIterator[None]:
    """Of all processes, only this one brings the database up to date. May be nested."""
    await connection.execute(LOCK)
    try:
        yield
    finally:
        await connection.execute(UNLOCK)


async def is_migrated(connection: Connection) -> bool:
    """Whether all that we know has been applied, as it reads; a newer version may have applied more."""
    applied = {row["name"]: row["sha256"] for row in await connection.fetch(APPLIED)}
    return all(applied.get(name) == _digest(sql) for name, sql in _migrations())


def _digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


@cache
def _migrations() -> list[tuple[str, str]]:
    files = resources.files("eventstore").joinpath("migrations").iterdir()
    return sorted((file.name, file.read_text("utf-8")) for file in files if file.name.endswith(".sql"))


async def _apply(connection: Connection, name: str, sql: str, applied_sha256: str | None) -> bool:
    sha256 = _digest(sql)
    if applied_sha256 == sha256:
        return False
    if applied_sha256 is not None:
        raise MigrationChangedError(f"{name} has changed since it was applied to this database")
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute(RECORD, name, sha256)
    return True
