"""Who is let in, by the Authorization header of a request."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import blake2b
from typing import NamedTuple

import asyncpg

from api.auth import Principal, authenticate, read_authorization
from api.credentials import TRUSTED, lookup, password_key
from api.refusals import Unauthenticated
from api.sender import Sender
from api.throttle import Throttle
from api.uses import Uses

logger = logging.getLogger("custodiary.door")

MAX_KNOWN = 10_000
WRITE_SECONDS = 60
# Goes on while the machine sleeps, where there is such a clock.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Known(NamedTuple):
    principal: Principal
    until: float


class Door:
    """Remembers, for less than the time that a revocation takes to be answered, whom it has let in."""

    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self.uses = Uses(pool)
        self.throttle = Throttle(pool, key)
        self._find = lookup(pool)
        self._key = key
        self._known: dict[bytes, Known] = {}

    async def let_in(self, authorization: str | None, sender: Sender) -> Principal:
        """Raises Unauthenticated, sooner or later; TooMany."""
        if authorization is None:
            raise Unauthenticated
        mark = blake2b(authorization.encode(), key=self._key, digest_size=32).digest()
        began = time.clock_gettime(CLOCK)  # before the question: what is answered was true at some time after
        known = self._known.get(mark)
        if known is None or began >= known.until:
            known = Known(await self._authenticated(authorization, sender), began + TRUSTED)
            if len(self._known) >= MAX_KNOWN:  # one password can be written in many ways
                self._known.clear()
            self._known[mark] = known
        self.uses.note(known.principal.credential, sender.address)
        return known.principal

    async def _authenticated(self, authorization: str, sender: Sender) -> Principal:
        given = read_authorization(authorization)
        try:
            return await authenticate(given, self._find, self._key)
        except Unauthenticated:
            await self.throttle.slow(sender.network, given.user)
            raise


@asynccontextmanager
async def open_door(pool: asyncpg.Pool) -> AsyncIterator[Door]:
    """Until the end of the block."""
    door = Door(pool, await password_key(pool))
    task = asyncio.create_task(_regularly(door))
    try:
        yield door
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await _write(door)


async def _regularly(door: Door) -> None:
    while True:
        await asyncio.sleep(WRITE_SECONDS)
        await _write(door)


async def _write(door: Door) -> None:
    try:
        await door.uses.write()
        await door.throttle.forget()
    except Exception:  # such as a database that is away; the next round tries again
        logger.exception("uses of application passwords could not be written")
