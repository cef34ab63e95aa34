"""Orders feed a customer's figures: placed, paid, refunded, transferred, deleted."""

from typing import Any

import pytest

from tests.api.shop import FORM, HOME, NO_CUSTOMER, NO_ORDER, NUMBERS, Shop, done, problems, refusal, rule

KEYS = [
    "id", "status", "parent_id", "receipt_number", "invoice_no", "fulfillment_type", "type", "mode", "shipping_status",
    "customer_id", "payment_method", "payment_status", "payment_method_title", "currency", "subtotal", "discount_tax",
    "manual_discount_total", "coupon_discount_total", "shipping_tax", "shipping_total", "fee_total", "tax_total",
    "total_amount", "total_paid", "total_refund", "rate", "tax_behavior", "note", "ip_address", "completed_at",
    "refunded_at", "uuid", "config", "created_at", "updated_at",
]  # fmt: skip
FIGURES = ("ltv", "purchase_count", "aov", "first_purchase_date", "last_purchase_date", "purchase_value")
NOTHING: tuple[Any, ...] = (0, 0, 0, None, None, [])
MARCH, MAY = "2025-03-01 10:00:00", "2025-05-01 10:00:00"


async def figures(shop: Shop, customer_id: int) -> tuple[Any, ...]:
    customer = await shop.shown(customer_id)
    return tuple(customer[name] for name in FIGURES)


async def order(shop: Shop, id_: int) -> dict[str, Any]:
    body = done(await shop.get(f"/orders/{id_}"))
    assert list(body) == ["order"]
    return dict(body["order"])


# Place


async def test_an_order_has_the_goldens_keys_in_their_order(shop: Shop) -> None:
    id_ = await shop.customer()
    item = {"object_id": 7, "title": "Mug", "post_title": "Mugs", "quantity": 2, "unit_price": 2_500}
    body = done(await shop.post("/orders", {"customer_id": id_, "total_amount": 5_000, "items": [item]}))
    assert list(body) == ["message", "data"]
    data = body["data"]
    assert list(data)[: len(KEYS)] == KEYS
    assert (data["status"], data["payment_status"], data["currency"]) == ("on-hold", "pending", "USD")
    assert (data["customer_id"], data["subtotal"], data["total_paid"]) == (id_, 5_000, 0)
    [line] = data["order_items"]
    assert (line["order_id"], line["title"], line["quantity"], line["unit_price"]) == (data["id"], "Mug", 2, 2_500)
    assert line["line_total"] == 5_000
    assert await order(shop, data["id"]) == data
    assert await figures(shop, id_) == NOTHING


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"payment_status": "paid"}, (1_000, 1, 1_000, MARCH, MARCH, {"USD": 1_000})),
        ({"total_paid": 1_000}, (1_000, 1, 1_000, MARCH, MARCH, {"USD": 1_000})),
        ({"total_paid": 400}, (400, 1, 400, MARCH, MARCH, {"USD": 400})),
        ({"total_paid": 1_000, "total_refund": 999}, (1, 1, 1, MARCH, MARCH, {"USD": 1})),
        ({"total_paid": 1_000, "total_refund": 1_000}, NOTHING),
        ({"total_paid": 1_000, "payment_status": "failed"}, NOTHING),
        ({"total_paid": 1_000, "status": "canceled", "mode": "test"}, (1_000, 1, 1_000, MARCH, MARCH, {"USD": 1_000})),
        ({"total_paid": 0, "payment_status": "paid"}, (0, 1, 0, MARCH, MARCH, {"USD": 0})),
        ({"total_paid": 1_000, "currency": "eur", "rate": "1.0855"}, (1_086, 1, 1_086, MARCH, MARCH, {"EUR": 1_000})),
        ({"total_amount": 0}, (0, 1, 0, MARCH, MARCH, {"USD": 0})),
        ({"total_amount": 0, "payment_status": "", "total_paid": 0}, (0, 1, 0, MARCH, MARCH, {"USD": 0})),
        ({"total_amount": 0, "payment_status": "pending"}, NOTHING),
        ({"total_amount": 0, "payment_status": "failed"}, NOTHING),
        ({"total_paid": 1, "rate": 0.5}, (1, 1, 1, MARCH, MARCH, {"USD": 1})),
        ({"total_paid": "1000", "total_amount": " 1000 "}, (1_000, 1, 1_000, MARCH, MARCH, {"USD": 1_000})),
    ],
)
async def test_an_order_counts_as_its_payment_says(shop: Shop, sent: dict[str, Any], expected: Any) -> None:
    id_ = await shop.customer()
    done(await shop.post("/orders", {"customer_id": id_, "total_amount": 1_000, "created_at": MARCH} | sent))
    assert await figures(shop, id_) == expected


async def test_an_average_has_two_decimals_rounded_half_up(shop: Shop) -> None:
    id_ = await shop.customer()
    for paid in (5, 5, 6):
        await shop.order(id_, paid, total_paid=paid)
    assert (await shop.shown(id_))["aov"] == 5.33
    other = await shop.customer()
    for paid in (0, 0, 0, 0, 0, 0, 0, 1):
        await shop.order(other, paid, total_paid=paid, payment_status="paid")
    assert (await shop.shown(other))["aov"] == 0.13


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ({}, {"total_amount": ["required"], "customer_id": ["required"]}),
        ({"customer_id": "x", "total_amount": -1}, {"total_amount": ["min"], "customer_id": ["numeric"]}),
        ({"customer_id": 1, "total_amount": 2**53}, {"total_amount": ["max"]}),
        ({"customer_id": 1, "total_amount": 10.5}, {"total_amount": ["numeric"]}),
        ({"customer_id": 1, "total_amount": 1, "items": "x"}, {"items": ["array"]}),
        ({"customer_id": 1, "total_amount": 1, "items": [1]}, {"items.0": ["object"]}),
        (
            {"customer_id": 1, "total_amount": 1, "items": [{"quantity": 0, "unit_price": -1}, {"title": "a" * 256}]},
            {"items.0.quantity": ["min"], "items.0.unit_price": ["min"], "items.1.title": ["maxLength"]},
        ),
        ({"customer_id": 1, "total_amount": 1, "total_paid": 5, "total_refund": 6}, {"total_refund": ["max"]}),
        (
            {"customer_id": 1, "total_amount": 1, "status": "x", "payment_status": "x", "currency": "X", "rate": 0,
             "created_at": "soon", "id": 0, "type": "x", "mode": "x"},
            {"payment_status": ["in"], "currency": ["invalid"], "created_at": ["date"], "status": ["in"],
             "rate": ["min"], "type": ["in"], "mode": ["in"], "id": ["min"]},
        ),
    ],
)  # fmt: skip
async def test_every_field_of_an_order_that_does_not_fit_is_named(shop: Shop, sent: Any, broken: Any) -> None:
    before = await shop.position()
    assert problems(await shop.post("/orders", sent)) == broken
    assert await shop.position() == before


async def test_nobody_places_an_order(shop: Shop) -> None:
    before = await shop.position()
    assert refusal(await shop.post("/orders", {"customer_id": 999_999, "total_amount": 1})) == NO_CUSTOMER
    assert await shop.position() == before


async def test_an_order_may_bring_its_id_but_not_anothers(shop: Shop) -> None:
    id_ = await shop.customer()
    given = 50_000 + next(NUMBERS)
    body = {"customer_id": id_, "total_amount": 1, "id": given}
    assert done(await shop.post("/orders", body))["data"]["id"] == given
    before = await shop.position()
    assert refusal(await shop.post("/orders", body)) == rule(409, "An order with this id exists.")
    assert await shop.position() == before
    assert await shop.order(id_) == given + 1
    assert await shop.order(id_, id=2**53 - 1) == 2**53 - 1
    assert await shop.order(id_) == given + 2


async def test_an_order_is_read_from_a_form(shop: Shop) -> None:
    id_ = await shop.customer()
    form = f"customer_id={id_}&total_amount=900&items[0][title]=A&items[0][unit_price]=400&items[1][unit_price]=500"
    data = done(await shop.post("/orders", content=form, headers=FORM))["data"]
    assert [(line["title"], line["unit_price"]) for line in data["order_items"]] == [("A", 400), ("", 500)]


# Change


async def test_an_order_changes_status_note_and_payment_status(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    sent = {"status": "completed", "note": "a\nnote", "payment_status": "authorized"}
    data = done(await shop.put(f"/orders/{id_}", sent))["data"]
    assert (data["status"], data["note"], data["payment_status"]) == ("completed", "a\nnote", "authorized")
    assert data["total_paid"] == 0
    assert data["completed_at"] is not None
    before = await shop.position()
    done(await shop.put(f"/orders/{id_}", sent))
    done(await shop.put(f"/orders/{id_}", {}))
    done(await shop.put(f"/orders/{id_}", {"status": None, "payment_status": ""}))
    assert await shop.position() == before


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ({"status": "x", "payment_status": "paid", "note": []},
         {"status": ["in"], "payment_status": ["in"], "note": ["string"]}),
        ({"status": 1, "payment_status": {}}, {"status": ["in"], "payment_status": ["string"]}),
    ],
)  # fmt: skip
async def test_every_change_that_does_not_fit_is_named(shop: Shop, sent: Any, broken: Any) -> None:
    id_ = await shop.order(await shop.customer())
    before = await shop.position()
    assert problems(await shop.put(f"/orders/{id_}", sent)) == broken
    assert await shop.position() == before


async def test_the_amounts_decide_once_money_has_moved(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    await shop.pay(id_, 100)
    before = await shop.position()
    answer = await shop.put(f"/orders/{id_}", {"payment_status": "failed", "status": "failed"})
    assert problems(answer) == {"payment_status": ["settled"]}
    assert await shop.position() == before


# Transfer and delete


async def test_a_transferred_order_takes_its_value_and_details_along(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    id_ = await shop.order(one, 1_000, total_paid=1_000, created_at=MARCH, note="ring twice")
    await shop.address(one, order_id=id_)
    data = done(await shop.post(f"/orders/{id_}/transfer", {"customer_id": str(two)}))["data"]
    assert (data["customer_id"], data["note"], data["billing_address"]["name"]) == (two, "ring twice", "Jane Smith")
    assert await figures(shop, one) == NOTHING
    assert await figures(shop, two) == (1_000, 1, 1_000, MARCH, MARCH, {"USD": 1_000})
    before = await shop.position()
    done(await shop.post(f"/orders/{id_}/transfer", {"customer_id": two}))
    assert await shop.position() == before
    data = done(await shop.post(f"/orders/{id_}/transfer", {"customer_id": one}))["data"]
    assert (data["customer_id"], data["note"], data["billing_address"]["name"]) == (one, "ring twice", "Jane Smith")
    assert await figures(shop, two) == NOTHING


async def test_nobody_is_given_an_order(shop: Shop) -> None:
    id_ = await shop.order(await shop.customer())
    before = await shop.position()
    assert refusal(await shop.post(f"/orders/{id_}/transfer", {"customer_id": 999_999})) == NO_CUSTOMER
    assert problems(await shop.post(f"/orders/{id_}/transfer", {})) == {"customer_id": ["required"]}
    assert problems(await shop.post(f"/orders/{id_}/transfer", {"customer_id": []})) == {"customer_id": ["numeric"]}
    assert await shop.position() == before


async def test_a_deleted_order_counts_no_more(shop: Shop) -> None:
    customer_id = await shop.customer()
    id_ = await shop.order(customer_id, 1_000, total_paid=1_000)
    kept = await shop.order(customer_id, 300, total_paid=300, created_at=MARCH)
    assert done(await shop.delete(f"/orders/{id_}"))["data"] == ""
    assert await figures(shop, customer_id) == (300, 1, 300, MARCH, MARCH, {"USD": 300})
    listed = done(await shop.get(f"/customers/{customer_id}/order"))["data"]["data"]
    assert [listed_order["id"] for listed_order in listed] == [kept]


async def test_what_is_no_order_is_not_found(shop: Shop) -> None:
    deleted = await shop.order(await shop.customer())
    done(await shop.delete(f"/orders/{deleted}"))
    money = {"amount": 1, "transaction_id": "t"}
    before = await shop.position()
    for id_ in (deleted, 999_999, 0, "abc", "-1", "9" * 30):
        path = f"/orders/{id_}"
        assert refusal(await shop.get(path)) == NO_ORDER
        assert refusal(await shop.put(path, {"status": "completed"})) == NO_ORDER
        assert refusal(await shop.post(f"{path}/payments", money)) == NO_ORDER
        assert refusal(await shop.post(f"{path}/refunds", money)) == NO_ORDER
        assert refusal(await shop.post(f"{path}/transfer", {"customer_id": 1})) == NO_ORDER
        assert refusal(await shop.delete(path)) == NO_ORDER
    assert await shop.position() == before


# A customer's orders


async def test_a_customers_orders_are_its_own_newest_first(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    ids = [await shop.order(id_, items=[{"title": "Mug"}]) for _ in range(3)]
    foreign = await shop.order(other, items=[{"title": "Mug"}])
    body = done(await shop.get(f"/customers/{id_}/orders"))
    assert list(body) == ["orders"]
    assert [row["id"] for row in body["orders"]["data"]] == ids[::-1]
    assert list(body["orders"]["data"][0])[: len(KEYS)] == KEYS
    assert body["orders"]["total"] == 3
    for query in ("search=mug", f"include_ids={foreign}", f"search=id={foreign}", "active_view=all", "customer_id=1"):
        rows = done(await shop.get(f"/customers/{id_}/orders?{query}"))["orders"]["data"]
        assert foreign not in [row["id"] for row in rows]


async def test_find_order_shows_all_orders_oldest_first_with_items(shop: Shop) -> None:
    id_ = await shop.customer()
    ids = [await shop.order(id_, items=[{"title": f"Mug {number}", "quantity": 2}]) for number in range(12)]
    body = done(await shop.get(f"/customers/{id_}/order"))
    assert (list(body), list(body["data"])) == (["data"], ["data"])
    rows = body["data"]["data"]
    assert [row["id"] for row in rows] == ids
    assert rows[3]["filtered_order_items"][0]["title"] == "Mug 3"
    assert list(rows[0]) == [*KEYS, "filtered_order_items"]
    assert done(await shop.get(f"/customers/{await shop.customer()}/order")) == {"data": {"data": []}}


@pytest.mark.parametrize("id_", ["999999", "0", "abc", "9" * 30])
async def test_nobody_has_orders(shop: Shop, id_: str) -> None:
    assert refusal(await shop.get(f"/customers/{id_}/orders")) == NO_CUSTOMER
    assert refusal(await shop.get(f"/customers/{id_}/order")) == NO_CUSTOMER


# What is answered to a write comes from memory, to a read from the database.


async def test_a_write_is_answered_as_a_read_after_it(shop: Shop) -> None:
    customer_id = await shop.customer()
    address = done(await shop.post(f"/customers/{customer_id}/address", HOME))["data"]
    item = {"object_id": 7, "title": "Mug", "quantity": 2, "unit_price": 250, "other_info": {"b": 1.5, "a": None}}
    sent = {"customer_id": customer_id, "total_amount": 5_000, "rate": "1.10", "items": [item], "note": "Ring twice"}
    id_ = done(await shop.post("/orders", sent))["data"]["id"]
    given = HOME | {"order_id": id_, "type": "shipping", "company_name": "Smith & Söhne"}
    await shop.post(f"/customers/{customer_id}/address", given)
    writes = [
        await shop.post(f"/orders/{id_}/payments", {"amount": 300, "transaction_id": "t1", "paid_at": MARCH}),
        await shop.post(f"/orders/{id_}/payments", {"amount": 300, "transaction_id": "t2"}),
        await shop.post(f"/orders/{id_}/refunds", {"amount": 100, "transaction_id": "r1"}),
    ]
    read = await shop.get(f"/orders/{id_}")
    assert done(writes[-1])["data"] == done(read)["order"]
    assert writes[-1].headers["etag"] == read.headers["etag"]
    assert [done(each)["data"]["total_paid"] for each in writes] == [300, 600, 600]
    change = {"email": f"j{customer_id}@example.com", "first_name": "Zoë", "last_name": "Ünal", "country": "DE"}
    written = await shop.ask("PUT", f"/customers/{customer_id}", change)
    read = await shop.get(f"/customers/{customer_id}", params={"params[customer_only]": "yes"})
    assert done(written)["data"] == done(read)["customer"]
    assert written.headers["etag"] == read.headers["etag"]
    [listed] = done(await shop.get(f"/customers/{customer_id}/address"))["addresses"]
    assert address == listed


async def test_what_an_item_does_not_say_more_of_is_an_empty_list(shop: Shop) -> None:
    item = {"object_id": 7, "title": "Mug", "quantity": 1, "unit_price": 250}
    placed = await shop.post("/orders", {"customer_id": await shop.customer(), "total_amount": 250, "items": [item]})
    [shown] = done(placed)["data"]["order_items"]
    assert (shown["other_info"], shown["line_meta"]) == ([], [])
