"""Wrong passwords: answered ever more slowly, by where they come from and for whom; right ones never."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from statistics import median
from time import perf_counter
from typing import cast

import httpx
import pytest

from api.access import throttle
from api.access.throttle import FREE, LONGEST, STEP
from tests.api.shop import SETTINGS, UNAUTHENTICATED, Shop, open_shop, refusal

MANY = FREE + int(LONGEST / STEP)
Login = tuple[str, str]


@pytest.fixture
async def shop(shop: Shop) -> AsyncIterator[Shop]:
    """Nobody has sent a wrong password yet."""
    await shop.forgive()
    yield shop
    await shop.forgive()


async def ask(shop: Shop, login: Login, address: str = "192.0.2.1") -> tuple[int, float]:
    """The status, and how long it took."""
    transport = cast("httpx.ASGITransport", shop.http._transport)
    sent_from = httpx.ASGITransport(transport.app, client=(address, 1))
    async with httpx.AsyncClient(transport=sent_from, base_url=shop.http.base_url, auth=login) as http:
        began = perf_counter()
        answer = await http.get("/labels")
        return answer.status_code, perf_counter() - began


async def least(shop: Shop, login: Login, address: str = "192.0.2.1") -> float:
    """Seconds, least of the few attempts that cost none: a busy machine's pauses are not the throttle's."""
    return min([(await ask(shop, login, address))[1] for _ in range(3)])


async def guess(shop: Shop, login: str = "jim", addresses: tuple[str, ...] = ("192.0.2.1",)) -> None:
    """Enough wrong passwords, all at once."""
    asked = (ask(shop, (login, f"wrong {number}"), addresses[number % len(addresses)]) for number in range(MANY))
    assert {status for status, _ in await asyncio.gather(*asked)} == {401}


async def test_who_sends_wrong_passwords_waits(shop: Shop) -> None:
    await guess(shop)
    status, seconds = await ask(shop, ("somebody else", "wrong"))
    assert status == 401
    assert seconds >= LONGEST - 1  # something is forgiven meanwhile


async def test_the_first_few_cost_no_time(shop: Shop) -> None:
    asked = [await ask(shop, ("jim", f"wrong {number}")) for number in range(FREE)]
    assert {status for status, _ in asked} == {401}
    assert median(seconds for _, seconds in asked) < 2 * STEP


async def test_it_is_forgiven_in_time(shop: Shop) -> None:
    await guess(shop)
    await shop.pool.execute("UPDATE login_failures SET at = at - interval '9 minutes'")
    assert await least(shop, ("jim", "wrong")) < LONGEST / 2


async def test_wrong_passwords_for_one_login_are_slow_wherever_they_come_from(shop: Shop) -> None:
    await guess(shop, "jim", tuple(f"192.0.2.{number}" for number in range(MANY)))
    assert (await ask(shop, ("jim", "wrong"), "198.51.100.1"))[1] >= LONGEST - 1
    assert await least(shop, ("joe", "wrong"), "198.51.100.1") < LONGEST / 2


async def test_neighbours_in_one_network_of_ipv6_are_one(shop: Shop) -> None:
    await guess(shop, "jim", tuple(f"2001:db8::{number}" for number in range(MANY)))
    assert (await ask(shop, ("joe", "wrong"), "2001:db8::ffff:1"))[1] >= LONGEST - 1
    assert await least(shop, ("ida", "wrong"), "2001:db8:0:1::1") < LONGEST / 2


async def test_a_right_password_never_waits_even_from_where_the_wrong_ones_come(shop: Shop) -> None:
    guessing = asyncio.create_task(guess(shop, "worker"))
    times = []
    while not guessing.done():
        status, seconds = await ask(shop, ("worker", shop.passwords["worker"]))
        assert status == 200
        times.append(seconds)
    await guessing
    assert len(times) > 10
    assert median(times) < LONGEST / 2


async def test_whether_a_login_exists_does_not_show_in_how_it_is_slowed(shop: Shop) -> None:
    await guess(shop, "worker", ("192.0.2.1",))
    await guess(shop, "nobody", ("198.51.100.1",))
    levels = await shop.pool.fetch("SELECT level FROM login_failures")
    assert len(levels) == 4
    assert max(row["level"] for row in levels) - min(row["level"] for row in levels) < 1


async def test_nothing_that_a_stranger_sends_is_kept(shop: Shop) -> None:
    await ask(shop, ("jane@example.com", "hunter2"))
    for row in await shop.pool.fetch("SELECT key, known::text AS row FROM login_failures AS known"):
        assert len(row["key"]) == 16
        assert not any(word in row["row"] for word in ("jane", "hunter2", "192.0.2.1", b"jane".hex()))


async def test_who_sends_no_password_is_refused_at_once_and_nothing_is_counted(shop: Shop) -> None:
    for header in ({}, {"Authorization": "Basic !"}, {"Authorization": "Digest x"}):
        transport = shop.http._transport
        async with httpx.AsyncClient(transport=transport, base_url=shop.http.base_url, headers=header) as http:
            assert refusal(await http.get("/labels")) == UNAUTHENTICATED
    assert await shop.pool.fetchval("SELECT count(*) FROM login_failures") == 0


async def test_when_too_many_wait_already_the_rest_is_told_to_come_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await guess(shop)
    monkeypatch.setattr(throttle, "MAX_WAITING", 3)
    answers = await asyncio.gather(*(ask(shop, ("jim", "wrong")) for _ in range(10)))
    refused = [status for status, _ in answers].count(429)
    assert 0 < refused <= 7  # all of the rest, where the machine does nothing else for two seconds
    assert [status for status, _ in answers].count(401) == 10 - refused
    assert (await ask(shop, ("worker", shop.passwords["worker"])))[0] == 200


async def test_those_who_have_long_stopped_are_forgotten(shop: Shop) -> None:
    await ask(shop, ("jim", "wrong"))
    await shop.pool.execute("UPDATE login_failures SET at = at - interval '1 hour'")
    await ask(shop, ("jim", "wrong"), "198.51.100.1")
    await shop.app.state.service.authenticator.throttle.forget()
    assert await shop.pool.fetchval("SELECT count(*) FROM login_failures") == 2


# Where requests come from


async def used_from(shop: Shop, forwarded: str, address: str = "10.0.0.1") -> str | None:
    """What is kept of a request's origin, when it came with this X-Forwarded-For."""
    transport = cast("httpx.ASGITransport", shop.http._transport)
    login = ("worker", shop.passwords["worker"])
    sent_from = httpx.ASGITransport(transport.app, client=(address, 1))
    async with httpx.AsyncClient(transport=sent_from, base_url=shop.http.base_url, auth=login) as http:
        await http.get("/labels", headers={"X-Forwarded-For": forwarded})
    await shop.app.state.service.authenticator.uses.write()
    return cast("str | None", await shop.pool.fetchval("SELECT last_used_from FROM credentials WHERE login = 'worker'"))


async def test_what_a_client_says_of_its_address_is_not_believed(empty_shop: Shop) -> None:
    assert await used_from(empty_shop, "203.0.113.9") == "10.0.0.1"


async def test_what_a_trusted_proxy_says_is_and_no_more_than_that(database: str) -> None:
    async with open_shop(database, replace(SETTINGS, trusted_proxies=("10.0.0.0/8", "fd00::1"))) as shop:
        assert await used_from(shop, "203.0.113.9") == "203.0.113.9"
        assert await used_from(shop, "1.2.3.4, 203.0.113.9, 10.7.7.7") == "203.0.113.9"
        assert await used_from(shop, "203.0.113.9", "fd00::1") == "203.0.113.9"
        assert await used_from(shop, "203.0.113.9", "192.0.2.1") == "192.0.2.1"
        assert await used_from(shop, "<script>") == "unknown"
        assert await used_from(shop, "::ffff:203.0.113.9") == "203.0.113.9"


# When they were used


async def test_a_use_is_noted_with_each_request_and_written_once_for_many(empty_shop: Shop) -> None:
    shop, authenticator = empty_shop, empty_shop.app.state.service.authenticator
    row = "SELECT last_used_at, last_used_from, xmin::text FROM credentials WHERE login = 'worker'"
    before = await shop.pool.fetchrow(row)
    for _ in range(50):
        assert (await ask(shop, ("worker", shop.passwords["worker"])))[0] == 200
    assert await shop.pool.fetchrow(row) == before
    await authenticator.uses.write()
    after = await shop.pool.fetchrow(row)
    assert after
    assert after["last_used_from"] == "192.0.2.1"
    await authenticator.uses.write()
    assert await shop.pool.fetchrow(row) == after


async def test_a_use_that_could_not_be_written_is_written_later(empty_shop: Shop) -> None:
    shop, authenticator = empty_shop, empty_shop.app.state.service.authenticator
    await ask(shop, ("worker", shop.passwords["worker"]))
    await shop.pool.execute("ALTER TABLE credentials RENAME TO away")
    with pytest.raises(Exception, match="credentials"):
        await authenticator.uses.write()
    await shop.pool.execute("ALTER TABLE away RENAME TO credentials")
    await authenticator.uses.write()
    assert await shop.pool.fetchval("SELECT last_used_from FROM credentials WHERE login = 'worker'") == "192.0.2.1"


async def test_uses_are_written_when_the_service_ends(database: str) -> None:
    async with open_shop(database) as shop:
        await ask(shop, ("worker", shop.passwords["worker"]))
    async with open_shop(database) as shop:
        used = "SELECT count(*) FROM credentials WHERE last_used_at > now() - interval '1 minute'"
        assert await shop.pool.fetchval(used) == 1
