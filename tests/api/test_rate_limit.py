"""The rate of a credential, in PostgreSQL: one for all processes."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from api.access.rate_limit import RateLimit, RateStanding
from api.process.settings import RequestRate, Settings
from service.credentials.roles import Role
from tests.api.shop import Shop, open_shop, refusal, rule

ONE, OTHER = UUID(int=1), UUID(int=2)
TEN = RequestRate(10, 60)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[asyncpg.Pool]:
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool:
        yield pool


async def later(pool: asyncpg.Pool, seconds: float) -> None:
    """Sets the clock of the limit forward."""
    await pool.execute("UPDATE rate_limits SET spent_until = spent_until - make_interval(secs => $1)", seconds)


async def fitting(limit: RateLimit, times: int, credential: UUID = ONE) -> int:
    """How many of `times` requests fit, one after the other."""
    return sum([(await limit.spend(credential)).fits for _ in range(times)])


async def test_a_rate_is_granted_at_once_and_not_more(pool: asyncpg.Pool) -> None:
    limit = RateLimit(pool, TEN)
    assert await fitting(limit, 15) == 10


async def test_each_step_of_time_grants_one_more(pool: asyncpg.Pool) -> None:
    limit = RateLimit(pool, TEN)
    assert await fitting(limit, 15) == 10
    for _ in range(3):
        await later(pool, 6.5)
        assert await fitting(limit, 3) == 1


async def test_who_waits_is_granted_a_rate_and_not_more(pool: asyncpg.Pool) -> None:
    limit = RateLimit(pool, TEN)
    assert await fitting(limit, 15) == 10
    await later(pool, 10_000)
    assert await fitting(limit, 15) == 10


async def test_a_refused_request_does_not_count(pool: asyncpg.Pool) -> None:
    limit = RateLimit(pool, TEN)
    await fitting(limit, 1_000)
    await later(pool, 60)
    assert await fitting(limit, 15) == 10


async def test_each_credential_has_its_own(pool: asyncpg.Pool) -> None:
    limit = RateLimit(pool, TEN)
    assert await fitting(limit, 15) == 10
    assert await fitting(limit, 15, OTHER) == 10


async def test_it_is_told_how_many_are_left_and_when_to_come_again(pool: asyncpg.Pool) -> None:
    limit = RateLimit(pool, TEN)
    first = await limit.spend(ONE)
    assert dict(first.headers(TEN)) == {
        b"ratelimit-policy": b"10;w=60", b"ratelimit-limit": b"10", b"ratelimit-remaining": b"9",
        b"ratelimit-reset": b"6",
    }  # fmt: skip
    await fitting(limit, 9)
    refused = await limit.spend(ONE)
    assert (refused.fits, refused.left(TEN)) == (False, 0)
    assert 5 <= int(limit.refusal(refused).headers["Retry-After"]) <= 6


async def test_of_many_at_once_in_many_processes_no_more_than_the_rate_fit(pool: asyncpg.Pool, database: str) -> None:
    credentials = [uuid4() for _ in range(5)]
    async with asyncpg.create_pool(database, min_size=4, max_size=4) as other:
        limits = [RateLimit(pool, TEN), RateLimit(other, TEN), RateLimit(other, TEN)]
        asked = [(limit, credential) for _ in range(20) for limit in limits for credential in credentials]
        told: list[RateStanding] = await asyncio.gather(*(limit.spend(credential) for limit, credential in asked))
    granted = [credential for (_, credential), standing in zip(asked, told, strict=True) if standing.fits]
    assert {credential: granted.count(credential) for credential in credentials} == dict.fromkeys(credentials, 10)


@pytest.mark.parametrize(
    "rate",
    [
        RequestRate(1, 60),
        RequestRate(7, 60),
        RequestRate(100_000, 1),
        RequestRate(999_999, 3_600),
        RequestRate(1, 3_600),
    ],
)
async def test_any_rate_grants_what_it_says(pool: asyncpg.Pool, rate: RequestRate) -> None:
    """At once, and again when all of its time has gone by."""
    limit = RateLimit(pool, rate)
    for _ in range(2):
        told = await asyncio.gather(*(limit.spend(ONE) for _ in range(min(rate.requests, 300) + 5)))
        if rate.requests < 300:
            assert [standing.fits for standing in told].count(True) == rate.requests
        else:
            assert all(standing.fits for standing in told)
        await later(pool, rate.seconds)


# Over HTTP


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    async with open_shop(database, Settings(rate_limit=RequestRate(5, 60))) as shop:
        yield shop


async def statuses(shop: Shop, times: int, role: Role) -> list[int]:
    return [(await shop.get("/labels", auth=(role, shop.passwords[role]))).status_code for _ in range(times)]


async def test_a_credential_that_asks_too_often_is_a_429_and_others_are_not(shop: Shop) -> None:
    assert await statuses(shop, 8, "worker") == [200] * 5 + [429] * 3
    assert await statuses(shop, 5, "manager") == [200] * 5


async def test_every_answer_says_what_is_left(shop: Shop) -> None:
    paths = ("/labels", "/customers/999999", "/history", "/labels", "/labels", "/labels")
    answers = [await shop.get(path, auth=("worker", shop.passwords["worker"])) for path in paths]
    left = [(answer.status_code, answer.headers["ratelimit-remaining"]) for answer in answers]
    assert left == [(200, "4"), (404, "3"), (403, "2"), (200, "1"), (200, "0"), (429, "0")]
    assert {(it.headers["ratelimit-limit"], it.headers["ratelimit-policy"]) for it in answers} == {("5", "5;w=60")}
    wait = int(answers[-1].headers["retry-after"])
    assert 10 <= wait <= 12
    assert refusal(answers[-1]) == rule(429, f"Too many requests. Please try again in {wait} s.")


async def test_a_refused_write_is_not_carried_out(shop: Shop) -> None:
    auth = ("manager", shop.passwords["manager"])
    before = await shop.position()
    told = [(await shop.post("/labels", {"value": f"label {n}"}, auth=auth)).status_code for n in range(8)]
    assert told == [200] * 5 + [429] * 3
    assert await shop.position() == before + 5


async def test_a_stranger_spends_nothing_of_a_login(shop: Shop) -> None:
    for _ in range(20):
        assert (await shop.get("/labels", auth=("worker", "wrong"))).status_code in {401, 429}
    assert await statuses(shop, 1, "worker") == [200]


async def test_without_a_rate_nothing_is_counted(database: str) -> None:
    async with open_shop(database) as shop:
        assert await statuses(shop, 50, "worker") == [200] * 50
        assert "ratelimit-limit" not in (await shop.get("/labels")).headers
        assert await shop.pool.fetchval("SELECT count(*) FROM rate_limits") == 0
