"""ETag and If-Match on everything about one customer; Idempotency-Key on every write."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.shop import HOME, Method, Shop, done, new_email, problems, refusal


def version(answer: httpx.Response) -> int:
    tag = answer.headers["etag"]
    assert tag[0] == tag[-1] == '"'
    return int(tag[1:-1])


async def whole(shop: Shop) -> tuple[int, int]:
    """A customer that has everything, and one of its addresses that is not primary."""
    id_, user_id = await shop.customer(), await shop.user()
    await shop.address(id_)
    second = await shop.address(id_)
    await shop.order(id_, 1_000, total_paid=1_000)
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    return id_, second


async def test_every_answer_about_one_customer_says_its_version(shop: Shop) -> None:
    id_, _ = await whole(shop)
    at = version(await shop.get(f"/customers/{id_}"))
    for path in ("", "/address", "/orders", "/order", "/history"):
        assert version(await shop.get(f"/customers/{id_}{path}")) == at, path
    assert version(await shop.get(f"/customers/get-stats/{id_}")) == at


def writes(id_: int, address_id: int, user_id: int) -> list[tuple[Method, str, Any]]:
    """Each changes the customer, one after the other."""
    path = f"/customers/{id_}"
    return [
        ("PUT", path, {"email": new_email(), "first_name": "Joan"}),
        ("POST", f"{path}/detach-user", None),
        ("POST", f"{path}/attachable-user", {"user_id": user_id}),
        ("POST", f"{path}/address", HOME),
        ("PUT", f"{path}/address", HOME | {"id": address_id, "name": "Joan"}),
        ("POST", f"{path}/address/make-primary", {"addressId": address_id, "type": "billing"}),
        ("PUT", f"{path}/additional-info", {"labels": []}),
        ("POST", f"{path}/recalculate-ltv", None),
    ]


async def test_every_write_about_one_customer_says_its_new_version(shop: Shop) -> None:
    id_, second = await whole(shop)
    for method, path, body in writes(id_, second, await shop.user()):
        answer = await shop.ask(method, path, body)
        assert version(answer) == version(await shop.get(f"/customers/{id_}")), path
    other = await shop.address(id_)
    answer = await shop.delete(f"/customers/{id_}/address", {"address": {"id": other}})
    assert version(answer) == version(await shop.get(f"/customers/{id_}"))
    assert version(await shop.post("/customers", {"email": new_email(), "first_name": "J"})) == 1


async def test_a_write_on_an_old_version_is_refused_and_changes_nothing(shop: Shop) -> None:
    id_, second = await whole(shop)
    done(await shop.post(f"/customers/{id_}/detach-user"))  # so that but for its version each of them would go in
    user_id = await shop.user()
    current = version(await shop.get(f"/customers/{id_}"))
    before, known = await shop.position(), await shop.shown(id_)
    removal: tuple[Method, str, Any] = ("DELETE", f"/customers/{id_}/address", {"address": {"id": second}})
    for method, path, body in [*writes(id_, second, user_id), removal]:
        answer = await shop.ask(method, path, body, headers={"If-Match": f'"{current - 1}"'})
        status, refused = refusal(answer)
        assert (status, refused["code"], refused["data"]) == (412, 412, {"version": current}), (method, path)
        assert refused["message"]
    assert await shop.position() == before
    assert await shop.shown(id_) == known


async def test_a_write_on_the_current_version_goes_in(shop: Shop) -> None:
    id_, second = await whole(shop)
    for method, path, body in writes(id_, second, await shop.user()):
        tag = (await shop.get(f"/customers/{id_}")).headers["etag"]
        done(await shop.ask(method, path, body, headers={"If-Match": tag}))


@pytest.mark.parametrize("tag", ['"{}"', "{}", 'W/"{}"', "*", '"1", "{}"'])
async def test_if_match_is_read_as_http_writes_it(shop: Shop, tag: str) -> None:
    id_ = await shop.customer()
    body = {"email": new_email(), "first_name": "Joan"}
    done(await shop.put(f"/customers/{id_}", body, headers={"If-Match": tag.format(1)}))


@pytest.mark.parametrize("tag", ['"abc"', "", '""', '"999999999999999999999"', '"-1"', "é"])
async def test_a_version_that_never_was_is_a_stale_one(shop: Shop, tag: str) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    body = {"email": new_email(), "first_name": "Joan"}
    answer = await shop.put(f"/customers/{id_}", body, headers={"If-Match": tag.encode()})
    assert answer.status_code == 412
    assert await shop.position() == before


async def test_an_orders_move_is_a_new_version_of_its_customers(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    order_id = await shop.order(one, 1_000)
    before = [version(await shop.get(f"/customers/{id_}")) for id_ in (one, two)]
    done(await shop.post(f"/orders/{order_id}/transfer", {"customer_id": two}))
    after = [version(await shop.get(f"/customers/{id_}")) for id_ in (one, two)]
    assert [old < new for old, new in zip(before, after, strict=True)] == [True, True]


# Idempotency-Key


async def test_a_write_is_carried_out_once_for_a_key(shop: Shop) -> None:
    id_, _ = await whole(shop)
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


@pytest.mark.parametrize("key", ["", "a" * 256, "\x07"])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    before = await shop.position()
    answer = await shop.post("/labels", {"value": "never"}, headers={"Idempotency-Key": key})
    assert list(problems(answer)) == ["Idempotency-Key"]
    assert await shop.position() == before
