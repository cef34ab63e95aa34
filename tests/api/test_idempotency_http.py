"""Idempotency-Key: every write is carried out once, and answered alike; a refusal may be tried again."""

import asyncio
from typing import Any

import pytest

from tests.api.shop import HOME, Method, Shop, done, new_email, problems, refusal, rule


async def test_a_write_is_carried_out_once_for_a_key(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_)
    bodies: list[tuple[Method, str, Any]] = [
        ("POST", "/customers", {"email": new_email(), "first_name": "Jane"}),
        ("POST", f"/customers/{id_}/address", HOME),
        ("PUT", f"/customers/{id_}", {"email": new_email(), "first_name": "Joan"}),
        ("POST", "/orders", {"customer_id": id_, "total_amount": 5}),
        ("POST", f"/orders/{order_id}/payments", {"amount": 5, "transaction_id": "once"}),
        ("POST", "/labels", {"value": "once"}),
        ("DELETE", f"/orders/{order_id}", None),
        ("POST", "/customers/do-bulk-action",
         {"action": "change_customer_status", "customer_ids": [id_], "new_status": "archived"}),
    ]  # fmt: skip
    for number, (method, path, body) in enumerate(bodies):
        key = {"Idempotency-Key": f"key {number}"}
        first = await shop.ask(method, path, body, headers=key)
        done(first)
        before = await shop.position()
        again = await shop.ask(method, path, body, headers=key)
        assert (again.status_code, again.content) == (first.status_code, first.content), path
        assert again.headers.get("etag") == first.headers.get("etag"), path
        assert await shop.position() == before


async def test_a_key_with_another_body_is_refused(shop: Shop) -> None:
    key = {"Idempotency-Key": "another body"}
    done(await shop.post("/customers", {"email": new_email(), "first_name": "Jane"}, headers=key))
    before = await shop.position()
    answer = await shop.post("/customers", {"email": new_email(), "first_name": "Jane"}, headers=key)
    assert answer.status_code == 422
    assert list(problems(answer)) == ["Idempotency-Key"]
    assert await shop.position() == before


async def test_a_key_is_its_owners(shop: Shop) -> None:
    """Another login's same key is another request."""
    key = {"Idempotency-Key": "owned"}
    manager = ("manager", shop.passwords["manager"])
    done(await shop.post("/labels", {"value": "owned one"}, headers=key))
    done(await shop.post("/labels", {"value": "owned two"}, headers=key, auth=manager))


async def test_twenty_at_once_with_one_key_are_carried_out_once(shop: Shop) -> None:
    key, id_ = {"Idempotency-Key": "at once"}, await shop.customer()
    body = {"customer_id": id_, "total_amount": 700, "total_paid": 700}
    answers = await asyncio.gather(*(shop.post("/orders", body, headers=key) for _ in range(20)))
    bodies = {answer.content for answer in answers if answer.status_code == 200}
    assert len(bodies) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert (await shop.shown(id_))["purchase_count"] == 1
    assert (await shop.post("/orders", body, headers=key)).content in bodies


@pytest.mark.parametrize("key", ["", "a" * 256, "\x07", "kü", " k", "k\x7f"])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    before = await shop.position()
    answer = await shop.post("/labels", {"value": "never"}, headers={"Idempotency-Key": key.encode()})
    assert list(problems(answer)) == ["Idempotency-Key"]
    assert await shop.position() == before


async def test_a_refusal_is_not_kept_for_its_key(shop: Shop) -> None:
    """A rule, a taken claim or a missing thing refuses it; once nothing does, it goes in."""
    id_, taken, order_id = await shop.customer(), await shop.customer(), 700_000
    email = (await shop.shown(taken))["email"]
    address_id = await shop.address(id_)
    requests: list[tuple[Method, str, Any]] = [
        ("POST", "/customers", {"email": email, "first_name": "Jane"}),
        ("DELETE", f"/customers/{id_}/address", {"address": {"id": address_id}}),
        ("POST", f"/customers/{id_}/attachable-user", {"user_id": 700_000}),
        ("POST", f"/orders/{order_id}/payments", {"amount": 5, "transaction_id": "not kept"}),
    ]
    asked = [(request, {"Idempotency-Key": f"refused {number}"}) for number, request in enumerate(requests)]
    first = [await shop.ask(*request, headers=key) for request, key in asked]
    assert [answer.status_code for answer in first] == [400, 403, 422, 404]
    assert await shop.pool.fetchval("SELECT count(*) FROM answers WHERE status <> 200") == 0
    done(await shop.put(f"/customers/{taken}", {"email": new_email(), "first_name": "Jane"}))
    other = await shop.address(id_)
    done(await shop.post(f"/customers/{id_}/address/make-primary", {"addressId": other, "type": "billing"}))
    done(await shop.put("/users/700000", {"user_login": "late", "user_email": new_email()}))
    await shop.order(id_, id=order_id)
    for request, key in asked:
        again = await shop.ask(*request, headers=key)
        done(again)
        assert "idempotency-replayed" not in again.headers
        before = await shop.position()
        assert (await shop.ask(*request, headers=key)).content == again.content
        assert await shop.position() == before


async def test_a_refund_before_its_payment_goes_in_later_under_its_key(shop: Shop) -> None:
    key, order_id = {"Idempotency-Key": "early refund"}, await shop.order(await shop.customer())
    refund = {"amount": 300, "transaction_id": "early"}
    assert problems(await shop.post(f"/orders/{order_id}/refunds", refund, headers=key)) == {"amount": ["max"]}
    await shop.pay(order_id, 1_000)
    assert done(await shop.post(f"/orders/{order_id}/refunds", refund, headers=key))["data"]["total_refund"] == 300


async def test_after_a_refusal_its_key_may_come_with_another_request(shop: Shop) -> None:
    key, id_ = {"Idempotency-Key": "refused, then another"}, await shop.customer()
    email = (await shop.shown(id_))["email"]
    refused = await shop.post("/customers", {"email": email, "first_name": "Jane"}, headers=key)
    assert refusal(refused) == rule(400, "Customer already exists.")
    done(await shop.post("/customers", {"email": new_email(), "first_name": "Jane"}, headers=key))


async def test_a_key_may_come_again_with_what_was_not_looked_at(shop: Shop) -> None:
    """Fields that do not fit, and a version that is no longer current."""
    key, id_ = {"Idempotency-Key": "not looked at"}, await shop.customer()
    body = {"email": new_email(), "first_name": "Joan"}
    assert (await shop.put(f"/customers/{id_}", {"email": "none"}, headers=key)).status_code == 422
    assert (await shop.put(f"/customers/{id_}", body, headers=key | {"If-Match": '"9"'})).status_code == 412
    done(await shop.put(f"/customers/{id_}", body, headers=key | {"If-Match": '"1"'}))


async def test_what_stands_against_a_request_may_be_itself(shop: Shop) -> None:
    """Requests that come too late meet the email, and the version, of the one that went in."""
    id_ = await shop.customer()
    creating: tuple[Method, str, Any] = ("POST", "/customers", {"email": new_email(), "first_name": "Jane"})
    renaming: tuple[Method, str, Any] = ("PUT", f"/customers/{id_}", {"email": new_email(), "first_name": "Joan"})
    for number, request in enumerate((creating, renaming)):
        headers = {"Idempotency-Key": f"itself {number}"} | ({"If-Match": '"1"'} if number else {})
        answers = await asyncio.gather(*(shop.ask(*request, headers=headers) for _ in range(20)))
        assert {answer.status_code for answer in answers} <= {200, 409}, request
        assert len({answer.content for answer in answers if answer.status_code == 200}) == 1


async def test_of_different_requests_at_once_with_one_key_one_is_carried_out(shop: Shop) -> None:
    key = {"Idempotency-Key": "different at once"}
    bodies = [{"email": new_email(), "first_name": "Jane"} for _ in range(10)]
    before = await shop.position()
    answers = await asyncio.gather(*(shop.post("/customers", body, headers=key) for body in bodies))
    assert [answer.status_code for answer in answers].count(200) == 1
    assert {answer.status_code for answer in answers} <= {200, 409, 422}
    assert await shop.position() == before + 1
