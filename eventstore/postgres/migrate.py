"""The SQL that makes tables: files, each run once, in a transaction of its own.

Whoever owns tables has a folder with `schema.sql`, which is number 1. Later versions put `0002_….sql` and so on beside
it. A released file never changes. Later files only expand: they make new things, and change or drop nothing that the
version before uses, so that it can keep running beside a newer database.
"""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NamedTuple

import asyncpg

from eventstore.postgres.connection import Connection, Executor

LOCK = "SELECT pg_advisory_lock(hashtext('custodiary migrate'))"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('custodiary migrate'))"
CREATE = """
    CREATE TABLE IF NOT EXISTS migrations (
        name text PRIMARY KEY,  -- owner/file
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )"""
APPLIED = "SELECT name, sha256 FROM migrations"
IS_MADE = "SELECT to_regclass('stored_events') IS NOT NULL"
RECORD = "INSERT INTO migrations (name, sha256) VALUES ($1, $2)"

FIRST = "schema.sql"
NEVER_RELEASED = (
    "The store was made by a version of Custodiary that was never released: it can't be used or upgraded, "
    "only made anew."
)
# A statement that waits for a table's exclusive lock makes all others wait behind it. And a file that locks several
# tables can deadlock with a command that locks them in another order: it gives up before PostgreSQL ends one of them.
BRIEFLY = "SET LOCAL lock_timeout = '500ms'"
PAUSE = 0.1  # seconds in which others run
PATIENCE = 60  # seconds
IS_IN_USE = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)
IS_THERE = (asyncpg.DuplicateTableError, asyncpg.DuplicateFunctionError, asyncpg.DuplicateObjectError)
# What a statement meets where another version has changed the tables. Our own are as they are in the tests.
MISFITS = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.NotNullViolationError,
)


class SchemaError(Exception):
    """The schema in the database does not fit this version; the message explains why."""


class Owner(NamedTuple):
    """A folder with the SQL of its tables, and its name in the database."""

    name: str
    folder: Traversable


LOG = Owner("log", resources.files("eventstore").joinpath("postgres"))


async def migrate(connection: Connection, owners: Iterable[Owner]) -> list[str]:
    """Bring the database up to date; returns the names of the files that ran. Several processes may call it at once.

    Raises SchemaError.
    """
    known = migrations(owners)
    async with one_at_a_time(connection):
        await connection.execute(CREATE)
        applied = await _applied(connection)
        _require_released(applied, known)
        return [name for name, sql in known.items() if await _apply(connection, name, sql, applied)]


async def is_made(connection: Connection) -> bool:
    """Whether there is a store in this database, of whatever version."""
    made: bool = await connection.fetchval(IS_MADE)
    return made


@asynccontextmanager
async def one_at_a_time(connection: Connection) -> AsyncIterator[None]:
    """Lets only one process at a time bring the database up to date. May be nested."""
    await connection.execute(LOCK)
    try:
        yield
    finally:
        await connection.execute(UNLOCK)


async def require_fit(on: Executor, owners: Iterable[Owner]) -> None:
    """Raises SchemaError where a file that this version needs has not run, or has run with another text."""
    known = migrations(owners)
    try:
        applied = await _applied(on)
    except asyncpg.UndefinedTableError:
        raise SchemaError("The database holds no store: run `custodiary migrate`.") from None
    _require_released(applied, known)
    if missing := [name for name in known if name not in applied]:
        raise SchemaError(f"The database lacks {missing[0]}: run `custodiary migrate`.")


async def is_newer(on: Executor, owners: Iterable[Owner]) -> bool:
    """Whether a version that comes after this one has migrated the database."""
    return not (await _applied(on)).keys() <= migrations(owners).keys()


def migrations(owners: Iterable[Owner]) -> dict[str, str]:
    """SQL by name, in the order in which it runs."""
    return {name: sql for owner in owners for name, sql in _files(owner)}


def digest(sql: str) -> str:
    return hashlib.sha256(sql.encode()).hexdigest()


@cache
def _files(owner: Owner) -> list[tuple[str, str]]:
    """Names and SQL of an owner, in order."""
    files = {file.name: file.read_text("utf-8") for file in owner.folder.iterdir() if file.name.endswith(".sql")}
    return [(f"{owner.name}/{name}", files[name]) for name in sorted(files, key=_number)]


def _number(file: str) -> str:
    return "0001" if file == FIRST else file[:4]


async def _applied(on: Executor) -> dict[str, str]:
    return {row["name"]: row["sha256"] for row in await on.fetch(APPLIED)}


def _require_released(applied: Mapping[str, str], known: Mapping[str, str]) -> None:
    """Raises SchemaError if a file has run that is in no release."""
    for name, sha256 in applied.items():
        if not (digest(known[name]) == sha256 if name in known else _is_newer(name, known)):
            raise SchemaError(f"{NEVER_RELEASED} It has run {name}.")


def _is_newer(name: str, known: Iterable[str]) -> bool:
    """Whether a later version can have brought this file: after all that we know of its owner, or for a new owner."""
    owner, slash, file = name.partition("/")
    ours = [_number(other.removeprefix(f"{owner}/")) for other in known if other.startswith(f"{owner}/")]
    return bool(slash) and (not ours or _number(file) > max(ours))


async def _apply(connection: Connection, name: str, sql: str, applied: Mapping[str, str]) -> bool:
    """Runs a file. Raises SchemaError if it can't run: objects exist, or a table stays in use."""
    if name in applied:
        return False
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            async with connection.transaction():
                await connection.execute(BRIEFLY)
                await connection.execute(sql)
                await connection.execute(RECORD, name, digest(sql))
        except IS_THERE as error:
            raise SchemaError(
                f"The database holds what {name} would make ({error}): it is half restored, or another program's."
            ) from error
        except IS_IN_USE as error:
            if time.monotonic() > deadline:
                raise SchemaError(f"{name} can't run now: a table that it changes is in use ({error}).") from error
            await asyncio.sleep(PAUSE)
        else:
            return True
