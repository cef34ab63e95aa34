"""The first and the last day that there are: taken in every filter, search and history, and refused as an order's."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from domain.order import ORDER, PlaceOrder
from projections.queries.language.clock import Clock
from tests.api.shop import Shop, done, problems
from tests.eventstore.acts import do, terms
from tests.projections.replays import asked, made

ZONES = "UTC", "Pacific/Kiritimati", "Pacific/Marquesas", "America/New_York"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING: dict[str, Any] = {"history": {"data": [], "next_cursor": None}}
FIRST, LAST = "0001-01-01", "9999-12-31"


async def total(shop: Shop, **query: str) -> int:
    found: int = done(await shop.get(f"/customers?{urlencode(query)}"))["customers"]["total"]
    return found


@pytest.mark.parametrize("zone", ZONES)
async def test_filters_and_searches_reach_to_the_ends_of_time(shop: Shop, zone: str) -> None:
    customer_id = await shop.customer()
    await shop.order(customer_id, payment_status="paid", created_at="2025-01-02")
    everybody, buyers = await total(shop), await total(shop, search="purchase_count > 0")
    for search in (f"created_at <= {LAST}", f"created_at > {FIRST}", f"created_at::{FIRST}-{LAST}"):
        assert await total(shop, search=search, user_tz=zone) == everybody
    for search in (f"created_at > {LAST}", f"created_at < {FIRST}", f"created_at = {LAST}"):
        assert await total(shop, search=search, user_tz=zone) == 0
    for operator, value, expected in (
        ("between", [FIRST, LAST], buyers),
        ("before", LAST, buyers),
        ("after", FIRST, buyers),
        ("after", LAST, 0),
        ("before", FIRST, 0),
        ("date_equal", LAST, 0),
        ("date_equal", f"{LAST} 23:59:59", 0),
        ("days_within", 10**9, buyers),
    ):
        item = {"source": ["order", "last_purchase_date"], "operator": operator, "value": value}
        filters = json.dumps([[item]])
        assert await total(shop, filter_type="advanced", advanced_filters=filters, user_tz=zone) == expected


@pytest.mark.parametrize("zone", ZONES)
async def test_a_history_reaches_to_the_ends_of_time(shop: Shop, zone: str) -> None:
    customer_id = await shop.customer()
    for path in (f"/customers/{customer_id}/history", "/history"):
        whole = done(await shop.get(path))
        for since, until, expected in ((FIRST, LAST, whole), (LAST, LAST, NOTHING), (FIRST, FIRST, NOTHING)):
            query = urlencode({"from": since, "to": until, "user_tz": zone})
            assert done(await shop.get(f"{path}?{query}")) == expected


@pytest.mark.parametrize("zone", ZONES)
def test_every_day_and_second_has_a_span(zone: str) -> None:
    clock = Clock(NOW, ZoneInfo(zone))
    for text in (FIRST, LAST, f"{FIRST} 00:00:00", f"{LAST} 23:59:59", f"{FIRST}T00:00+14:00", f"{LAST}T23:59-14:00"):
        span = clock.span(text)
        assert span is not None
        assert span.start <= span.end


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "0001-01-01", "0001-01-01 12:00:00"])
async def test_an_order_of_the_zero_time_is_refused_with_a_sentence(shop: Shop, moment: str) -> None:
    customer_id = await shop.customer()
    answer = await shop.post("/orders", {"customer_id": customer_id, "total_amount": 1, "created_at": moment})
    assert problems(answer) == {"created_at": ["date"]}
    assert "0001-01-01 is what some programs write for none" in answer.text


@pytest.mark.parametrize("moment", ["0001-01-02T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z"])
async def test_an_order_of_any_other_time_replays_equal(shop: Shop, moment: str) -> None:
    customer_id = await shop.customer()
    await shop.order(customer_id, payment_status="paid", created_at=moment)
    assert await differences(shop) == {}


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
async def test_a_zero_time_that_is_stored_replays_equal(shop: Shop, moment: datetime) -> None:
    customer_id = await shop.customer()
    free_id = 1 + await shop.pool.fetchval("SELECT max(id) FROM orders")
    await do(shop.store, ORDER, free_id, PlaceOrder(terms=replace(terms(customer_id, 500), created_at=moment)))
    assert await differences(shop) == {}


async def differences(shop: Shop) -> dict[str, Any]:
    replay = await made(shop.store, asked())
    assert replay.status == "ready"
    kinds = "missing", "surplus", "differing"
    return {name: table for name, table in (replay.report or {}).items() if any(table[kind] for kind in kinds)}
