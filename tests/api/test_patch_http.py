"""PATCH of a customer: what is sent is changed, and nothing is required."""

from typing import Any

import pytest

from api.process.settings import Settings
from tests.api.shop import FORM, NO_CUSTOMER, Shop, done, new_email, open_shop, problems, reason, refusal

PLACE = {"country": "US", "state": "MA", "city": "Boston", "postcode": "02101"}


async def patched(shop: Shop, id_: int, body: Any, **options: Any) -> dict[str, Any]:
    data: dict[str, Any] = done(await shop.ask("PATCH", f"/customers/{id_}", body, **options))["data"]
    return data


@pytest.mark.parametrize(
    ("sent", "changed"),
    [
        ({"city": "Salem"}, {"city", "formatted_address"}),
        ({"first_name": "Joan"}, {"first_name", "full_name", "formatted_address"}),
        ({"last_name": ""}, {"last_name", "full_name", "formatted_address"}),
        ({"status": "archived"}, {"status"}),
        ({"notes": None}, {"notes"}),
        ({"country": "CA", "state": None, "postcode": ""}, {
            "country", "country_name", "state", "postcode", "formatted_address",
        }),
        ({}, set()),
    ],
)  # fmt: skip
async def test_it_changes_what_is_sent_and_no_more(shop: Shop, sent: Any, changed: set[str]) -> None:
    id_ = await shop.customer(notes="a note", status="inactive", **PLACE)
    before, position = await shop.shown(id_), await shop.position()
    answer = await shop.ask("PATCH", f"/customers/{id_}", sent)
    assert done(answer)["message"] == "Customer updated successfully!"
    after = await shop.shown(id_)
    assert {key for key in after if after[key] != before[key]} - {"updated_at"} == changed
    assert (await shop.position() > position) == bool(changed)


async def test_what_is_no_field_of_it_is_refused_by_name(shop: Shop) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    sent = {"city": "Salem", "full_name": "Not Asked", "ltv": 5, "id": 7, "unknown": []}
    refused = {name: ["unknown"] for name in ("full_name", "ltv", "id", "unknown")}
    assert problems(await shop.ask("PATCH", f"/customers/{id_}", sent)) == refused
    assert await shop.position() == before


async def test_an_email_may_change_alone(shop: Shop) -> None:
    id_, taken, email = await shop.customer(), new_email(), new_email()
    await shop.customer(email=taken)
    assert (await patched(shop, id_, {"email": email}))["email"] == email
    assert reason(await shop.ask("PATCH", f"/customers/{id_}", {"email": taken})) == "customer_exists"
    assert (await shop.shown(id_))["email"] == email


@pytest.mark.parametrize("nothing", [None, "", "  "])
async def test_what_a_customer_must_have_cannot_be_cleared(shop: Shop, nothing: Any) -> None:
    id_ = await shop.customer()
    answer = await shop.ask("PATCH", f"/customers/{id_}", {"email": nothing, "first_name": nothing})
    assert problems(answer) == {"email": ["required"], "first_name": ["required"]}


async def test_what_does_not_fit_is_named(shop: Shop) -> None:
    id_, before = await shop.customer(), await shop.position()
    sent = {"email": "x", "status": "gone", "country": "Atlantis", "user_id": []}
    assert set(problems(await shop.ask("PATCH", f"/customers/{id_}", sent))) == set(sent)
    assert await shop.position() == before


async def test_a_linked_user_follows_and_may_be_let_go(shop: Shop) -> None:
    id_ = await shop.customer(wp_user="yes")
    user_id = (await shop.shown(id_))["user_id"]
    await patched(shop, id_, {"first_name": "Joan"})
    [user] = [it for it in done(await shop.get("/users"))["users"] if it["ID"] == user_id]
    assert user["first_name"] == "Joan"
    assert (await patched(shop, id_, {"user_id": None}))["user_id"] is None


async def test_it_takes_a_form_a_version_and_a_key(shop: Shop) -> None:
    id_ = await shop.customer()
    sent = await shop.ask("PATCH", f"/customers/{id_}", content="city=Salem", headers=FORM | {"Idempotency-Key": "p1"})
    assert done(sent)["data"]["city"] == "Salem"
    again = await shop.ask("PATCH", f"/customers/{id_}", content="city=Salem", headers=FORM | {"Idempotency-Key": "p1"})
    assert (again.content, again.headers["idempotency-replayed"]) == (sent.content, "true")
    tag = sent.headers["etag"]
    await patched(shop, id_, {"city": "Lynn"}, headers={"If-Match": tag})
    stale = await shop.ask("PATCH", f"/customers/{id_}", {"city": "Bath"}, headers={"If-Match": tag})
    assert reason(stale) == "version_changed"


@pytest.mark.parametrize("id_", ["0", "99999999", "abc"])
async def test_nobody_is_changed(shop: Shop, id_: str) -> None:
    assert refusal(await shop.ask("PATCH", f"/customers/{id_}", {"city": "Salem"})) == NO_CUSTOMER


async def test_a_store_with_full_names_changes_those(database: str) -> None:
    async with open_shop(database, Settings(name_mode="full_name")) as shop:
        body = {"email": new_email(), "full_name": "Mary Jane Watson"}
        id_ = int(done(await shop.post("/customers", body))["data"]["id"])
        assert (await patched(shop, id_, {"city": "Salem"}))["full_name"] == "Mary Jane Watson"
        assert (await patched(shop, id_, {"full_name": "Mary Parker"}))["last_name"] == "Parker"
        assert problems(await shop.ask("PATCH", f"/customers/{id_}", {"full_name": ""})) == {"full_name": ["required"]}
