"""Application passwords in the database: only their digests, under a key that is the store's own."""

import secrets
from datetime import datetime
from typing import NamedTuple

import asyncpg

from api.auth import Credential, CredentialLookup, Role, new_password, password_digest

ADMIN = "admin"
FIRST_START, FROM_ENVIRONMENT = "first start", "CUSTODIARY_ADMIN_PASSWORD"
KEY_NAME = "application passwords"

MAKE_KEY = "INSERT INTO store_keys (name, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING"
KEY = "SELECT secret FROM store_keys WHERE name = $1"
ADD = """
    INSERT INTO credentials (login, name, role, digest) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING login"""
SET = """
    INSERT INTO credentials AS c (login, name, role, digest) VALUES ($1, $2, $3, $4)
    ON CONFLICT (login, name) DO UPDATE SET role = $3, digest = $4 WHERE (c.role, c.digest) <> ($3, $4)"""
FIND = "SELECT role, digest FROM credentials WHERE login = $1 ORDER BY created_at, name"
LIST = "SELECT login, name, role, created_at FROM credentials ORDER BY login, created_at, name"
NONE_YET = "SELECT NOT EXISTS (SELECT FROM credentials)"


class CredentialExists(Exception):
    """login, name: each of a login's passwords has a name of its own."""


class Listed(NamedTuple):
    login: str
    name: str
    role: Role
    created_at: datetime


async def password_key(pool: asyncpg.Pool) -> bytes:
    """The key that digests depend on; made when it is first asked for."""
    await pool.execute(MAKE_KEY, KEY_NAME, secrets.token_bytes(32))
    key: bytes = await pool.fetchval(KEY, KEY_NAME)
    return key


def lookup(pool: asyncpg.Pool) -> CredentialLookup:
    """For `authenticate`."""

    async def find(user: str) -> list[Credential]:
        return [Credential(*row) for row in await pool.fetch(FIND, user)]

    return find


async def add(pool: asyncpg.Pool, login: str, role: Role, name: str) -> str:
    """A new application password, which nobody can read again. Raises CredentialExists."""
    password = new_password()
    if await pool.fetchval(ADD, login, name, role, password_digest(password, await password_key(pool))) is None:
        raise CredentialExists(login, name)
    return password


async def listed(pool: asyncpg.Pool) -> list[Listed]:
    return [Listed(*row) for row in await pool.fetch(LIST)]


async def bootstrap(pool: asyncpg.Pool, given: str | None) -> str | None:
    """Let an administrator in: with the password given, from now on, or else at the first start with a new one.

    Returns the new one.
    """
    if given is not None:
        digest = password_digest(given, await password_key(pool))
        await pool.execute(SET, ADMIN, FROM_ENVIRONMENT, "administrator", digest)
        return None
    if not await pool.fetchval(NONE_YET):
        return None
    try:
        return await add(pool, ADMIN, "administrator", FIRST_START)
    except CredentialExists:  # another process was faster, and prints it
        return None
