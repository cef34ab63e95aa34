"""Delete many customers, or change their status: selection, action and status are checked in this order."""

from typing import Any

import pytest

from tests.api.shop import FORM, NO_CUSTOMER, Shop, done, problems, refusal, rule

PATH = "/customers/do-bulk-action"
NO_SELECTION = rule(403, "Customers selection is required")
NO_ACTION = rule(400, "Selected action is invalid")
NO_STATUS = rule(403, "Provided customer status is not valid")
DELETED = {"message": "Selected Customers has been deleted permanently", "data": ""}
CHANGED = {"message": "Customer Status has been changed", "data": ""}


def change(ids: Any, status: Any = "archived") -> dict[str, Any]:
    return {"action": "change_customer_status", "customer_ids": ids, "new_status": status}


def deletion(*ids: int) -> dict[str, Any]:
    return {"action": "delete_customers", "customer_ids": ids}


async def test_statuses_are_changed(shop: Shop) -> None:
    ids = [await shop.customer() for _ in range(3)]
    for status in ("archived", "inactive", "active"):
        assert done(await shop.post(PATH, change(ids[:2], status))) == CHANGED
        assert [(await shop.shown(id_))["status"] for id_ in ids] == [status, status, "active"]


async def test_customers_are_deleted(shop: Shop) -> None:
    one, two, other = [await shop.customer() for _ in range(3)]
    assert done(await shop.post(PATH, deletion(one, two))) == DELETED
    assert [(await shop.get(f"/customers/{id_}")).status_code for id_ in (one, two, other)] == [404, 404, 200]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ({}, NO_SELECTION),
        ({"action": "bogus", "new_status": "bogus"}, NO_SELECTION),
        ({"customer_ids": []}, NO_SELECTION),
        ({"customer_ids": None}, NO_SELECTION),
        ({"customer_ids": ""}, NO_SELECTION),
        ({"customer_ids": {}}, NO_SELECTION),
        ({"customer_ids": [999_999]}, NO_ACTION),
        ({"customer_ids": [999_999], "action": "bogus", "new_status": "bogus"}, NO_ACTION),
        ({"customer_ids": [999_999], "action": ["delete_customers"]}, NO_ACTION),
        ({"customer_ids": [999_999], "action": {"a": 1}}, NO_ACTION),
        (change([999_999], "bogus"), NO_STATUS),
        (change([999_999], None), NO_STATUS),
        (change([999_999], ["archived"]), NO_STATUS),
        (change([999_999], {}), NO_STATUS),
        (change([999_999]), NO_CUSTOMER),
        (deletion(999_999, 999_998), NO_CUSTOMER),
        (change(["abc"]), NO_CUSTOMER),
        (change([0]), NO_CUSTOMER),
    ],
)
async def test_checks_are_made_in_order(shop: Shop, sent: Any, answer: Any) -> None:
    before = await shop.position()
    assert refusal(await shop.post(PATH, sent)) == answer
    assert await shop.position() == before


async def test_a_thousand_ids_are_enough(shop: Shop) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    many = [id_, *range(100_000, 101_000)]
    assert problems(await shop.post(PATH, change(many))) == {"customer_ids": ["max"]}
    assert await shop.position() == before
    assert done(await shop.post(PATH, change(many[:1_000]))) == CHANGED


async def test_ids_that_nobody_has_are_ignored(shop: Shop) -> None:
    id_ = await shop.customer()
    junk: list[Any] = [str(id_), "abc", None, -4, 2**70, [], {}, 1.5]
    selections: list[Any] = [[999_999, id_], junk, f"{id_},999999", str(id_), id_]
    for ids in selections:
        done(await shop.post(PATH, change(id_, "active")))
        assert done(await shop.post(PATH, change(ids))) == CHANGED
        assert (await shop.shown(id_))["status"] == "archived"


async def test_a_form_will_do(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    form = f"action=change_customer_status&new_status=inactive&customer_ids[]={one}&customer_ids[]={two}"
    assert done(await shop.post(PATH, content=form, headers=FORM)) == CHANGED
    assert done(await shop.post(f"{PATH}?{form.replace('inactive', 'archived')}")) == CHANGED
    assert [(await shop.shown(id_))["status"] for id_ in (one, two)] == ["archived", "archived"]


async def test_texts_are_trimmed(shop: Shop) -> None:
    id_ = await shop.customer()
    sent = {"action": " change_customer_status ", "customer_ids": [f" {id_} "], "new_status": " inactive\n"}
    assert done(await shop.post(PATH, sent)) == CHANGED
    assert (await shop.shown(id_))["status"] == "inactive"


async def test_the_same_status_again_is_no_event(shop: Shop) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    assert done(await shop.post(PATH, change([id_], "active"))) == CHANGED
    assert await shop.position() == before


async def test_the_deleted_are_not_deleted_again(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    done(await shop.post(PATH, deletion(one)))
    assert refusal(await shop.post(PATH, deletion(one))) == NO_CUSTOMER
    assert refusal(await shop.post(PATH, change([one]))) == NO_CUSTOMER
    assert done(await shop.post(PATH, deletion(one, two))) == DELETED


async def test_a_bulk_action_is_all_or_nothing(shop: Shop) -> None:
    """The database refuses the last of them, in the middle of the transaction."""
    ids = [await shop.customer() for _ in range(3)]
    before = await shop.position()
    constraint = f"ALTER TABLE customers ADD CONSTRAINT last CHECK (id <> {ids[-1]} OR status = 'active')"
    await shop.pool.execute(constraint)
    try:
        answer = await shop.post(PATH, change(ids))
    finally:
        await shop.pool.execute("ALTER TABLE customers DROP CONSTRAINT last")
    assert answer.status_code == 500
    body = answer.json()
    assert (body["code"], body["message"], list(body["data"])) == (500, "Internal error", ["request_id"])
    assert await shop.position() == before
    assert [(await shop.shown(id_))["status"] for id_ in ids] == ["active"] * 3
