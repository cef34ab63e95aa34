"""A customer's history, and what is left of it when the customer is erased."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.customer import CUSTOMER, ChangeCustomer
from service.credentials.roles import Role
from tests.api.shop import FORBIDDEN, HOME, NO_CUSTOMER, Shop, done, new_email, problems, refusal
from tests.eventstore.acts import do

KEYS = ["position", "version", "type", "occurred_at", "recorded_at", "actor", "request_id", "data", "changes"]


async def history(shop: Shop, id_: int, query: str = "") -> list[dict[str, Any]]:
    body = done(await shop.get(f"/customers/{id_}/history?{query}"))
    assert list(body) == ["history"]
    assert list(body["history"]) == ["data", "next_cursor"]
    return list(body["history"]["data"])


async def eventful(shop: Shop) -> int:
    id_ = await shop.customer(city="Boston")
    headers = {"X-Request-Id": f"move-{id_}"}
    body = {"email": new_email(), "first_name": "Joan", "city": "Salem"}
    done(await shop.put(f"/customers/{id_}", body, headers=headers))
    order_id = await shop.order(id_, 900)
    await shop.pay(order_id, 900)
    await shop.address(id_)
    return id_


async def test_history_is_newest_first_with_who_and_what(shop: Shop) -> None:
    id_ = await eventful(shop)
    entries = await history(shop, id_)
    assert [entry["type"] for entry in entries] == [
        "primary-address-set", "address-added", "payment-recorded", "order-placed", "customer-moved",
        "customer-email-changed", "customer-renamed", "customer-registered",
    ]  # fmt: skip
    positions = [entry["position"] for entry in entries]
    assert positions == sorted(positions, reverse=True)
    for entry in entries:
        assert [key for key in entry if key in KEYS] == KEYS
        assert entry["actor"] == "administrator"
    moved = entries[4]
    assert moved["changes"] == {"city": ["Boston", "Salem"]}
    assert moved["data"]["city"] == "Salem"
    assert moved["request_id"] == f"move-{id_}"
    paid = entries[2]
    assert paid["changes"]["total_paid"] == [0, 900]
    assert paid["changes"]["payment_status"] == ["pending", "paid"]
    assert paid["data"]["amount"] == 900


async def test_history_is_read_in_pages(shop: Shop) -> None:
    id_ = await eventful(shop)
    whole, pages = await history(shop, id_), []
    cursor: str | None = ""
    while cursor is not None:
        body = done(await shop.get(f"/customers/{id_}/history?per_page=3&cursor={cursor}"))["history"]
        pages.append(body["data"])
        cursor = body["next_cursor"]
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [entry for page in pages for entry in page] == whole


async def test_history_is_filtered(shop: Shop) -> None:
    id_ = await eventful(shop)
    assert [entry["type"] for entry in await history(shop, id_, "type=order-placed")] == ["order-placed"]
    assert len(await history(shop, id_, "actor=administrator")) == 8
    assert await history(shop, id_, "actor=somebody") == []
    assert len(await history(shop, id_, "from=2020-01-01")) == 8
    assert await history(shop, id_, "to=2020-01-01") == []


async def test_days_begin_and_end_where_the_client_is(shop: Shop) -> None:
    id_ = await shop.customer()
    late, early = datetime(2025, 6, 19, 22, 30, tzinfo=UTC), datetime(2025, 6, 20, 21, 59, 59, 900_000, tzinfo=UTC)
    for at in (late, early):  # the first and the last moment of June 20 in Rome, or nearly
        await do(shop.store, CUSTOMER, id_, ChangeCustomer(first_name=f"{at}"), at=at)
    rome = "user_tz=Europe/Rome&type=customer-renamed"
    assert len(await history(shop, id_, f"from=2025-06-20&to=2025-06-20&{rome}")) == 2
    assert len(await history(shop, id_, "from=2025-06-20&to=2025-06-20&type=customer-renamed")) == 1
    assert await history(shop, id_, f"from=2025-06-21&to=2025-06-21&{rome}") == []
    assert len(await history(shop, id_, f"to=2025-06-20 00:30:00&{rome}")) == 1
    assert len(await history(shop, id_, f"from=2025-06-20 00:30:01&to=2025-06-20&{rome}")) == 1


@pytest.mark.parametrize(
    "query",
    [
        "from=soon",
        "to=1",
        "cursor=x",
        "cursor=-1",
        "type=no-such-thing",
        "type[]=a",
        "actor=%00",
        "from=%ED%A0%80",
        "user_tz=Mars/Base",
    ],
)
async def test_a_filter_that_does_not_fit_is_named(shop: Shop, query: str) -> None:
    for path in (f"/customers/{await shop.customer()}/history", "/history"):
        answer = await shop.get(f"{path}?{query}")
        assert list(problems(answer)) == [query.partition("=")[0].removesuffix("[]")]


@pytest.mark.parametrize("id_", ["999999", "0", "abc", "9" * 30])
async def test_nobody_has_a_history(shop: Shop, id_: str) -> None:
    assert refusal(await shop.get(f"/customers/{id_}/history")) == NO_CUSTOMER


async def test_a_history_tells_nothing_of_others(shop: Shop) -> None:
    id_, other = await eventful(shop), await eventful(shop)
    mine, theirs = await history(shop, id_), await history(shop, other)
    assert not {entry["position"] for entry in mine} & {entry["position"] for entry in theirs}


async def test_an_order_brings_its_past_along_but_not_what_it_said_of_another(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    said = {"note": "ring the bell", "payment_method_title": "Zelda's card", "items": [{"title": "For Zelda"}]}
    order_id = await shop.order(id_, 500, **said)
    await shop.pay(order_id, 500)
    done(await shop.post(f"/orders/{order_id}/transfer", {"customer_id": other}))
    await shop.pay(order_id, 100)
    paid, transferred, paid_before, placed, registered = await history(shop, other)
    assert [entry["type"] for entry in (paid, transferred, paid_before, placed, registered)] == [
        "payment-recorded", "order-transferred", "payment-recorded", "order-placed", "customer-registered",
    ]  # fmt: skip
    assert transferred["changes"] == {"customer_id": [id_, other]}
    assert (placed["data"]["words"], placed["changes"]["payment_method_title"]) == (None, [None, ""])
    assert paid["changes"]["transactions.2"][0] is None
    assert paid["changes"]["transactions.2"][1]["total"] == 100
    mine = await history(shop, id_)
    assert mine[0] == transferred
    assert "For Zelda" in str(mine)
    assert "For Zelda" in str(done(await shop.get("/history?type=order-placed&per_page=1")))
    theirs = await history(shop, other)
    assert "For Zelda" not in str(theirs)
    await erase(shop, id_)
    assert await history(shop, other) == theirs
    assert secrets_in(str(theirs)) == []


async def test_the_stores_history_has_everything_in_order(empty_shop: Shop) -> None:
    shop = empty_shop
    await eventful(shop)
    done(await shop.post("/labels", {"value": "VIP"}))
    await shop.user()
    whole = done(await shop.get("/history?per_page=199"))["history"]
    assert [entry["position"] for entry in whole["data"]] == list(range(10, 0, -1))
    assert [entry["subject"]["type"] for entry in whole["data"]][:2] == ["user", "label"]
    assert whole["data"][1]["changes"]["value"] == [None, "VIP"]
    assert whole["next_cursor"] is None
    first = done(await shop.get("/history?per_page=6"))["history"]
    rest = done(await shop.get(f"/history?per_page=6&cursor={first['next_cursor']}"))["history"]
    assert first["data"] + rest["data"] == whole["data"]
    labels = done(await shop.get("/history?type=label-created&actor=administrator"))["history"]
    assert labels["data"] == [whole["data"][1]]


@pytest.mark.parametrize("role", ["manager", "worker"])
async def test_the_stores_history_is_for_administrators(shop: Shop, role: Role) -> None:
    assert refusal(await shop.get("/history", auth=(role, shop.passwords[role]))) == FORBIDDEN


# Erasure

SECRETS = (
    "Violet", "Quimby", "violet.quimby@example.com", "Elm Alley 5", "Quimbyville", "+1-555-7788", "ring the bell",
    "203.0.113.77", "likes tulips", "Violet Quimby Ltd",
)  # fmt: skip


async def violet(shop: Shop) -> tuple[int, int]:
    """A customer with personal data wherever there is room for it, and its order."""
    id_ = await shop.customer(
        email="violet.quimby@example.com",
        first_name="Violet",
        last_name="Quimby",
        city="Quimbyville",
        notes="likes tulips",
    )
    order_id = await shop.order(id_, 1_000, total_paid=1_000, note="ring the bell", ip_address="203.0.113.77")
    lines = {"name": "Violet Quimby", "address_1": "Elm Alley 5", "phone": "+1-555-7788", "order_id": order_id}
    await shop.address(id_, **lines, company_name="Violet Quimby Ltd", email="violet.quimby@example.com")
    await shop.address(id_, **lines, type="shipping")
    done(
        await shop.put(f"/customers/{id_}", {"email": "violet.quimby@example.com", "first_name": "Violet", "city": "X"})
    )
    return id_, order_id


async def erase(shop: Shop, id_: int, **options: Any) -> None:
    body = {"action": "delete_customers", "customer_ids": [id_]}
    done(await shop.post("/customers/do-bulk-action", body, **options))


def secrets_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret.casefold() in text.casefold()]


async def test_an_erased_customer_is_gone_from_everywhere(empty_shop: Shop) -> None:
    shop = empty_shop
    id_, order_id = await violet(shop)
    assert secrets_in((await shop.get(f"/customers/{id_}/history")).text)
    other = await shop.customer()
    lent = await shop.order(id_, 500, note="ring the bell")
    done(await shop.post(f"/orders/{lent}/transfer", {"customer_id": other}))
    dropped = await shop.order(id_, 500, note="ring the bell", ip_address="203.0.113.77")
    done(await shop.delete(f"/orders/{dropped}"))
    await erase(shop, id_)

    assert (await shop.get(f"/customers/{id_}")).status_code == 404
    for path in (f"/customers/{id_}/address", f"/customers/{id_}/orders", f"/customers/{id_}/order"):
        assert refusal(await shop.get(path)) == NO_CUSTOMER
    assert refusal(await shop.get(f"/customers/get-stats/{id_}")) == NO_CUSTOMER
    assert refusal(await shop.post(f"/customers/{id_}/address", HOME)) == NO_CUSTOMER
    assert refusal(await shop.post("/orders", {"customer_id": id_, "total_amount": 1})) == NO_CUSTOMER
    listed = done(await shop.get("/customers?search=violet"))["customers"]
    assert (listed["total"], listed["data"]) == (0, [])
    everyone = done(await shop.get(f"/customers?include_ids={id_}&with=orders"))["customers"]
    assert [customer["id"] for customer in everyone["data"]] == [other]
    for path in (f"/customers/{id_}/history", f"/orders/{order_id}"):
        assert secrets_in((await shop.get(path)).text) == [], path
    done(await shop.delete(f"/orders/{lent}"))  # the note went to its new customer with it, and is that one's
    for name in ("customers", "addresses", "orders", "claims", "answers"):
        rows = await shop.pool.fetch(f"SELECT t::text FROM {name} t")
        assert secrets_in(" ".join(row[0] for row in rows)) == [], name


async def test_history_says_that_a_customer_was_erased_and_by_whom(shop: Shop) -> None:
    id_ = await eventful(shop)
    await erase(shop, id_, auth=("manager", shop.passwords["manager"]))
    newest, *older = await history(shop, id_)
    assert (newest["type"], newest["actor"]) == ("customer-erased", "manager")
    assert [entry["type"] for entry in older][-1] == "customer-registered"
    assert not [entry for entry in older if entry["type"].startswith("customer-") and entry["data"]]


async def test_answers_kept_for_a_key_are_forgotten_too(empty_shop: Shop) -> None:
    shop = empty_shop
    key = {"Idempotency-Key": "violet"}
    body = {"email": "violet.quimby@example.com", "first_name": "Violet"}
    id_ = done(await shop.post("/customers", body, headers=key))["data"]["id"]
    home = HOME | {"name": "Violet Quimby"}
    done(await shop.post(f"/customers/{id_}/address", home, headers={"Idempotency-Key": "home"}))
    await erase(shop, id_)
    rows = await shop.pool.fetch("SELECT convert_from(body, 'UTF8') FROM answers")
    assert secrets_in(" ".join(row[0] for row in rows)) == []


async def test_an_erased_customers_email_and_user_are_free(shop: Shop) -> None:
    email, user_id = new_email(), await shop.user()
    await erase(shop, await shop.customer(email=email, user_id=user_id))
    id_ = await shop.customer(email=email)
    done(await shop.put(f"/users/{user_id}", {"user_login": f"user{user_id}", "user_email": new_email()}))
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))


async def test_an_order_of_the_erased_can_still_be_refunded(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_, 1_000, total_paid=1_000)
    await erase(shop, id_)
    assert (await shop.refund(order_id, 400))["data"]["total_refund"] == 400
