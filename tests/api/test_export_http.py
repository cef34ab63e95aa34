"""Everything that is held about a person, for the person."""

import pytest

from service.credentials.roles import Role
from tests.api.searching import found_in
from tests.api.shop import FORBIDDEN, HOME, NO_CUSTOMER, Shop, done, refusal
from tests.api.test_erased_for_good import SECRETS, erase, quimbolt

KEYS = ["customer", "addresses", "users", "orders", "events", "events_of_users", "claims", "kept_answers", "keys"]


async def test_all_that_is_held_is_in_it(shop: Shop) -> None:
    label = await shop.label()
    id_ = await quimbolt(shop)
    done(await shop.put(f"/customers/{id_}/additional-info", {"labels": [label]}))
    answer = await shop.get(f"/customers/{id_}/export")
    export = done(answer)["export"]
    assert answer.headers["etag"] == f'"{await shop.pool.fetchval("SELECT version FROM figures WHERE id = $1", id_)}"'
    assert list(export) == KEYS
    assert found_in(answer.content, SECRETS) == list(SECRETS)
    assert export["customer"]["email"] == "zsofia.quimbolt@example.com"
    assert [each["id"] for each in export["customer"]["labels"]] == [label]
    assert [each["type"] for each in export["addresses"]] == ["billing", "shipping"]
    assert [each["ID"] for each in export["users"]] == [export["customer"]["user_id"]]
    assert [each["note"] for each in export["orders"]] == ["ring the brass bell"]
    assert export["orders"][0]["billing_address"]["address_1"] == "Ürményházi köz 17"
    assert [each["kind"] for each in export["claims"]] == ["customer-email", "user-email", "user-link", "user-login"]
    assert [list(each["body"]["data"])[:1] for each in export["kept_answers"]] == [["id"], ["ID"]]
    assert {each["subject"]["type"] for each in export["keys"]} == {"customer", "user"}


async def test_its_events_are_all_there_are_newest_first(shop: Shop) -> None:
    id_ = await shop.customer(wp_user="yes")
    order_id = await shop.order(id_)
    await shop.pay(order_id, 100)
    await shop.address(id_)
    export = done(await shop.get(f"/customers/{id_}/export"))["export"]
    history = done(await shop.get(f"/customers/{id_}/history?per_page=199"))["history"]["data"]
    assert export["events"] == history
    [registered] = export["events_of_users"]
    assert (registered["type"], registered["subject"]["id"]) == ("user-registered", export["customer"]["user_id"])
    assert registered["data"]["profile"]["user_email"] == export["customer"]["email"]


async def test_nobody_elses_data_is_in_it(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer(first_name="Zsófia")
    done(await shop.post(f"/customers/{other}/address", HOME | {"name": "Zsófia"}))
    assert found_in((await shop.get(f"/customers/{id_}/export")).content, ["Zsófia"]) == []


async def test_of_the_erased_and_of_nobody_there_is_nothing(shop: Shop) -> None:
    id_ = await shop.customer()
    await erase(shop, id_)
    for nobody in (id_, 4711471, "x"):
        assert refusal(await shop.get(f"/customers/{nobody}/export")) == NO_CUSTOMER


@pytest.mark.parametrize(("role", "may"), [("administrator", True), ("manager", True), ("worker", False)])
async def test_who_sees_customers_and_users_may_have_it(shop: Shop, role: Role, *, may: bool) -> None:
    answer = await shop.get(f"/customers/{await shop.customer()}/export", auth=(role, shop.passwords[role]))
    assert answer.status_code == 200 if may else refusal(answer) == FORBIDDEN
