"""Application passwords in the database: only their digests, under a key that is the store's own."""

import asyncio
import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import asyncpg

from eventstore.postgres.connection import Executor, Session
from eventstore.reading.coalesce import Coalescer
from service.credentials.auth import CredentialLookup, Principal, allowed, new_password, password_digest
from service.credentials.roles import PERMISSIONS, Permission, Role
from service.redaction import Secret

ADMIN = "admin"
FIRST_START, FROM_ENVIRONMENT = "first start", "CUSTODIARY_ADMIN_PASSWORD"
KEY_NAME = "application passwords"
# Seconds that a process may go by what it has read. A revocation is answered after longer than that, so that whoever is
# told of it knows: no process lets the password in any more.
TRUSTED, REVOKED = 0.4, 0.5

MAKE_KEY = "INSERT INTO store_keys (name, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING"
KEY = "SELECT secret FROM store_keys WHERE name = $1"
COLUMNS = "uuid, login, name, role, permissions, created_at, last_used_at, last_used_from"
ADD = f"""
    INSERT INTO credentials (login, name, role, permissions, digest) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (login, name) DO NOTHING RETURNING {COLUMNS}"""
# With another password, whoever signed in with the former one is out.
SET = """
    WITH changed AS (
        INSERT INTO credentials AS c (login, name, role, digest) VALUES ($1, $2, $3, $4)
        ON CONFLICT (login, name) DO UPDATE SET role = $3, permissions = NULL, digest = $4
        WHERE (c.role, c.digest) <> ($3, $4) OR c.permissions IS NOT NULL
        RETURNING uuid)
    DELETE FROM sessions USING changed WHERE credential = uuid"""
FIND = """
    SELECT digest, login, role, permissions, uuid FROM credentials WHERE digest = ANY($1) ORDER BY created_at, name"""
LIST = f"SELECT {COLUMNS} FROM credentials WHERE login = $1 OR $1 IS NULL ORDER BY login, created_at, name"
REVOKE = "DELETE FROM credentials WHERE uuid = $1 AND (login = $2 OR $2 IS NULL) RETURNING uuid"
# One after the other: of two administrators who revoke each other at once, the second finds that it is the last.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('credentials'))"
ADMINISTERED = """
    SELECT EXISTS (
        SELECT FROM credentials WHERE role = 'administrator' AND (permissions IS NULL OR permissions @> $1::text[]))"""
NONE_YET = "SELECT NOT EXISTS (SELECT FROM credentials)"


class CredentialExists(Exception):
    """login, name: each of a login's passwords has a name of its own."""


class CredentialNotFound(Exception):
    """There is none of this uuid, or it is somebody else's."""


class LastAdministrator(Exception):
    """Nobody could do everything any more, nor make somebody who can."""


class Listed(NamedTuple):
    """What may be known of an application password. `last_used_at` is at most a minute late."""

    uuid: UUID
    login: str
    name: str
    role: Role
    permissions: frozenset[Permission]
    created_at: datetime
    last_used_at: datetime | None
    last_used_from: str | None


class Added(NamedTuple):
    """The password is known here, and nobody can read it again."""

    credential: Listed
    password: str


async def password_key(on: Executor) -> bytes:
    """The key that digests depend on; made when it is first asked for."""
    await on.execute(MAKE_KEY, KEY_NAME, secrets.token_bytes(32))
    key: bytes = await on.fetchval(KEY, KEY_NAME)
    return key


def lookup(pool: asyncpg.Pool) -> CredentialLookup:
    """For `authenticate`. Who sends many wrong passwords at once does not take all of the pool's connections."""

    async def find(digests: Sequence[bytes]) -> list[list[Principal]]:
        found: dict[bytes, list[Principal]] = {digest: [] for digest in digests}
        for digest, login, role, narrowed, uuid in await pool.fetch(FIND, list(found)):
            found[digest].append(Principal(login, allowed(role, narrowed), uuid))
        return [found[digest] for digest in digests]

    return Coalescer(find)


async def add(on: Executor, login: str, role: Role, name: str, permissions: Collection[str] | None = None) -> Added:
    """Makes a credential, with only these of its role's permissions; others are ignored. Raises CredentialExists."""
    password = new_password()
    digest = password_digest(password, await password_key(on))
    narrowed = None if permissions is None else sorted(permissions)
    row = await on.fetchrow(ADD, login, name, role, narrowed, digest)
    if row is None:
        raise CredentialExists(login, name)
    return Added(_listed(row), password)


async def listed(on: Executor, login: str | None = None) -> list[Listed]:
    """The credentials of everybody, or of one login."""
    return [_listed(row) for row in await on.fetch(LIST, login)]


def _listed(row: asyncpg.Record) -> Listed:
    uuid, login, name, role, narrowed, *times = row
    return Listed(uuid, login, name, role, allowed(role, narrowed), *times)


async def revoke(on: Session, uuid: UUID, login: str | None = None) -> None:
    """From everybody, or from one login, in a transaction. Once it is committed, wait for `everywhere`.

    Raises CredentialNotFound and LastAdministrator.
    """
    await on.execute(ONE_AT_A_TIME)
    everything = sorted(PERMISSIONS["administrator"])
    was_administered = await on.fetchval(ADMINISTERED, everything)
    if await on.fetchval(REVOKE, uuid, login) is None:
        raise CredentialNotFound
    if was_administered and not await on.fetchval(ADMINISTERED, everything):
        raise LastAdministrator


async def everywhere() -> None:
    """What was committed before is known to all processes after."""
    await asyncio.sleep(REVOKED)


async def bootstrap(pool: asyncpg.Pool, given: Secret | None) -> Added | None:
    """Let an administrator in: with the password given, from now on, or else at the first start with a new one.

    Returns what is new.
    """
    if given is not None:
        digest = password_digest(given.reveal(), await password_key(pool))
        await pool.execute(SET, ADMIN, FROM_ENVIRONMENT, "administrator", digest)
        return None
    if not await pool.fetchval(NONE_YET):
        return None
    try:
        return await add(pool, ADMIN, "administrator", FIRST_START)
    except CredentialExists:  # another process was faster, and prints it
        return None
