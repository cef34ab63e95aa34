"""A customer's addresses, as the API document and the contract say."""

from typing import Any

import pytest

from tests.api.shop import FORM, HOME, NO_ADDRESS, NO_CUSTOMER, Shop, done, problems, refusal, rule

KEYS = [
    "id", "customer_id", "is_primary", "type", "status", "label", "name", "address_1", "address_2", "city", "state",
    "postcode", "country", "phone", "email", "meta", "created_at", "updated_at", "formatted_address", "company_name",
]  # fmt: skip
FORMATTED = [
    "country", "state", "city", "postcode", "address_1", "address_2", "type", "name", "company_name", "label", "phone",
    "full_address",
]  # fmt: skip
INVALID_ID = rule(403, "Please use a valid address ID!")
PRIMARY_KEPT = rule(403, "Primary address cannot be deleted!")
NOT_SET = rule(400, "Address set as primary failed.")
SET = {"message": "Address successfully set as the primary", "data": ""}
REMOVED = {"message": "Address successfully deleted.", "data": ""}
LONG = "a" * 256


# Get and create


async def test_an_address_has_the_documents_keys_in_its_order(shop: Shop) -> None:
    id_ = await shop.customer()
    more = {"address_2": "Apt 4B", "label": "Home", "phone": "+1-555-0100", "company_name": "Acme Inc"}
    body = done(await shop.post(f"/customers/{id_}/address", HOME | more))
    assert (list(body), body["message"]) == (["message", "data"], "Billing address created successfully!")
    listed = done(await shop.get(f"/customers/{id_}/address"))
    assert list(listed) == ["addresses"]
    assert listed["addresses"] == [body["data"]]
    address = body["data"]
    assert list(address) == KEYS
    assert (address["customer_id"], address["is_primary"], address["status"]) == (id_, 1, "active")
    assert type(address["is_primary"]) is int
    assert {key: address[key] for key in HOME | more} == HOME | more
    assert list(address["formatted_address"]) == FORMATTED
    assert address["formatted_address"]["full_address"] == (
        "Acme Inc, 1 Main Street, Apt 4B, New York, New York, United States"
    )


async def test_a_shipping_address_says_so(shop: Shop) -> None:
    id_ = await shop.customer()
    body = done(await shop.post(f"/customers/{id_}/address", HOME | {"type": "shipping"}))
    assert body["message"] == "Shipping address created successfully!"
    assert await shop.addresses(id_) == []
    assert await shop.addresses(id_, "shipping") == [body["data"]]
    assert await shop.addresses(id_, "") == []


async def test_the_primary_address_comes_first(shop: Shop) -> None:
    id_ = await shop.customer()
    first, second = await shop.address(id_), await shop.address(id_)
    third = await shop.address(id_, is_primary=1)
    assert [address["id"] for address in await shop.addresses(id_)] == [third, first, second]
    assert [address["is_primary"] for address in await shop.addresses(id_)] == [1, 0, 0]


@pytest.mark.parametrize("flag", [1, "1", True])
async def test_a_new_primary_address_demotes_the_other_of_its_type_only(shop: Shop, flag: Any) -> None:
    id_ = await shop.customer()
    shipping = await shop.address(id_, type="shipping")
    await shop.address(id_)
    newer = await shop.address(id_, is_primary=flag)
    assert await shop.primaries(id_) == [newer]
    assert await shop.primaries(id_, "shipping") == [shipping]


@pytest.mark.parametrize("flag", [0, "0", False, None, ""])
async def test_the_first_of_a_type_is_primary_whatever_is_asked(shop: Shop, flag: Any) -> None:
    id_ = await shop.customer()
    first, _second = await shop.address(id_, is_primary=flag), await shop.address(id_, is_primary=flag)
    assert await shop.primaries(id_) == [first]


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        (
            dict.fromkeys(HOME),
            {key: ["required"] for key in ("type", "name", "email", "address_1", "city", "country")},
        ),
        (
            {"email": "x", "name": LONG, "city": LONG},
            {"name": ["maxLength"], "email": ["email"], "city": ["maxLength"]},
        ),
        ({"type": "home"}, {"type": ["in"]}),
        ({"label": "a" * 16}, {"label": ["maxLength"]}),
        ({"company_name": LONG}, {"company_name": ["maxLength"]}),
        ({"country": "XX"}, {"country": ["invalid"]}),
        ({"state": ""}, {"state": ["required"]}),
        ({"postcode": ""}, {"postcode": ["required"]}),
        ({"postcode": "ABC"}, {"postcode": ["invalid"]}),
        ({"state": "", "postcode": "", "label": "a\0"}, {"label": ["string"], "state": ["required"],
                                                         "postcode": ["required"]}),
        ({"is_primary": 2}, {"is_primary": ["max"]}),
        ({"is_primary": "yes"}, {"is_primary": ["numeric"]}),
        ({"order_id": "x"}, {"order_id": ["numeric"]}),
        ({"order_id": 999_999}, {"order_id": ["exists"]}),
        ({"name": [], "address_1": {}, "phone": 1.5}, {"name": ["string"], "address_1": ["string"],
                                                       "phone": ["string"]}),
    ],
)  # fmt: skip
async def test_every_field_that_does_not_fit_is_named(shop: Shop, sent: Any, broken: Any) -> None:
    id_ = await shop.customer()
    address_id = await shop.address(id_)
    before, known = await shop.position(), await shop.addresses(id_)
    assert problems(await shop.post(f"/customers/{id_}/address", HOME | sent)) == broken
    assert problems(await shop.put(f"/customers/{id_}/address", HOME | sent | {"id": address_id})) == broken
    assert await shop.position() == before
    assert await shop.addresses(id_) == known


@pytest.mark.parametrize(
    "place",
    [
        {"country": "US", "state": "ny", "postcode": "10001-1234"},
        {"country": "US", "state": "New York", "postcode": "10001"},
        {"country": "GB", "state": "", "postcode": "SW1A 1AA"},
        {"country": "DE", "state": None, "postcode": "10115"},
        {"country": "HK", "state": "Kowloon", "postcode": ""},
    ],
)
async def test_a_countrys_own_rules_decide(shop: Shop, place: dict[str, Any]) -> None:
    done(await shop.post(f"/customers/{await shop.customer()}/address", HOME | place))


async def test_a_label_of_15_letters_fits(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.address(id_, label="Ünïcödé länge 1")
    assert (await shop.addresses(id_))[0]["label"] == "Ünïcödé länge 1"


@pytest.mark.parametrize("id_", ["999999", "0", "abc", "-1", "9" * 30])
async def test_nobody_has_addresses(shop: Shop, id_: str) -> None:
    path = f"/customers/{id_}/address"
    before = await shop.position()
    assert refusal(await shop.get(path)) == NO_CUSTOMER
    assert refusal(await shop.post(path, HOME)) == NO_CUSTOMER
    assert refusal(await shop.put(path, HOME | {"id": 1})) == NO_CUSTOMER
    assert refusal(await shop.delete(path, {"address": {"id": 1}})) == NO_CUSTOMER
    assert refusal(await shop.post(f"{path}/make-primary", {"addressId": 1, "type": "billing"})) == NO_CUSTOMER
    assert await shop.position() == before


async def test_a_type_that_is_none_is_refused(shop: Shop) -> None:
    assert problems(await shop.get(f"/customers/{await shop.customer()}/address?type=home")) == {"type": ["in"]}


async def test_an_address_says_only_what_clients_may_say(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    forged = {"id": 777_777, "customer_id": other, "created_at": "2001-01-01 00:00:00", "meta": {"a": 1}}
    address_id = await shop.address(id_, **forged)
    assert address_id != 777_777
    assert await shop.addresses(other) == []
    body = HOME | forged | {"id": address_id, "name": "Joan"}
    data = done(await shop.put(f"/customers/{id_}/address", body))["data"]
    assert (data["customer_id"], data["meta"], data["name"]) == (id_, [], "Joan")
    assert data["created_at"] != forged["created_at"]


# Update


async def test_an_update_changes_what_is_sent_and_demotes_nobody(shop: Shop) -> None:
    id_ = await shop.customer()
    address_id = await shop.address(id_, address_2="Apt 4B", phone="1", label="Home", company_name="Acme")
    before = (await shop.addresses(id_))[0]
    body = done(await shop.put(f"/customers/{id_}/address", HOME | {"id": str(address_id), "city": "Albany"}))
    assert body["message"] == "Billing address updated successfully!"
    after = body["data"]
    changed = {key for key in KEYS if after[key] != before[key]} - {"updated_at", "formatted_address"}
    assert changed == {"city"}
    cleared = dict.fromkeys(("address_2", "phone", "label", "company_name"))
    after = done(await shop.put(f"/customers/{id_}/address", HOME | {"id": address_id} | cleared))["data"]
    assert [after[key] for key in cleared] == ["", "", "", ""]
    assert after["is_primary"] == 1


async def test_an_update_keeps_the_rules_of_the_country_it_ends_in(shop: Shop) -> None:
    id_ = await shop.customer()
    address_id = await shop.address(id_, state="NY", postcode="10001")
    sent = {key: value for key, value in HOME.items() if key not in {"state", "postcode"}}
    before = await shop.position()
    answer = await shop.put(f"/customers/{id_}/address", sent | {"id": address_id, "country": "GB"})
    assert problems(answer) == {"postcode": ["invalid"]}
    assert await shop.position() == before


async def test_an_update_to_the_same_is_no_event(shop: Shop) -> None:
    id_ = await shop.customer()
    address_id = await shop.address(id_)
    before = await shop.position()
    for flag in (0, 1):
        done(await shop.put(f"/customers/{id_}/address", HOME | {"id": address_id, "is_primary": flag}))
    assert await shop.position() == before
    assert await shop.primaries(id_) == [address_id]


async def test_an_update_can_make_an_address_primary(shop: Shop) -> None:
    id_ = await shop.customer()
    _first, second = await shop.address(id_), await shop.address(id_)
    data = done(await shop.put(f"/customers/{id_}/address", HOME | {"id": second, "is_primary": 1}))["data"]
    assert data["is_primary"] == 1
    assert await shop.primaries(id_) == [second]


async def test_an_address_that_changes_its_type_leaves_one_primary_of_each(shop: Shop) -> None:
    id_ = await shop.customer()
    first, second = await shop.address(id_), await shop.address(id_)
    body = done(await shop.put(f"/customers/{id_}/address", HOME | {"id": first, "type": "shipping"}))
    assert body["message"] == "Shipping address updated successfully!"
    assert body["data"]["type"] == "shipping"
    assert (await shop.primaries(id_), await shop.primaries(id_, "shipping")) == ([second], [first])
    done(await shop.put(f"/customers/{id_}/address", HOME | {"id": second, "type": "shipping"}))
    assert (await shop.primaries(id_), await shop.primaries(id_, "shipping")) == ([], [first])
    done(await shop.put(f"/customers/{id_}/address", HOME | {"id": second, "type": "billing", "is_primary": 0}))
    assert (await shop.primaries(id_), await shop.primaries(id_, "shipping")) == ([second], [first])


@pytest.mark.parametrize("bad", [None, "", "abc", 0, -1, 1.5, [1], {"id": 1}, True, 2**63, "\0"])
async def test_an_update_needs_an_id(shop: Shop, bad: Any) -> None:
    id_ = await shop.customer()
    assert list(problems(await shop.put(f"/customers/{id_}/address", HOME | {"id": bad}))) == ["id"]


async def test_an_address_is_only_reached_through_its_own_customer(shop: Shop) -> None:
    id_, stranger = await shop.customer(), await shop.customer()
    address_id, second = await shop.address(id_), await shop.address(id_)
    await shop.address(stranger)
    before, known = await shop.position(), await shop.addresses(id_)
    path = f"/customers/{stranger}/address"
    for theirs in (address_id, second):
        assert refusal(await shop.put(path, HOME | {"id": theirs, "name": "Stolen"})) == NO_ADDRESS
        assert refusal(await shop.delete(path, {"address": {"id": theirs}})) == NO_ADDRESS
        assert refusal(await shop.post(f"{path}/make-primary", {"addressId": theirs, "type": "billing"})) == NOT_SET
    assert await shop.position() == before
    assert await shop.addresses(id_) == known


async def test_an_unknown_address_is_not_found(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.address(id_)
    assert refusal(await shop.put(f"/customers/{id_}/address", HOME | {"id": 999_999})) == NO_ADDRESS
    assert refusal(await shop.delete(f"/customers/{id_}/address", {"address": {"id": 999_999}})) == NO_ADDRESS


# Delete


async def test_an_address_is_deleted_by_body_form_or_query(shop: Shop) -> None:
    id_ = await shop.customer()
    path = f"/customers/{id_}/address"
    kept = await shop.address(id_)
    one, two, three, four = [await shop.address(id_) for _ in range(4)]
    assert done(await shop.delete(path, {"address": {"id": one}})) == REMOVED
    assert done(await shop.delete(path, {"address": {"id": f" {two} "}})) == REMOVED
    assert done(await shop.delete(f"{path}?address[id]={three}")) == REMOVED
    form = await shop.delete(path, content=f"address%5Bid%5D={four}", headers=FORM)
    assert done(form) == REMOVED
    assert [address["id"] for address in await shop.addresses(id_)] == [kept]


@pytest.mark.parametrize(
    "sent",
    [
        None, {}, {"address": None}, {"address": 5}, {"address": "5"}, {"address": []}, {"address": [5]},
        {"address": {}}, {"address": {"id": None}}, {"address": {"id": ""}}, {"address": {"id": "abc"}},
        {"address": {"id": 0}}, {"address": {"id": -1}}, {"address": {"id": 1.5}}, {"address": {"id": [1]}},
        {"address": {"id": True}}, {"address": {"id": 2**70}}, {"id": 1},
    ],
)  # fmt: skip
async def test_a_delete_needs_a_valid_id(shop: Shop, sent: Any) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    assert refusal(await shop.delete(f"/customers/{id_}/address", sent)) == INVALID_ID
    assert await shop.position() == before


async def test_a_primary_address_is_kept_whether_last_or_not(shop: Shop) -> None:
    id_ = await shop.customer()
    first = await shop.address(id_)
    body = {"address": {"id": first}}
    assert refusal(await shop.delete(f"/customers/{id_}/address", body)) == PRIMARY_KEPT
    await shop.address(id_)
    before = await shop.position()
    assert refusal(await shop.delete(f"/customers/{id_}/address", body)) == PRIMARY_KEPT
    assert await shop.position() == before


# Make primary


async def test_make_primary_is_one_event_that_demotes_the_other(shop: Shop) -> None:
    id_ = await shop.customer()
    first, second = await shop.address(id_), await shop.address(id_)
    shipping = await shop.address(id_, type="shipping")
    before = await shop.position()
    path = f"/customers/{id_}/address/make-primary"
    assert done(await shop.post(path, {"addressId": str(second), "type": "billing"})) == SET
    assert await shop.position() == before + 1
    assert (await shop.primaries(id_), await shop.primaries(id_, "shipping")) == ([second], [shipping])
    assert done(await shop.post(path, {"addressId": second, "type": "billing"})) == SET
    assert await shop.position() == before + 1
    form = await shop.post(path, content=f"addressId={first}&type=billing", headers=FORM)
    assert done(form) == SET
    assert await shop.primaries(id_) == [first]


@pytest.mark.parametrize(
    "wrong", [{"type": "shipping"}, {"addressId": 999_999}, {"addressId": "999999", "type": "shipping"}]
)
async def test_a_wrong_id_or_type_changes_nothing(shop: Shop, wrong: dict[str, Any]) -> None:
    id_ = await shop.customer()
    first, second = await shop.address(id_), await shop.address(id_)
    before = await shop.position()
    body = {"addressId": second, "type": "billing"} | wrong
    assert refusal(await shop.post(f"/customers/{id_}/address/make-primary", body)) == NOT_SET
    assert await shop.position() == before
    assert await shop.primaries(id_) == [first]


# An order's address


async def test_an_order_gets_the_address_that_names_it(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_)
    given = await shop.address(id_, order_id=order_id, label="Home")
    address_id = await shop.address(id_, type="shipping", order_id=str(order_id), name="Joan")
    order = done(await shop.get(f"/orders/{order_id}"))["order"]
    assert (order["billing_address"]["name"], order["shipping_address"]["name"]) == ("Jane Smith", "Joan")
    body = HOME | {"id": address_id, "type": "shipping", "order_id": order_id, "name": "Judy"}
    done(await shop.put(f"/customers/{id_}/address", body))
    order = done(await shop.get(f"/orders/{order_id}"))["order"]
    assert (order["billing_address"]["name"], order["shipping_address"]["name"]) == ("Jane Smith", "Judy")
    [known] = [address for address in await shop.addresses(id_) if address["id"] == given]
    assert order["billing_address"] == {name: known[name] for name in order["billing_address"]}
    assert {"address_2", "phone", "label", "status", "company_name"} <= order["billing_address"].keys()
    listed = done(await shop.get(f"/customers/{id_}/orders?with=billing_address,shipping_address"))["orders"]["data"]
    for name in ("billing_address", "shipping_address"):
        assert listed[0][name] == order[name]


async def test_anothers_order_gets_no_address(shop: Shop) -> None:
    id_, stranger = await shop.customer(), await shop.customer()
    order_id, deleted = await shop.order(stranger), await shop.order(id_)
    address_id = await shop.address(id_)
    done(await shop.delete(f"/orders/{deleted}"))
    before = await shop.position()
    for order in (order_id, deleted):
        answer = await shop.post(f"/customers/{id_}/address", HOME | {"order_id": order})
        assert problems(answer) == {"order_id": ["exists"]}
        body = HOME | {"id": address_id, "order_id": order, "name": "Not I"}
        assert problems(await shop.put(f"/customers/{id_}/address", body)) == {"order_id": ["exists"]}
    assert await shop.position() == before
    assert done(await shop.get(f"/orders/{order_id}"))["order"]["billing_address"] is None
