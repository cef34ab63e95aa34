"""Who is let in, by the Authorization header of a request."""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b
from typing import NamedTuple

import asyncpg

from api.access.authorization import read_authorization
from api.access.last_used import Uses
from api.access.sender import Sender
from api.access.throttle import Throttle
from api.http.refusals import Unauthenticated
from service.background.every import attempt, regularly
from service.credentials.auth import Principal, WrongPassword, authenticate
from service.credentials.passwords import TRUSTED, lookup, password_key

logger = logging.getLogger("custodiary.authenticator")

MAX_KNOWN = 10_000
WRITE_SECONDS = 60
UNWRITTEN = "uses of application passwords could not be written"
# Goes on while the machine sleeps, where there is such a clock.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class KnownPassword(NamedTuple):
    principal: Principal
    until: float


class Authenticator:
    """Remembers, for less than the time that a revocation takes to be answered, whom it has let in."""

    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self.uses = Uses(pool)
        self.throttle = Throttle(pool, key)
        self._find = lookup(pool)
        self._key = key
        self._known: dict[bytes, KnownPassword] = {}

    async def authenticate(self, authorization: str | None, sender: Sender) -> Principal:
        """Raises Unauthenticated, sooner or later; TooMany."""
        if authorization is None:
            raise Unauthenticated
        mark = blake2b(authorization.encode(), key=self._key, digest_size=32).digest()
        began = time.clock_gettime(CLOCK)  # before the question: what is answered was true at some time after
        known = self._known.get(mark)
        if known is None or began >= known.until:
            known = KnownPassword(await self._authenticated(authorization, sender), began + TRUSTED)
            if len(self._known) >= MAX_KNOWN:  # one password can be written in many ways
                self._known.clear()
            self._known[mark] = known
        self.uses.note(known.principal.credential, sender.address)
        return known.principal

    async def _authenticated(self, authorization: str, sender: Sender) -> Principal:
        given = read_authorization(authorization)
        try:
            return await authenticate(given, self._find, self._key)
        except WrongPassword as error:
            await self.throttle.slow(sender.network, given.user)
            raise Unauthenticated from error

    async def write(self) -> None:
        """What is not written with each request."""
        await self.uses.write()
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
