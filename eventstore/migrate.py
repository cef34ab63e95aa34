"""Numbered SQL, each file run once, in order, in a transaction of its own.

A file that was committed never changes, and those to come only expand: they make what is new, and change or drop
nothing that the version before uses. So that one goes on beside a database that is newer than itself.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources

import asyncpg

from eventstore.log import Connection, Executor

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

NEVER_RELEASED = (
    "The store was made by a version of Custodiary that was never released: it can't be used or upgraded, "
    "only made anew."
)
IS_THERE = (asyncpg.DuplicateTableError, asyncpg.DuplicateFunctionError, asyncpg.DuplicateObjectError)


class SchemaError(Exception):
    """The schema in the database is none that this version can work with; the message says why."""


async def migrate(connection: Connection) -> list[str]:
    """Bring the database up to date; the names of the migrations that ran. Safe from several processes at once.

    Raises SchemaError.
    """
    async with one_at_a_time(connection):
        await connection.execute(CREATE)
        applied = await _applied(connection)
        _require_released(applied)
        return [name for name, sql in migrations().items() if await _apply(connection, name, sql, applied)]


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


async def require_fit(on: Executor) -> None:
    """Raises SchemaError where a migration that this version needs is missing, or has read otherwise."""
    try:
        applied = await _applied(on)
    except asyncpg.UndefinedTableError:
        raise SchemaError("The database holds no store: run `custodiary migrate`.") from None
    _require_released(applied)
    if missing := migrations().keys() - applied.keys():
        raise SchemaError(f"The database lacks {min(missing)}: run `custodiary migrate`.")


async def is_newer(on: Executor) -> bool:
    """Whether a version that comes after this one has migrated the database."""
    return not (await _applied(on)).keys() <= migrations().keys()


@cache
def migrations() -> dict[str, str]:
    """SQL by name, in order."""
    files = resources.files("eventstore").joinpath("migrations").iterdir()
    return dict(sorted((file.name, file.read_text("utf-8")) for file in files if file.name.endswith(".sql")))


def digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


async def _applied(on: Executor) -> dict[str, str]:
    return {row["name"]: row["sha256"] for row in await on.fetch(APPLIED)}


def _require_released(applied: Mapping[str, str]) -> None:
    """Migrations that come after ours are of a newer version; unknown ones among ours, or other ones, are of none."""
    known = migrations()
    for name, sha256 in applied.items():
        if (name in known and sha256 != digest(known[name])) or (name not in known and name < max(known)):
            raise SchemaError(f"{NEVER_RELEASED} It has run {name}.")


async def _apply(connection: Connection, name: str, sql: str, applied: Mapping[str, str]) -> bool:
    if name in applied:
        return False
    try:
        async with connection.transaction():
            await connection.execute(sql)
            await connection.execute(RECORD, name, digest(sql))
    except IS_THERE as error:
        raise SchemaError(
            f"The database holds what {name} would make ({error}): it is half restored, or another program's."
        ) from error
    return True
