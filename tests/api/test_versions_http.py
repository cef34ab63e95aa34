"""ETag and If-Match on everything about one customer."""

from typing import Any

import httpx
import pytest

from tests.api.shop import HOME, NO_ORDER, Method, Shop, done, new_email, refusal


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
    [order] = done(await shop.get(f"/customers/{id_}/orders"))["orders"]["data"]
    assert version(await shop.get(f"/orders/{order['id']}")) == at


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


@pytest.mark.parametrize("tag", ['"{}"', "{}", 'W/"{}"', "*", '"1", "{}"', '"8",W/"{}" , "a,b"', ',, "{}",'])
async def test_if_match_is_read_as_http_writes_it(shop: Shop, tag: str) -> None:
    id_ = await shop.customer()
    body = {"email": new_email(), "first_name": "Joan"}
    done(await shop.put(f"/customers/{id_}", body, headers={"If-Match": tag.format(1)}))


@pytest.mark.parametrize("tag", ['"abc"', '""', '"999999999999999999999"', '"-1"', '"01"', '"é"', '"2", "*"', "9"])
async def test_a_version_that_never_was_is_a_stale_one(shop: Shop, tag: str) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    body = {"email": new_email(), "first_name": "Joan"}
    answer = await shop.put(f"/customers/{id_}", body, headers={"If-Match": tag.encode()})
    assert answer.status_code == 412
    assert await shop.position() == before


def bad_if_match(message: str) -> tuple[int, Any]:
    return 400, {"code": "rest_invalid_header", "message": message, "data": {"status": 400}}


UNREADABLE = 'If-Match must be *, or entity tags such as "7", as the ETag of an answer about a customer says it.'
ABOUT_NOBODY = "If-Match names a version of one customer or webhook, and this request is about none: send it without."


@pytest.mark.parametrize(
    "tag",
    ["", " ", ",", "abc", "é", '"1', '1"', "W/1", 'w/"1"', '"1" "2"', '"1";"2"', '*, "1"', "**", "-1", "1.0", "'1'"],
)
async def test_an_if_match_that_cannot_be_read_is_no_version(shop: Shop, tag: str) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_)
    before, sent = await shop.position(), {"If-Match": tag.encode()}
    requests: list[tuple[Method, str, Any]] = [
        ("PUT", f"/customers/{id_}", {"email": new_email(), "first_name": "Joan"}),
        ("POST", f"/orders/{order_id}/payments", {"amount": 5, "transaction_id": "unreadable"}),
        ("DELETE", "/orders/800000", None),
        ("POST", "/customers/800000/detach-user", None),
    ]
    for method, path, body in requests:
        assert refusal(await shop.ask(method, path, body, headers=sent)) == bad_if_match(UNREADABLE), path
    assert await shop.position() == before


@pytest.mark.parametrize("tag", ['"1"', "*", "abc"])
async def test_if_match_is_not_ignored_where_it_can_match_nothing(shop: Shop, tag: str) -> None:
    id_, label_id, user_id = await shop.customer(), await shop.label(), await shop.user()
    before = await shop.position()
    archive = {"action": "change_customer_status", "customer_ids": [id_], "new_status": "archived"}
    requests: list[tuple[Method, str, Any]] = [
        ("POST", "/customers", {"email": new_email(), "first_name": "Joan"}),
        ("POST", "/customers/do-bulk-action", archive),
        ("POST", "/labels", {"value": "matched"}),
        ("DELETE", f"/labels/{label_id}", None),
        ("DELETE", f"/users/{user_id}", None),
        ("POST", "/replays", None),
        ("POST", "/credentials", {"login": "matched", "name": "phone", "role": "worker"}),
    ]
    for method, path, body in requests:
        answer = await shop.ask(method, path, body, headers={"If-Match": tag})
        assert refusal(answer) == bad_if_match(ABOUT_NOBODY), path
    assert await shop.position() == before


async def test_of_an_order_that_is_not_there_no_version_is_asked_for(shop: Shop) -> None:
    answer = await shop.post(
        "/orders/800000/refunds", {"amount": 1, "transaction_id": "a"}, headers={"If-Match": '"1"'}
    )
    assert refusal(answer) == NO_ORDER


async def test_an_orders_move_is_a_new_version_of_its_customers(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    order_id = await shop.order(one, 1_000)
    before = [version(await shop.get(f"/customers/{id_}")) for id_ in (one, two)]
    done(await shop.post(f"/orders/{order_id}/transfer", {"customer_id": two}))
    after = [version(await shop.get(f"/customers/{id_}")) for id_ in (one, two)]
    assert [old < new for old, new in zip(before, after, strict=True)] == [True, True]


async def orders_writes(shop: Shop, id_: int, other: int) -> list[tuple[Method, str, Any]]:
    """Each is part of the customer's history; the last but one gives the order away."""
    path = f"/orders/{await shop.order(id_)}"
    return [
        ("POST", "/orders", {"customer_id": id_, "total_amount": 5}),
        ("PUT", path, {"status": "completed"}),
        ("POST", f"{path}/payments", {"amount": 5, "transaction_id": "one"}),
        ("POST", f"{path}/refunds", {"amount": 1, "transaction_id": "two"}),
        ("POST", f"{path}/transfer", {"customer_id": other}),
        ("DELETE", path, None),
    ]


async def test_a_write_about_an_order_goes_by_its_customers_version(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    for method, path, body in await orders_writes(shop, one, two):
        owner = two if method == "DELETE" else one
        current = version(await shop.get(f"/customers/{owner}"))
        before = await shop.position()
        answer = await shop.ask(method, path, body, headers={"If-Match": f'"{current - 1}"'})
        assert refusal(answer)[1]["data"] == {"version": current}, path
        assert (answer.status_code, await shop.position()) == (412, before), path
        answer = await shop.ask(method, path, body, headers={"If-Match": f'"{current}"'})
        done(answer)
        after = two if path.endswith("/transfer") else owner
        assert version(answer) == version(await shop.get(f"/customers/{after}")), path


async def test_an_order_of_an_erased_customer_has_no_version(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_)
    done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [id_]}))
    assert "etag" not in (await shop.get(f"/orders/{order_id}")).headers
    paid = await shop.post(f"/orders/{order_id}/payments", {"amount": 5, "transaction_id": "one"})
    assert (paid.status_code, paid.headers.get("etag")) == (200, None)


async def test_that_a_customer_has_changed_is_said_before_what_now_stands_against_the_write(shop: Shop) -> None:
    id_, second = await whole(shop)
    seen = (await shop.get(f"/customers/{id_}")).headers["etag"]
    removal: Any = {"address": {"id": second}}
    done(await shop.delete(f"/customers/{id_}/address", removal, headers={"If-Match": seen}))
    again = await shop.delete(f"/customers/{id_}/address", removal, headers={"If-Match": seen})
    assert again.status_code == 412
    assert (await shop.delete(f"/customers/{id_}/address", removal)).status_code == 404
