"""WordPress users: attached, detached, following their customer, and made for one."""

from datetime import UTC, datetime
from typing import Any

import pytest

from api.process.settings import Settings
from domain.customer import CUSTOMER, CustomerProfile, RegisterCustomer
from eventstore.store import By
from tests.api.shop import FORM, NO_CUSTOMER, Shop, done, new_email, open_shop, problems, refusal, rule

ATTACHED = {"message": "User attached successfully"}
DETACHED = {"message": "User detached successfully"}
NO_USER = rule(404, "User not found.")
KEYS = [
    "ID", "user_login", "user_email", "display_name", "first_name", "last_name", "user_url", "user_nicename",
]  # fmt: skip


def refused(message: str, rule_: str) -> tuple[int, dict[str, Any]]:
    errors = {"user_id": {rule_: message}}
    return 422, {"code": "rest_request_validation", "message": message, "errors": errors}


NOT_FOUND = refused("User not found.", "exists")
LINKED = refused("User already linked to a customer.", "unique")
CAN_NOT = 422, {"message": "Can not attach user"}


async def user(shop: Shop, id_: int) -> dict[str, Any]:
    [found] = [user for user in done(await shop.get("/users"))["users"] if user["ID"] == id_]
    return dict(found)


async def attachable(shop: Shop, query: str = "") -> list[dict[str, Any]]:
    body = done(await shop.get(f"/customers/attachable-user{query}"))
    assert list(body) == ["users"]
    return list(body["users"])


# Attach and detach


@pytest.mark.parametrize("spelling", [int, str, " {} ".format])
async def test_a_user_is_attached(shop: Shop, spelling: Any) -> None:
    id_, user_id = await shop.customer(), await shop.user()
    assert done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": spelling(user_id)})) == ATTACHED
    customer = await shop.shown(id_)
    assert customer["user_id"] == user_id
    assert customer["user_link"] == f"https://shop.example/wp-admin/user-edit.php?user_id={user_id}"


async def test_a_form_attaches_too(shop: Shop) -> None:
    id_, user_id = await shop.customer(), await shop.user()
    answer = await shop.post(f"/customers/{id_}/attachable-user", content=f"user_id={user_id}", headers=FORM)
    assert done(answer) == ATTACHED
    assert (await shop.shown(id_))["user_id"] == user_id


async def test_a_user_has_one_customer_and_a_customer_one_user(shop: Shop) -> None:
    id_, user_id, other = await shop.customer(), await shop.user(), await shop.user()
    path = f"/customers/{id_}/attachable-user"
    done(await shop.post(path, {"user_id": user_id}))
    third, before = await shop.customer(), await shop.position()
    for again in (user_id, other):
        assert refusal(await shop.post(path, {"user_id": again})) == CAN_NOT
    assert refusal(await shop.post(f"/customers/{third}/attachable-user", {"user_id": user_id})) == LINKED
    assert refusal(await shop.post(f"/customers/{third}/attachable-user", {"user_id": 999_999})) == NOT_FOUND
    assert await shop.position() == before


@pytest.mark.parametrize("bad", [None, "", "abc", 0, -2, "-2", 1.5, [1], {}, True, 2**63, "9" * 51, "1\0"])
async def test_what_is_no_user_id_is_refused(shop: Shop, bad: Any) -> None:
    answer = await shop.post(f"/customers/{await shop.customer()}/attachable-user", {"user_id": bad})
    assert list(problems(answer)) == ["user_id"]


async def test_nobody_is_attached_or_detached(shop: Shop) -> None:
    user_id = await shop.user()
    for id_ in ("999999", "abc", "0"):
        assert refusal(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id})) == NO_CUSTOMER
        assert refusal(await shop.post(f"/customers/{id_}/detach-user")) == NO_CUSTOMER


async def test_a_user_is_detached_once_and_free_again(shop: Shop) -> None:
    id_, user_id = await shop.customer(), await shop.user()
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    assert done(await shop.post(f"/customers/{id_}/detach-user")) == DETACHED
    before, customer = await shop.position(), await shop.shown(id_)
    assert (customer["user_id"], customer["user_link"]) == (None, "")
    assert done(await shop.post(f"/customers/{id_}/detach-user")) == DETACHED
    assert await shop.position() == before
    other = await shop.customer()
    done(await shop.post(f"/customers/{other}/attachable-user", {"user_id": user_id}))


async def test_attachable_users_are_those_without_a_customer(shop: Shop) -> None:
    id_, taken, free = await shop.customer(), await shop.user(), await shop.user(display_name="Ann Free")
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": taken}))
    listed = await attachable(shop)
    ids = [user["ID"] for user in listed]
    assert free in ids
    assert taken not in ids
    assert ids == sorted(ids)
    [found] = [user for user in listed if user["ID"] == free]
    assert found == {"ID": free, "display_name": "Ann Free", "user_email": f"user{free}@example.org"}
    assert list(found) == ["ID", "display_name", "user_email"]


async def test_attachable_users_are_searched_and_paged(shop: Shop) -> None:
    ids = [await shop.user(display_name=f"Quirin {number}") for number in range(3)]
    assert [user["ID"] for user in await attachable(shop, "?search=quirin")] == ids
    assert [user["ID"] for user in await attachable(shop, "?search=QUIRIN&per_page=2")] == ids[:2]
    assert [user["ID"] for user in await attachable(shop, "?search=quirin&per_page=2&page=2")] == ids[2:]
    assert await attachable(shop, "?search=%25") == []


# Following the customer


async def test_a_linked_user_follows_its_customer(shop: Shop) -> None:
    id_, user_id, email = await shop.customer(), await shop.user(user_url="https://old.example"), new_email()
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    login = (await user(shop, user_id))["user_login"]
    sent = {
        "email": email, "first_name": "Joan", "last_name": "Roe", "display_name": "J. Roe", "user_nicename": "joan-roe",
        "user_url": "https://joan.example", "username": "mallory", "user_login": "mallory",
    }  # fmt: skip
    done(await shop.put(f"/customers/{id_}", sent))
    assert await user(shop, user_id) == {
        "ID": user_id, "user_login": login, "user_email": email, "display_name": "J. Roe", "first_name": "Joan",
        "last_name": "Roe", "user_url": "https://joan.example", "user_nicename": "joan-roe",
    }  # fmt: skip
    done(await shop.put(f"/customers/{id_}", {"email": email, "first_name": "Jo", "user_url": ""}))
    followed = await user(shop, user_id)
    assert (followed["first_name"], followed["last_name"], followed["display_name"]) == ("Jo", "Roe", "J. Roe")
    assert followed["user_url"] == ""


async def test_a_user_follows_only_what_changes(shop: Shop) -> None:
    """WordPress may know the person by another name and email; an update of the customer's city is no reason."""
    user_id = await shop.user(first_name="Joanna")
    known = await user(shop, user_id)
    sent = {"email": new_email(), "first_name": "Joan", "last_name": "Roe"}
    id_ = await shop.customer(**sent, user_id=user_id)
    before = await shop.position()
    done(await shop.put(f"/customers/{id_}", sent))
    assert await shop.position() == before
    done(await shop.put(f"/customers/{id_}", sent | {"city": "Rome"}))
    assert await user(shop, user_id) == known
    done(await shop.put(f"/customers/{id_}", sent | {"last_name": "Doe"}))
    assert await user(shop, user_id) == known | {"last_name": "Doe"}


async def test_a_user_attached_by_an_update_follows_it(shop: Shop) -> None:
    id_, user_id = await shop.customer(), await shop.user()
    email = (await shop.shown(id_))["email"]
    sent = {"email": email, "first_name": "Joan", "user_id": user_id, "display_name": "Joan"}
    done(await shop.put(f"/customers/{id_}", sent))
    followed = await user(shop, user_id)
    assert (followed["first_name"], followed["display_name"]) == ("Joan", "Joan")
    assert followed["user_email"] == f"user{user_id}@example.org"


async def test_a_user_that_was_never_here_is_no_hindrance(shop: Shop) -> None:
    """An imported customer may have one."""
    profile = CustomerProfile(email=new_email(), first_name="Jane")
    imported = RegisterCustomer(profile=profile, uuid="0" * 32, user_id=987_654)
    by, id_ = By(actor="import", at=datetime.now(UTC)), 987_654
    await shop.store.transact(by, lambda unit: unit.decide(CUSTOMER, id_, imported))
    sent = {"email": new_email(), "first_name": "Joan", "display_name": "Joan"}
    assert done(await shop.put(f"/customers/{id_}", sent))["data"]["user_id"] == 987_654


async def test_an_email_that_another_user_has_changes_nothing(shop: Shop) -> None:
    id_, user_id, other = await shop.customer(), await shop.user(), await shop.user()
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    before, known = await shop.position(), await shop.shown(id_)
    answer = await shop.put(f"/customers/{id_}", {"email": f"user{other}@example.org", "first_name": "Joan"})
    assert list(problems(answer)) == ["email"]
    assert await shop.position() == before
    assert await shop.shown(id_) == known


async def test_an_update_attaches_and_detaches_with_attachs_refusals(shop: Shop) -> None:
    id_, user_id = await shop.customer(), await shop.user()
    sent = {"email": new_email(), "first_name": "Joan"}
    assert refusal(await shop.put(f"/customers/{id_}", sent | {"user_id": 999_999})) == NOT_FOUND
    assert done(await shop.put(f"/customers/{id_}", sent | {"user_id": str(user_id)}))["data"]["user_id"] == user_id
    done(await shop.put(f"/customers/{id_}", sent | {"user_id": user_id}))
    other = await shop.customer()
    answer = await shop.put(f"/customers/{other}", {"email": new_email(), "first_name": "J", "user_id": user_id})
    assert refusal(answer) == LINKED
    assert done(await shop.put(f"/customers/{id_}", sent))["data"]["user_id"] == user_id
    assert done(await shop.put(f"/customers/{id_}", sent | {"user_id": None}))["data"]["user_id"] is None


# Creating customers with users


async def test_an_existing_user_with_that_email_is_linked(shop: Shop) -> None:
    user_id = await shop.user()
    id_ = await shop.customer(email=f"USER{user_id}@example.org", wp_user="yes")
    assert (await shop.shown(id_))["user_id"] == user_id


async def test_a_new_customer_gets_the_user_it_names(shop: Shop) -> None:
    user_id = await shop.user()
    body = {"email": new_email(), "first_name": "Jane", "user_id": str(user_id)}
    assert done(await shop.post("/customers", body))["data"]["user_id"] == user_id


async def test_a_new_customer_needs_a_user_that_exists_and_is_free(shop: Shop) -> None:
    user_id = await shop.user()
    await shop.customer(user_id=user_id)
    before = await shop.position()
    body = {"email": new_email(), "first_name": "Jane"}
    assert refusal(await shop.post("/customers", body | {"user_id": user_id})) == LINKED
    assert refusal(await shop.post("/customers", body | {"user_id": 999_999})) == NOT_FOUND
    assert await shop.position() == before


async def test_the_user_with_the_email_goes_before_the_one_named_which_must_be_right_all_the_same(shop: Shop) -> None:
    named, taken = await shop.user(), await shop.user()
    await shop.customer(user_id=taken)
    by_email = await shop.user()
    body = {"email": f"user{by_email}@example.org", "first_name": "Jane"}
    assert refusal(await shop.post("/customers", body | {"user_id": taken})) == LINKED
    assert refusal(await shop.post("/customers", body | {"user_id": 999_999})) == NOT_FOUND
    assert done(await shop.post("/customers", body | {"user_id": named}))["data"]["user_id"] == by_email


async def test_a_user_is_made_for_a_customer_on_demand(shop: Shop) -> None:
    email = f"Mary.Ann+x@{new_email().partition('@')[0]}.example"
    body = {
        "email": email,
        "first_name": "Mary Ann",
        "last_name": "Roe",
        "wp_user": "yes",
        "user_url": "https://a.example",
    }
    data = done(await shop.post("/customers", body))["data"]
    made = await user(shop, data["user_id"])
    assert list(made) == KEYS
    assert made["user_email"] == email
    assert made["user_login"] == made["user_nicename"] == "maryannx"
    assert (made["display_name"], made["user_url"]) == ("Mary Ann Roe", "https://a.example")
    assert data["user_link"].endswith(f"user_id={data['user_id']}")


@pytest.mark.parametrize("not_yes", ["no", "", None, "1", 1, True, ["yes"], {"yes": "yes"}])
async def test_no_user_is_made_unasked(shop: Shop, not_yes: Any) -> None:
    assert (await shop.shown(await shop.customer(wp_user=not_yes)))["user_id"] is None


async def test_a_login_that_is_taken_gives_way_to_another(shop: Shop) -> None:
    """Whatever logins stand in its way."""
    first = await shop.shown(await shop.customer(email="taken@one.example", wp_user="yes"))
    second = await shop.shown(await shop.customer(email="taken@two.example", wp_user="yes"))
    assert (await user(shop, second["user_id"]))["user_login"] == "taken2"
    for number in range(2, 8):
        await shop.user(user_login=f"taken{first['user_id'] + number}")
    logins = set()
    for number in range(3):
        email = f"taken@{'three' * (number + 1)}.example"
        customer = await shop.shown(await shop.customer(email=email, wp_user="yes"))
        logins.add((await user(shop, customer["user_id"]))["user_login"])
    assert len(logins) == 3


async def test_a_login_never_outgrows_wordpress(shop: Shop) -> None:
    email = f"{'long' * 16}@example.com"
    customer = await shop.shown(await shop.customer(email=email, wp_user="yes"))
    assert 0 < len((await user(shop, customer["user_id"]))["user_login"]) <= 60


# Users themselves


async def test_a_user_is_put_as_wordpress_has_it(shop: Shop) -> None:
    sent = {
        "user_login": "zoe", "user_email": "zoe@example.org", "display_name": "Zoë", "first_name": "Zoë",
        "last_name": "B", "user_url": "https://z.example", "user_nicename": "zoe",
    }  # fmt: skip
    body = done(await shop.put("/users/4711", sent))
    assert body["data"] == {"ID": 4711} | sent
    assert list(body["data"]) == KEYS
    before = await shop.position()
    done(await shop.put("/users/4711", sent))
    assert await shop.position() == before
    changed = done(await shop.put("/users/4711", {"user_login": "zoe", "user_email": "zoe@example.net"}))["data"]
    assert (changed["user_email"], changed["display_name"]) == ("zoe@example.net", "")


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ({}, {"user_login": ["required"], "user_email": ["required"]}),
        ({"user_login": "a" * 61, "user_email": "x"}, {"user_login": ["maxLength"], "user_email": ["email"]}),
        ({"user_login": [], "user_email": {}, "user_url": 1.5},
         {"user_login": ["string"], "user_email": ["string"], "user_url": ["string"]}),
    ],
)  # fmt: skip
async def test_every_field_of_a_user_that_does_not_fit_is_named(shop: Shop, sent: Any, broken: Any) -> None:
    before = await shop.position()
    assert problems(await shop.put("/users/4712", sent)) == broken
    assert await shop.position() == before


async def test_a_login_and_an_email_belong_to_one_user(shop: Shop) -> None:
    one = await shop.user()
    before = await shop.position()
    sent = {"user_login": f"USER{one}", "user_email": "new@example.org"}
    assert problems(await shop.put("/users/4713", sent)) == {"user_login": ["unique"]}
    sent = {"user_login": "new", "user_email": f"User{one}@example.org"}
    assert problems(await shop.put("/users/4713", sent)) == {"user_email": ["unique"]}
    assert await shop.position() == before


async def test_a_deleted_user_leaves_its_customer(shop: Shop) -> None:
    user_id = await shop.user()
    id_ = await shop.customer(user_id=user_id)
    assert done(await shop.delete(f"/users/{user_id}"))["data"] == ""
    customer = await shop.shown(id_)
    assert (customer["user_id"], customer["user_link"]) == (None, "")
    assert refusal(await shop.delete(f"/users/{user_id}")) == NO_USER
    assert refusal(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id})) == NOT_FOUND
    for nobody in ("999999", "abc", "0", "9" * 30):
        assert refusal(await shop.delete(f"/users/{nobody}")) == NO_USER


# The other name mode


async def test_full_names_are_split_where_the_store_asks_for_them(database: str) -> None:
    settings = Settings(name_mode="full_name")
    async with open_shop(database, settings) as shop:
        for full_name, first, last in (
            ("Mary Jane Watson", "Mary Jane", "Watson"), ("Cher", "Cher", ""), (" A  B ", "A", "B"),
        ):  # fmt: skip
            body = {"email": new_email(), "full_name": full_name, "first_name": "Not", "last_name": "This"}
            data = done(await shop.post("/customers", body))["data"]
            assert (data["first_name"], data["last_name"]) == (first, last)
            known = {"email": data["email"], "full_name": "New Name"}
            data = done(await shop.put(f"/customers/{data['id']}", known))["data"]
            assert (data["first_name"], data["last_name"], data["full_name"]) == ("New", "Name", "New Name")
        body = {"email": "x", "first_name": "Jane"}
        assert problems(await shop.post("/customers", body)) == {"email": ["email"], "full_name": ["required"]}
        body = {"email": new_email(), "full_name": "a" * 256}
        assert problems(await shop.post("/customers", body)) == {"full_name": ["maxLength"]}
