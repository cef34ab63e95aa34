"""Why a customer's lifetime value is what it is, as clients are told."""

import pytest

from tests.api.shop import NO_CUSTOMER, Shop, done, refusal


async def test_every_order_is_told_with_its_amounts_and_why_it_counts(shop: Shop) -> None:
    id_ = await shop.customer()
    paid = await shop.order(id_, 5_000, currency="EUR", rate="1.0853")
    await shop.pay(paid, 5_000, "ch_1")
    await shop.refund(paid, 1_234)
    pending = await shop.order(id_, 700)
    placed, charged, refunded, waiting = range((await shop.position()) - 3, await shop.position() + 1)
    answer = await shop.get(f"/customers/{id_}/ltv/explain")
    body = done(answer)
    assert answer.headers["ETag"] == '"5"'
    assert list(body) == ["ltv", "aov", "purchase_count", "rule", "orders"]
    assert (body["ltv"], body["aov"], body["purchase_count"]) == (4087, 4087, 1)
    assert body["rule"] == {"name": "net-of-refunds", "version": 1}
    first, second = body["orders"]
    refund_id = first["amounts"][1]["transaction_id"]
    assert first == {
        "order_id": paid,
        "counted": True,
        "why": "Counts: its payment is partially refunded, less what was refunded.",
        "currency": "EUR",
        "total_paid": 5_000,
        "total_refund": 1_234,
        "rate": 1.0853,
        "contribution": 4_087,
        "rounding": {"rule": "half up to the smallest unit, each order by itself", "unrounded": 4087.2398},
        "amounts": [
            {"position": charged, "type": "payment-recorded", "amount": 5_000, "transaction_id": "ch_1"},
            {"position": refunded, "type": "refund-recorded", "amount": -1_234, "transaction_id": refund_id},
        ],
        "positions": [placed, charged, refunded],
    }
    assert (second["order_id"], second["counted"], second["contribution"]) == (pending, False, 0)
    assert (second["rate"], second["rounding"], second["positions"]) == (1, None, [waiting])
    shown = await shop.shown(id_)
    assert (body["ltv"], body["aov"]) == (shown["ltv"], shown["aov"])


async def test_a_customer_without_orders_has_nothing_to_explain(shop: Shop) -> None:
    body = done(await shop.get(f"/customers/{await shop.customer()}/ltv/explain"))
    assert (body["ltv"], body["aov"], body["purchase_count"], body["orders"]) == (0, 0, 0, [])


@pytest.mark.parametrize("id_", ["999999", "0", "abc"])
async def test_nobody_has_a_lifetime_value(shop: Shop, id_: str) -> None:
    assert refusal(await shop.get(f"/customers/{id_}/ltv/explain")) == NO_CUSTOMER


async def test_of_an_erased_customer_nothing_is_explained(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.order(id_, 700, total_paid=700)
    done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [id_]}))
    assert refusal(await shop.get(f"/customers/{id_}/ltv/explain")) == NO_CUSTOMER


async def test_an_order_that_cannot_be_read_is_named(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.order(id_, 900)
    position = await shop.position()
    await shop.pool.execute("UPDATE stored_events SET state = '{' WHERE notification_id = $1", position)
    status, body = refusal(await shop.get(f"/customers/{id_}/ltv/explain"))
    assert (status, str(position) in body["message"]) == (409, True)
