"""Figures: as widgets, and repaired from history when somebody has spoilt them."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.shop import NO_CUSTOMER, Shop, done, refusal

RECALCULATED = "Lifetime value recalculated successfully"
MARCH, MAY = "2025-03-01 10:00:00", "2025-05-01 10:00:00"
WIDGETS = ["ltv", "aov", "purchase_count", "first_purchase_date", "last_purchase_date", "days_since_last_purchase"]


async def buyer(shop: Shop) -> int:
    id_ = await shop.customer()
    await shop.order(id_, 1_000, total_paid=1_000, created_at=MARCH)
    await shop.order(id_, 501, total_paid=501, created_at=MAY, currency="EUR", rate="1.1")
    return id_


# Widgets


async def test_widgets_show_the_figures(shop: Shop) -> None:
    id_ = await buyer(shop)
    body = done(await shop.get(f"/customers/get-stats/{id_}"))
    assert list(body) == ["widgets"]
    widgets = {widget["key"]: widget["value"] for widget in body["widgets"]}
    assert list(widgets)[: len(WIDGETS)] == WIDGETS
    assert [widgets[key] for key in WIDGETS[:5]] == [1_551, 775.5, 2, MARCH, MAY]
    assert widgets["days_since_last_purchase"] == (datetime.now(UTC) - datetime(2025, 5, 1, 10, tzinfo=UTC)).days
    assert sorted(value for key, value in widgets.items() if key not in WIDGETS) == [501, 1_000]
    for widget in body["widgets"]:
        assert list(widget)[:3] == ["key", "title", "value"]
        assert widget.keys() <= {"key", "title", "value", "formatted", "hint"}


async def test_an_amount_for_people_is_rounded_half_up(shop: Shop) -> None:
    id_ = await shop.customer()
    for paid in (2_512, 2_513):
        await shop.order(id_, paid, total_paid=paid)
    widgets = {it["key"]: it for it in done(await shop.get(f"/customers/get-stats/{id_}"))["widgets"]}
    assert (widgets["aov"]["value"], widgets["aov"]["formatted"]) == (2_512.5, "25.13 USD")


async def test_widgets_of_who_bought_nothing_say_so(shop: Shop) -> None:
    widgets = done(await shop.get(f"/customers/get-stats/{await shop.customer()}"))["widgets"]
    assert [(widget["key"], widget["value"]) for widget in widgets] == list(
        zip(WIDGETS, [0, 0, 0, None, None, None], strict=True)
    )


async def test_a_purchase_to_come_is_no_fault(shop: Shop) -> None:
    id_, later = await shop.customer(), datetime.now(UTC) + timedelta(days=3)
    await shop.order(id_, 1, total_paid=1, created_at=later.isoformat())
    done(await shop.get(f"/customers/get-stats/{id_}"))


@pytest.mark.parametrize("id_", ["999999", "0", "abc", "9" * 30, "%00"])
async def test_nobody_has_figures(shop: Shop, id_: str) -> None:
    assert refusal(await shop.get(f"/customers/get-stats/{id_}")) == NO_CUSTOMER
    assert refusal(await shop.post(f"/customers/{id_}/recalculate-ltv")) == NO_CUSTOMER


# Recalculate


async def test_figures_that_are_right_are_left_alone(shop: Shop) -> None:
    id_ = await buyer(shop)
    before, known = await shop.position(), await shop.shown(id_)
    body = done(await shop.post(f"/customers/{id_}/recalculate-ltv", {"ltv": 1}))
    assert list(body) == ["message", "customer", "drift"]
    assert (body["message"], body["drift"]) == (RECALCULATED, None)
    assert {key: known[key] for key in body["customer"]} == body["customer"]
    assert await shop.position() == before
    assert await shop.shown(id_) == known


async def recalculate(shop: Shop, id_: int) -> Any:
    return done(await shop.post(f"/customers/{id_}/recalculate-ltv"))["drift"]


async def test_who_writes_meanwhile_is_no_fault_of_the_figures(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_, 1_000)
    acts: list[Coroutine[Any, Any, Any]] = []
    for _ in range(20):
        acts += recalculate(shop, id_), shop.pay(order_id, 1), shop.order(id_, 5, total_paid=5)
    assert (await asyncio.gather(*acts))[::3] == [None] * 20
    assert done(await shop.get(f"/orders/{order_id}"))["order"]["total_paid"] == 20
    known = await shop.shown(id_)
    assert (known["ltv"], known["purchase_count"]) == (120, 21)


@pytest.mark.parametrize(
    ("spoilt", "drift"),
    [
        ("ltv = 1", {"ltv": (1, 1_551)}),
        ("aov = 0.01", {"aov": (0.01, 775.5)}),
        ("purchase_count = 0", {"purchase_count": (0, 2)}),
        ("first_purchase_date = NULL", {"first_purchase_date": (None, MARCH)}),
        ("last_purchase_date = '2030-01-01'", {"last_purchase_date": ("2030-01-01 00:00:00", MAY)}),
        ("purchase_value = '{}'", {"purchase_value": ({}, {"USD": 1_000, "EUR": 501})}),
        ("ltv = 9, purchase_count = 8", {"ltv": (9, 1_551), "purchase_count": (8, 2)}),
    ],
)
async def test_figures_that_somebody_has_spoilt_are_told_and_repaired(shop: Shop, spoilt: str, drift: Any) -> None:
    id_ = await buyer(shop)
    before, known = await shop.position(), await shop.shown(id_)
    await shop.pool.execute(f"UPDATE figures SET {spoilt} WHERE id = $1", id_)
    body = done(await shop.post(f"/customers/{id_}/recalculate-ltv"))
    assert body["drift"] == {
        field: {"stored": stored, "recalculated": right} for field, (stored, right) in drift.items()
    }
    assert await shop.shown(id_) == known
    assert {key: known[key] for key in body["customer"]} == body["customer"]
    assert await shop.position() == before
    assert await recalculate(shop, id_) is None


@pytest.mark.parametrize(
    "spoiling",
    [
        "UPDATE orders SET total_paid = 0 WHERE customer_id = $1",
        "UPDATE orders SET payment_status = 'failed' WHERE customer_id = $1",
        "DELETE FROM orders WHERE customer_id = $1",
    ],
)
async def test_orders_that_somebody_has_spoilt_do_not_mislead_it(shop: Shop, spoiling: str) -> None:
    """History counts, not the rows that were made of it; the next payment counts on them too."""
    id_ = await buyer(shop)
    await shop.pool.execute(spoiling, id_)
    await shop.pool.execute("UPDATE figures SET ltv = 0 WHERE id = $1", id_)
    body = done(await shop.post(f"/customers/{id_}/recalculate-ltv"))
    assert body["customer"]["ltv"] == 1_551
    await shop.order(id_, 49, total_paid=49)
    assert (await shop.shown(id_))["ltv"] == 1_600
