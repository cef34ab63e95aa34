"""What those see who watch over the service: drift in its health, its metrics, and a sampler that looks by itself."""

import logging
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from eventstore.chain.signer import sign_new
from service.background.sampler import sample
from service.credentials.roles import Role
from tests.api.documented import Body, conforms
from tests.api.shop import FORBIDDEN, SETTINGS, UNAUTHENTICATED, Shop, done, open_shop, refusal, rule
from tests.eventstore.acts import until
from tests.eventstore.audited import KEY
from tests.projections.test_verify import whole

SPOIL = "UPDATE figures SET ltv = 7 WHERE id = $1"
SPOIL_ORDER = "UPDATE stored_events SET state = '{' WHERE topic = 'order-placed#1' AND customer_id = $1"
OLD = "UPDATE verifications SET checked_at = checked_at - interval '1 hour'"


@pytest.fixture
async def web(empty_shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody in particular."""
    async with httpx.AsyncClient(transport=empty_shop.http._transport, base_url="http://store.example") as web:
        yield web


async def drift(web: httpx.AsyncClient) -> Any:
    answer = await web.get("/health/ready")
    conforms(answer)
    body = done(answer)
    assert body["status"] == "ok"
    return body["drift"]


async def numbers(shop: Shop, role: Role = "monitor") -> dict[str, float]:
    """The metrics that are there, by name and labels."""
    answer = await shop.http.get("http://store.example/metrics", auth=(role, shop.passwords[role]))
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = (line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


async def buyer(shop: Shop) -> int:
    id_ = await shop.customer()
    await shop.order(id_, 1_000, total_paid=1_000)
    return id_


async def test_drift_is_told_by_health_and_metrics_until_it_is_repaired(
    empty_shop: Shop, web: httpx.AsyncClient
) -> None:
    shop = empty_shop
    good, bad, unreadable = await buyer(shop), await buyer(shop), await buyer(shop)
    assert await drift(web) is None
    assert not [name for name in await numbers(shop) if "verification" in name or "drift" in name]
    await shop.pool.execute(SPOIL, bad)
    await shop.pool.execute(SPOIL_ORDER, unreadable)
    await whole(shop.store)
    told = await drift(web)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", told.pop("checked_at"))
    assert told == {"checked": 3, "drifted": 1, "unverified": 1}
    counted = await numbers(shop)
    assert counted["custodiary_drifted_customers"] == counted["custodiary_unverified_customers"] == 1
    assert counted["custodiary_verification_customers"] == 3
    assert counted["custodiary_verification_timestamp_seconds"] > 1_700_000_000
    assert counted["custodiary_log_position"] == await shop.position()
    assert done(await shop.post(f"/customers/{bad}/recalculate-ltv"))["drift"]
    assert done(await shop.post(f"/customers/{good}/recalculate-ltv"))["drift"] is None
    assert (await drift(web))["drifted"] == 0
    assert (await numbers(shop))["custodiary_drifted_customers"] == 0


async def test_figures_that_cannot_be_told_are_a_conflict_that_names_the_event(shop: Shop) -> None:
    id_ = await buyer(shop)
    position = await shop.position()
    await shop.pool.execute("UPDATE stored_events SET state = '{' WHERE notification_id = $1", position)
    answer = await shop.post(f"/customers/{id_}/recalculate-ltv")
    problem = f"The event at position {position} can't be applied: what depends on it can't be told."
    assert refusal(answer) == rule(409, problem)
    conforms(answer)


async def test_a_list_counts_anew_after_a_repair(empty_shop: Shop) -> None:
    shop = empty_shop
    ids = [await buyer(shop) for _ in range(4)]
    rich: Body = {"search": "ltv > 500", "per_page": 2}

    async def total() -> Any:
        return done(await shop.get("/customers", params=rich))["customers"]["total"]

    await shop.pool.execute(SPOIL, ids[0])
    assert await total() == 3
    done(await shop.post(f"/customers/{ids[0]}/recalculate-ltv"))
    assert await total() == 4


# Metrics


async def test_requests_are_counted_by_route_and_by_nothing_that_a_client_made_up(
    empty_shop: Shop, web: httpx.AsyncClient
) -> None:
    shop = empty_shop
    id_ = await shop.customer(email="secret.person@example.com")
    before = await numbers(shop)
    for _ in range(3):
        await shop.get(f"/customers/{id_}", params={"search": "secret.person"})
    await shop.get("/customers/99999999")
    await web.get("/nothing/here/secret.person")
    await web.request("SECRET", "/health/live")
    await web.get("/wp-json/fluent-cart/v2/customers")
    after = await numbers(shop)
    gained = {name: after[name] - before.get(name, 0) for name in after if "_requests_total" in name}
    one = 'route="/wp-json/fluent-cart/v2/customers/{customer_id}"'
    expected = {
        f'method="GET",{one},status="200"': 3,
        f'method="GET",{one},status="404"': 1,
        'method="GET",route="none",status="404"': 1,
        'method="other",route="none",status="405"': 1,
        'method="GET",route="/wp-json/fluent-cart/v2/customers",status="401"': 1,
        'method="GET",route="/metrics",status="200"': 1,
    }
    counted = {name.partition("{")[2].removesuffix("}"): number for name, number in gained.items() if number}
    assert counted == expected
    timed = f'custodiary_http_request_seconds_count{{method="GET",{one}}}'
    assert after[timed] - before.get(timed, 0) == 4
    assert not [name for name in after if "secret" in name.lower() or "9999" in name]


async def test_how_far_the_log_is_signed_is_told(empty_shop: Shop) -> None:
    shop = empty_shop
    await shop.customer()
    assert not [name for name in await numbers(shop) if "checkpoint" in name]
    await sign_new(shop.pool, KEY)
    counted = await numbers(shop)
    assert counted["custodiary_checkpoint_position"] == counted["custodiary_log_position"]
    assert counted["custodiary_checkpoint_timestamp_seconds"] > 1_700_000_000


async def test_metrics_are_for_those_who_may_see_them_and_a_monitor_sees_nothing_else(
    empty_shop: Shop, web: httpx.AsyncClient
) -> None:
    shop = empty_shop
    assert refusal(await web.get("/metrics")) == UNAUTHENTICATED
    unfit: tuple[Role, ...] = ("manager", "worker")
    for role in unfit:
        answer = await web.get("/metrics", auth=(role, shop.passwords[role]))
        assert refusal(answer) == FORBIDDEN
    assert await numbers(shop, "administrator")
    assert refusal(await shop.get("/customers", auth=("monitor", shop.passwords["monitor"]))) == FORBIDDEN


# The sampler


async def test_the_sampler_keeps_and_logs_what_it_finds_and_forgets_it_once_it_is_repaired(
    empty_shop: Shop, caplog: pytest.LogCaptureFixture, web: httpx.AsyncClient
) -> None:
    shop = empty_shop
    bad, unreadable = await buyer(shop), await buyer(shop)
    await shop.pool.execute(SPOIL, bad)
    await shop.pool.execute(SPOIL_ORDER, unreadable)
    with caplog.at_level(logging.WARNING, "custodiary.verify"):
        await sample(shop.store, 60)
    assert [record.getMessage() for record in caplog.records if record.name == "custodiary.verify"] == [
        f"stored figures of customers [{bad}] are not what their events give",
        f"figures of customers [{unreadable}] can't be told from their events",
    ]
    await shop.pool.execute("UPDATE figures SET ltv = 1000")
    await sample(shop.store, 60)
    assert (await drift(web))["drifted"] == 1
    await shop.pool.execute(OLD)
    await sample(shop.store, 60)
    assert (await drift(web))["drifted"] == 0


async def test_only_one_process_samples_at_a_time(empty_shop: Shop, web: httpx.AsyncClient) -> None:
    shop = empty_shop
    await buyer(shop)
    async with shop.pool.acquire() as other, other.transaction():
        await other.execute("SELECT pg_advisory_xact_lock(hashtext('custodiary verify'))")
        await sample(shop.store, 60)
        assert await drift(web) is None
    await sample(shop.store, 60)
    assert await drift(web)


async def test_the_sampler_runs_while_the_service_does_if_it_is_asked_to(database: str) -> None:
    async with open_shop(database, replace(SETTINGS, verify_seconds=0.01)) as shop:
        id_ = await buyer(shop)
        await shop.pool.execute(SPOIL, id_)
        await until(lambda: shop.pool.fetchval("SELECT customer_id FROM drift"), "the sampler finds it")
