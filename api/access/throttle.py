"""Slows whoever sends wrong passwords, by address and by login, over all processes. A right one never comes here."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache, partial
from hashlib import blake2b

import asyncpg

from api.http.refusals import TooMany
from eventstore.reading.coalesce import Coalescer
from service.redaction import Personal

FREE = 5  # wrong ones in a row that cost no time
STEP, LONGEST = 0.1, 2.0  # seconds that each one more costs, and all of them at most
LEAK = 0.1  # forgiven in a second
MOST = 50  # are remembered
MAX_WAITING = 1_000  # in this process
FORGET_SECONDS = 600  # more than it takes to forgive all of them

FAILED = f"""
    INSERT INTO login_failures AS known (key, level, at)
    SELECT key, count(*), now() FROM unnest($1::bytea[]) AS key GROUP BY key ORDER BY key
    ON CONFLICT (key) DO UPDATE SET at = greatest(known.at, now()), level = least({MOST},
        greatest(0, known.level - {LEAK} * extract(epoch FROM greatest(known.at, now()) - known.at)) + excluded.level)
    RETURNING key, level"""
FORGET = "DELETE FROM login_failures WHERE at < now() - make_interval(secs => $1)"

Keys = Sequence[bytes]


class Throttle:
    """What waits here has had its password looked up and found wrong: nobody can make another's right one wait."""

    def __init__(self, pool: asyncpg.Pool, key: bytes) -> None:
        self._pool = pool
        self._key = key
        self._waiting = 0
        self._level = Coalescer(self._levels)
        self._alias = lru_cache(1_000)(partial(self._digest, "network"))  # asked for with each write

    async def slow(self, network: Personal, login: Personal | None) -> None:
        """Returns when the one who sent a wrong password may know that it was. Raises TooMany, instead of waiting."""
        if self._waiting >= MAX_WAITING:
            raise TooMany(int(LONGEST))
        self._waiting += 1
        try:
            keys = [] if login is None else [self._digest("login", login)]
            level = await self._level([self._digest("network", network), *keys])
            await asyncio.sleep(min(LONGEST, max(0, level - FREE) * STEP))
        finally:
            self._waiting -= 1

    async def forget(self) -> None:
        """Those who have long stopped."""
        await self._pool.execute(FORGET, FORGET_SECONDS)

    def alias(self, network: Personal) -> str:
        """What tells a network from others, and nothing else of it."""
        return self._alias(network).hex()[:16]

    def _digest(self, kind: str, who: Personal) -> bytes:
        return blake2b(f"{kind} {who.reveal()}".encode(), key=self._key, digest_size=16).digest()

    async def _levels(self, failures: Sequence[Keys]) -> list[float]:
        """The higher one of each."""
        keys = [key for each in failures for key in each]
        levels = {row["key"]: row["level"] for row in await self._pool.fetch(FAILED, keys)}
        return [max(levels[key] for key in each) for each in failures]
