"""Who is let in: by the Authorization header of a request, or by what somebody types to sign in."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

import asyncpg

from api.access.authorization import read_authorization
from api.access.last_used import Uses
from api.access.sender import Sender
from api.access.sessions import Sessions
from api.access.throttle import Throttle
from api.access.trusted import Trusted, moment
from api.http.refusals import Unauthenticated
from service.background.every import attempt, regularly
from service.credentials.auth import Given, Principal, WrongPassword, authenticate
from service.credentials.passwords import lookup, password_key

logger = logging.getLogger("custodiary.authenticator")

WRITE_SECONDS = 60
UNWRITTEN = "uses of application passwords could not be written"


class Authenticator:
    """Remembers, for less than the time that a revocation takes to be answered, whom it has let in."""

    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self.uses = Uses(pool)
        self.throttle = Throttle(pool, key)
        self.sessions = Sessions(pool, key)
        self._find = lookup(pool)
        self._key = key
        self._trusted: Trusted[Principal] = Trusted()

    async def authenticate(self, authorization: str | None, sender: Sender) -> Principal:
        """Raises Unauthenticated, sooner or later; TooMany."""
        if authorization is None:
            raise Unauthenticated
        mark = blake2b(authorization.encode(), key=self._key, digest_size=32).digest()
        asked_at = moment()
        principal = self._trusted.get(mark, asked_at)
        if principal is None:
            principal = await self.sign_in(read_authorization(authorization), sender)
            self._trusted.remember(mark, principal, asked_at)
        self.uses.note(principal.credential, sender.address)
        return principal

    async def sign_in(self, given: Given, sender: Sender) -> Principal:
        """Raises Unauthenticated, sooner or later; TooMany."""
        try:
            return await authenticate(given, self._find, self._key)
        except WrongPassword as error:
            await self.throttle.slow(sender.network, given.user)
            raise Unauthenticated from error

    async def write(self) -> None:
        """What is not written with each request."""
        await self.uses.write()
        await self.sessions.write()
        await self.throttle.forget()


@asynccontextmanager
async def open_authenticator(pool: asyncpg.Pool) -> AsyncIterator[Authenticator]:
    """Until the end of the block."""
    authenticator = Authenticator(pool, await password_key(pool))
    try:
        async with regularly(WRITE_SECONDS, authenticator.write, logger, UNWRITTEN):
            yield authenticator
    finally:
        await attempt(authenticator.write, logger, UNWRITTEN)
