"""Sessions of the console: a browser that has signed in, until it signs out, is idle or has been in for long enough.

The browser has a random token, the database a digest of it under the store's key. A session ends with its credential.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import asyncpg

from api.access.sender import Sender
from api.access.trusted import Trusted, moment
from api.http.refusals import Unauthenticated
from eventstore.reading.coalesce import Coalescer
from service.credentials.auth import Principal, allowed
from service.credentials.roles import Role

SIGNED_IN = "signed_in"  # in a request's state
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
LINK = timedelta(hours=1)
MAX_AGENT = 255

_LIVE = "s.used_at > now() - $2::interval AND s.began_at > now() - $3::interval"
BEGIN = "INSERT INTO sessions (digest, credential, user_agent, sent_from) VALUES ($1, $2, $3, $4)"
FIND = f"""
    SELECT s.digest, c.login, c.role, c.permissions, c.uuid
    FROM sessions AS s JOIN credentials AS c ON c.uuid = s.credential WHERE s.digest = ANY($1) AND {_LIVE}"""
LIST = f"""
    SELECT s.digest, c.name, s.began_at, s.used_at, s.user_agent, s.sent_from
    FROM sessions AS s JOIN credentials AS c ON c.uuid = s.credential WHERE c.login = $1 AND {_LIVE}
    ORDER BY s.used_at DESC"""
END = """
    DELETE FROM sessions AS s USING credentials AS c
    WHERE c.uuid = s.credential AND c.login = $1 AND (s.digest = $2 OR $2 IS NULL) AND s.digest <> $3"""
# In one order, so that two processes never wait for each other in a circle.
USE = f"""
    WITH used AS (SELECT s.digest FROM sessions AS s WHERE s.digest = ANY($1) AND {_LIVE} ORDER BY s.digest FOR UPDATE)
    UPDATE sessions AS s SET used_at = now() FROM used WHERE s.digest = used.digest"""
FORGET = """
    DELETE FROM sessions WHERE used_at <= now() - $1::interval OR began_at <= now() - $2::interval"""
OFFER = "INSERT INTO sign_in_links (digest, credential) VALUES ($1, $2)"
FOLLOW = "DELETE FROM sign_in_links WHERE digest = $1 AND made_at > now() - $2::interval RETURNING credential"


class SignedIn(NamedTuple):
    """Who uses the console. `csrf` is in each form of its pages, and nowhere else."""

    principal: Principal
    role: Role
    digest: bytes
    csrf: str


class ListedSession(NamedTuple):
    """`credential` is the name of the application password; `used_at` is at most a minute late."""

    digest: bytes
    credential: str
    began_at: datetime
    used_at: datetime
    user_agent: str
    sent_from: str


class Sessions:
    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self._pool = pool
        self._key = key
        self._trusted: Trusted[SignedIn] = Trusted()
        self._rows: Coalescer[bytes, asyncpg.Record | None] = Coalescer(self._find)
        self._used: set[bytes] = set()

    async def begin(self, credential: UUID, sender: Sender, user_agent: str) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(32)
        agent = user_agent[:MAX_AGENT]
        await self._pool.execute(BEGIN, self._digest("session", token), credential, agent, sender.address.reveal())
        return token

    async def find(self, token: str) -> SignedIn:
        """Raises Unauthenticated. To be found is no use: `note` is for what a person does."""
        digest, asked_at = self._digest("session", token), moment()
        known = self._trusted.get(digest, asked_at)
        if known is None:
            row = await self._rows(digest)
            if row is None:
                raise Unauthenticated
            principal = Principal(row["login"], allowed(row["role"], row["permissions"]), row["uuid"])
            known = SignedIn(principal, row["role"], digest, self._digest("csrf", token).hex())
            self._trusted.remember(digest, known, asked_at)
        return known

    def note(self, signed_in: SignedIn) -> None:
        self._used.add(signed_in.digest)

    def mark(self, signed_in: SignedIn, purpose: str) -> str:
        """What only this session can have for the purpose."""
        return self._digest(purpose, signed_in.digest.hex()).hex()[:32]

    async def listed(self, login: str) -> list[ListedSession]:
        """The last used first."""
        return [ListedSession(*row) for row in await self._pool.fetch(LIST, login, IDLE, LONGEST)]

    async def end(self, login: str, digest: bytes | None, *, but: bytes = b"") -> None:
        """One of a login's sessions, or all `but` one. Wait for `everywhere` before saying so."""
        await self._pool.execute(END, login, digest, but)

    async def offer(self, credential: UUID) -> str:
        """A token that lets one browser in, once, within the hour."""
        token = secrets.token_urlsafe(32)
        await self._pool.execute(OFFER, self._digest("link", token), credential)
        return token

    async def follow(self, token: str) -> UUID:
        """The credential for which the token was made, which is used up. Raises Unauthenticated."""
        credential: UUID | None = await self._pool.fetchval(FOLLOW, self._digest("link", token), LINK)
        if credential is None:
            raise Unauthenticated
        return credential

    async def write(self) -> None:
        """What was used since the last time. Sessions that have ended go."""
        used, self._used = self._used, set()
        try:
            await self._pool.execute(USE, list(used), IDLE, LONGEST)
        except BaseException:
            self._used |= used
            raise
        await self._pool.execute(FORGET, IDLE, LONGEST)

    def _digest(self, purpose: str, token: str) -> bytes:
        return blake2b(f"{purpose} {token}".encode(errors="replace"), key=self._key, digest_size=32).digest()

    async def _find(self, digests: Sequence[bytes]) -> list[asyncpg.Record | None]:
        rows = {row["digest"]: row for row in await self._pool.fetch(FIND, list(digests), IDLE, LONGEST)}
        return [rows.get(digest) for digest in digests]
