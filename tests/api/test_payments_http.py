"""Payments and refunds over HTTP."""

from typing import Any

import pytest

from tests.api.shop import Shop, done, problems
from tests.api.test_orders_http import MARCH, MAY, NOTHING, figures, order


async def test_payments_and_refunds_move_the_figures(shop: Shop) -> None:
    customer_id = await shop.customer()
    id_ = await shop.order(customer_id, 1_000, created_at=MARCH)
    steps = [
        (shop.pay, 400, "partially_paid", (400, 1, 400, MARCH, MARCH, {"USD": 400})),
        (shop.pay, 600, "paid", (1_000, 1, 1_000, MARCH, MARCH, {"USD": 1_000})),
        (shop.refund, 300, "partially_refunded", (700, 1, 700, MARCH, MARCH, {"USD": 700})),
        (shop.refund, 700, "refunded", NOTHING),
    ]
    for move, amount, status, expected in steps:
        body = await move(id_, amount)
        assert body["data"]["payment_status"] == status
        assert await figures(shop, customer_id) == expected
    later = await shop.order(customer_id, 500, total_paid=500, created_at=MAY)
    assert await figures(shop, customer_id) == (500, 1, 500, MAY, MAY, {"USD": 500})
    assert [sent["total"] for sent in (await order(shop, id_))["transactions"]] == [400, 600, 300, 700]
    assert (await order(shop, later))["refunded_at"] is None


async def test_a_repeated_transaction_changes_nothing(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    await shop.pay(id_, 500, "p-1")
    await shop.refund(id_, 100, "r-1")
    before, known = await shop.position(), await order(shop, id_)
    assert (await shop.pay(id_, 500, "p-1"))["data"] == known
    assert (await shop.pay(id_, 999, " p-1 "))["data"] == known
    assert (await shop.refund(id_, 100, "r-1"))["data"] == known
    assert await shop.position() == before


async def test_a_refund_may_bear_the_id_of_the_charge(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    await shop.pay(id_, 500, "ch-1")
    assert (await shop.refund(id_, 100, "ch-1"))["data"]["total_refund"] == 100


async def test_no_more_is_refunded_than_was_paid(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    refund = {"amount": 1, "transaction_id": "r-1"}
    assert problems(await shop.post(f"/orders/{id_}/refunds", refund)) == {"amount": ["max"]}
    await shop.pay(id_, 500)
    await shop.refund(id_, 400)
    before = await shop.position()
    answer = await shop.post(f"/orders/{id_}/refunds", refund | {"amount": 101})
    assert problems(answer) == {"amount": ["max"]}
    assert await shop.position() == before
    done(await shop.post(f"/orders/{id_}/refunds", refund | {"amount": 100}))


@pytest.mark.parametrize("kind", ["payments", "refunds"])
@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ({}, {"amount": ["required"], "transaction_id": ["required"]}),
        ({"amount": 0, "transaction_id": " "}, {"amount": ["min"], "transaction_id": ["required"]}),
        ({"amount": -5, "transaction_id": "a" * 256}, {"amount": ["min"], "transaction_id": ["maxLength"]}),
        ({"amount": 2**63, "transaction_id": "a\0"}, {"amount": ["max"], "transaction_id": ["string"]}),
        ({"amount": 2**70, "transaction_id": []}, {"amount": ["numeric"], "transaction_id": ["string"]}),
        ({"amount": "12.50", "transaction_id": {}}, {"amount": ["numeric"], "transaction_id": ["string"]}),
    ],
)
async def test_every_field_of_money_that_does_not_fit_is_named(shop: Shop, kind: str, sent: Any, broken: Any) -> None:
    id_ = await shop.order(await shop.customer())
    before = await shop.position()
    assert problems(await shop.post(f"/orders/{id_}/{kind}", sent)) == broken
    when = {"payments": "paid_at", "refunds": "refunded_at"}[kind]
    fine = {"amount": 1, "transaction_id": "x"}
    assert problems(await shop.post(f"/orders/{id_}/{kind}", fine | {when: "tomorrow"})) == {when: ["date"]}
    assert await shop.position() == before


async def test_more_money_than_json_can_count_is_refused(shop: Shop) -> None:
    customer_id = await shop.customer()
    one, two = [await shop.order(customer_id) for _ in range(2)]
    await shop.pay(one, 2**53 - 1)
    before = await shop.position()
    for order_id in (one, two):
        answer = await shop.post(f"/orders/{order_id}/payments", {"amount": 1, "transaction_id": "t"})
        assert problems(answer) == {"amount": ["max"]}
    assert await shop.position() == before
