"""So many requests in a time for each credential, whichever process they come to: the generic cell rate algorithm."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from math import ceil
from typing import NamedTuple
from uuid import UUID

import asyncpg
from litestar.types import Message, Scope

from api.http.refusals import TooMany
from api.process.settings import RequestRate
from eventstore.reading.coalesce import Coalescer

# Each request takes a step, and `spent_until` is ahead of now by those taken, at most by all steps of the rate. Sorted,
# or two statements that come across each other might wait for one another.
SPEND = """
    INSERT INTO rate_limits AS r (credential, spent_until, taken)
    SELECT credential, now() + least(wanted, $4) * $3::interval, least(wanted, $4)
    FROM unnest($1::uuid[], $2::int[]) AS asked (credential, wanted) ORDER BY credential
    ON CONFLICT (credential) DO UPDATE SET (spent_until, taken) = (
        SELECT since + fitting * $3::interval, fitting
        FROM (SELECT greatest(r.spent_until, now()) AS since) AS s CROSS JOIN LATERAL (
            SELECT extract(epoch FROM now() + $4 * $3::interval - since) / extract(epoch FROM $3::interval) AS free
        ) AS f CROSS JOIN LATERAL (SELECT greatest(0, least(excluded.taken, floor(free)::int)) AS fitting) AS g)
    RETURNING credential, taken, extract(epoch FROM spent_until - now())::float8 AS ahead"""

STATE = "rate_limit"
PAGES = 10  # of the console, that count as one request


class RateStanding(NamedTuple):
    """Where a credential is after a request: `ahead` seconds are spent. Not `fits`: it was not counted."""

    fits: bool
    ahead: float

    def left(self, rate: RequestRate) -> int:
        return max(0, int((rate.seconds - self.ahead) / rate.step))

    def headers(self, rate: RequestRate) -> list[tuple[bytes, bytes]]:
        """Headers as in the IETF's drafts, in the form that clients know."""
        headers = {
            "ratelimit-policy": f"{rate.requests};w={rate.seconds}",
            "ratelimit-limit": rate.requests,
            "ratelimit-remaining": self.left(rate),
            "ratelimit-reset": ceil(self.ahead),
        }
        return [(name.encode(), str(value).encode()) for name, value in headers.items()]


class RateLimit:
    def __init__(self, pool: asyncpg.Pool, rate: RequestRate) -> None:
        self.rate = rate
        self._pool = pool
        self._pages: Counter[UUID] = Counter()
        self._spend: Coalescer[UUID, RateStanding] = Coalescer(self._spend_together)

    async def spend(self, credential: UUID) -> RateStanding:
        """One request."""
        return await self._spend(credential)

    def refusal(self, standing: RateStanding) -> TooMany:
        return TooMany(max(1, ceil(standing.ahead + self.rate.step - self.rate.seconds)))

    async def count(self, scope: Scope, credential: UUID) -> None:
        """One request, and what its answer says of it. Raises TooMany."""
        standing = await self.spend(credential)
        scope["state"][STATE] = standing.headers(self.rate)
        if not standing.fits:
            raise self.refusal(standing)

    async def count_page(self, scope: Scope, credential: UUID) -> None:
        """A page that is looked at: several are one request, because who drags through time looks at thirty."""
        self._pages[credential] = (self._pages[credential] + 1) % PAGES
        if not self._pages[credential]:
            await self.count(scope, credential)

    async def _spend_together(self, asked: Sequence[UUID]) -> list[RateStanding]:
        wanted = Counter(asked)
        step = timedelta(seconds=self.rate.step)
        rows = await self._pool.fetch(SPEND, [*wanted], [*wanted.values()], step, self.rate.requests)
        ahead = {row["credential"]: row["ahead"] for row in rows}
        fitting = Counter({row["credential"]: row["taken"] for row in rows})
        told = []
        for credential in asked:
            told.append(RateStanding(fitting[credential] > 0, ahead[credential]))
            fitting[credential] -= 1
        return told


async def tell_standing(message: Message, scope: Scope) -> None:
    """With every answer to a request that was counted."""
    if message["type"] == "http.response.start":
        message["headers"] = [*message["headers"], *scope["state"].get(STATE, [])]
