"""Payments and refunds over HTTP."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from tests.api.documented import conforms
from tests.api.shop import Shop, done, open_shop, problems, refusal
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
    assert (await shop.pay(id_, 500, " p-1 "))["data"] == known
    assert (await shop.refund(id_, 100, "r-1"))["data"] == known
    assert await shop.position() == before


async def test_no_more_is_refunded_than_was_paid(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    refund = {"amount": 1, "transaction_id": "too-much"}
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


# The id of a transaction is the store's


def other_transaction(id_: str, recorded: tuple[int, str, int], sent: tuple[int, str, int], other: str) -> Any:
    """The refusal, in which both are told."""
    names = ("order_id", "type", "amount")
    data = {
        "transaction_id": id_,
        "recorded": dict(zip(names, recorded, strict=True)),
        "sent": dict(zip(names, sent, strict=True)),
    }
    message = f"Transaction {id_} is recorded already, with another {other}. Nothing was done."
    return 409, {"code": 409, "message": message, "data": data}


async def test_a_transaction_that_comes_again_as_something_else_is_refused_with_both(shop: Shop) -> None:
    one, two = [await shop.order(await shop.customer()) for _ in range(2)]
    await shop.pay(one, 500, "both-p")
    await shop.pay(two, 500)
    await shop.refund(one, 100, "both-r")
    before = await shop.position()
    paid, refunded = (one, "payment", 500), (one, "refund", 100)
    cases = [
        (one, "payments", 499, "both-p", paid, "amount"),
        (one, "refunds", 500, "both-p", paid, "type"),
        (one, "refunds", 9_999, "both-p", paid, "type and amount"),
        (two, "payments", 500, "both-p", paid, "order"),
        (two, "refunds", 1, "both-p", paid, "order and type and amount"),
        (one, "refunds", 101, "both-r", refunded, "amount"),
        (one, "payments", 100, "both-r", refunded, "type"),
        (two, "refunds", 100, "both-r", refunded, "order"),
    ]
    for order_id, kind, amount, id_, recorded, other in cases:
        body = {"amount": amount, "transaction_id": id_}
        answer = await shop.post(f"/orders/{order_id}/{kind}", body)
        sent = (order_id, kind.removesuffix("s"), amount)
        assert refusal(answer) == other_transaction(id_, recorded, sent, other), (kind, body)
        assert conforms(answer) == {"payments": "record_payment", "refunds": "record_refund"}[kind]
    assert await shop.position() == before


async def test_a_transaction_goes_with_its_order_and_is_free_when_that_is_deleted(shop: Shop) -> None:
    customer_id, other = await shop.customer(), await shop.customer()
    one, two = await shop.order(customer_id), await shop.order(customer_id)
    await shop.pay(one, 500, "goes-along")
    done(await shop.post(f"/orders/{one}/transfer", {"customer_id": other}))
    body = {"amount": 500, "transaction_id": "goes-along"}
    assert (await shop.post(f"/orders/{two}/payments", body)).status_code == 409
    done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [other]}))
    assert (await shop.post(f"/orders/{two}/payments", body)).status_code == 409
    done(await shop.delete(f"/orders/{one}"))
    done(await shop.post(f"/orders/{two}/payments", body))


async def test_of_one_transaction_sent_to_many_orders_at_once_one_is_recorded(shop: Shop) -> None:
    orders = [await shop.order(await shop.customer()) for _ in range(10)]
    body = {"amount": 500, "transaction_id": "many-orders"}
    answers = await asyncio.gather(*(shop.post(f"/orders/{id_}/payments", body) for id_ in orders))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    [winner] = [answer.json()["data"]["id"] for answer in answers if answer.status_code == 200]
    for id_, answer in zip(orders, answers, strict=True):
        if id_ != winner:
            recorded, sent = (winner, "payment", 500), (id_, "payment", 500)
            assert refusal(answer) == other_transaction("many-orders", recorded, sent, "order")


async def test_two_processes_record_one_transaction_once(database: str) -> None:
    """Others differ in amount, kind and order; any of them may come first."""
    async with open_shop(database) as one, open_shop(database) as two:
        orders = [await one.order(await one.customer(), total_paid=1_000) for _ in range(2)]
        for number in range(10):
            id_ = f"race-{number}"
            requests = [
                (f"/orders/{order_id}/{kind}", {"amount": amount, "transaction_id": id_})
                for order_id in orders for kind in ("payments", "refunds") for amount in (1, 2)
            ]  # fmt: skip
            both = [(shop, *request) for request in requests for shop in (one, two)]
            answers = await asyncio.gather(*(shop.post(path, body) for shop, path, body in both))
            # What is the same comes to each of them, and is a repetition for one.
            assert Counter(answer.status_code for answer in answers) == {200: 2, 409: 14}
            winners = {
                request[1:][0] for request, answer in zip(both, answers, strict=True) if answer.status_code == 200
            }
            assert len(winners) == 1
        recorded = "SELECT count(*) FROM claims WHERE kind = 'transaction'"
        moved = "SELECT count(*) FROM stored_events WHERE topic ~ '^(payment|refund)-recorded#'"
        assert [await one.pool.fetchval(query) for query in (recorded, moved)] == [10, 10]
