"""Emails, logins, labels and names however they are spelt: who is the same, and who is found."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

import json
from unicodedata import normalize

import httpx
import pytest

from tests.api.shop import NUMBERS, Shop, done, problems, refusal, rule

TAKEN = rule(400, "Customer already exists.")


async def found(shop: Shop, path: str = "/customers", **params: str) -> list[int]:
    answer = done(await shop.get(path, params={"per_page": "199", "sort_type": "asc"} | params))
    return [row["id"] for row in answer[path.rpartition("/")[2]]["data"]]


async def create(shop: Shop, email: str) -> httpx.Response:
    return await shop.post("/customers", {"email": email, "first_name": "Ann"})


@pytest.mark.parametrize(
    ("email", "other"),
    [
        ("josé{}@hunt.example", normalize("NFD", "JOSÉ{}@hunt.example")),
        ("ann{}@hunt.example", "ann{}@ｈｕｎｔ。example"),
        ("ann{}@xn--mnchen-3ya.example", "Ann{}@MÜNCHEN.example"),
    ],
)
async def test_a_mailbox_is_one_customer_s_and_shown_as_written(shop: Shop, email: str, other: str) -> None:
    number = next(NUMBERS)
    email, other = email.format(number), other.format(number)
    id_ = done(await create(shop, other))["data"]["id"]
    assert refusal(await create(shop, email)) == TAKEN
    assert (await shop.shown(id_))["email"] == other
    elsewhere = await shop.customer()
    assert refusal(await shop.put(f"/customers/{elsewhere}", {"email": email, "first_name": "Ann"})) == TAKEN
    done(await shop.put(f"/customers/{id_}", {"email": email, "first_name": "Ann"}))
    assert (await shop.shown(id_))["email"] == email
    for sought in (email, other, email.upper()):
        assert await found(shop, search=f"email={sought}") == [id_]
        for operator, value in (("=", sought), ("in", ["nobody@hunt.example", sought])):
            assert await found(shop, **filtered("email", operator, value)) == [id_]


def filtered(name: str, operator: str, value: object) -> dict[str, str]:
    item = {"source": ["customer", name], "operator": operator, "value": value}
    return {"filter_type": "advanced", "advanced_filters": json.dumps([[item]])}


async def test_letters_that_are_alike_are_two_mailboxes(shop: Shop) -> None:
    number = next(NUMBERS)
    alike = [f"{name}{number}@hunt.example" for name in ("moß", "moss", "gri\ufb03n", "griffin", "josé", "jose")]
    alike += [f"ann{number}@straße.example", f"ann{number}@strasse.example"]
    ids = [done(await create(shop, email))["data"]["id"] for email in alike]
    assert [await found(shop, search=f"email={email}") for email in alike] == [[id_] for id_ in ids]
    assert await found(shop, search=f"moss{number}@") == ids[:2]  # a search by parts goes by looks
    assert await found(shop, **filtered("email", "contains", f"JOSE{number}")) == ids[4:6]


async def test_a_user_is_found_by_its_mailbox_and_erased_with_it(shop: Shop) -> None:
    number = next(NUMBERS)
    written = f"Zoë{number}@Hunt.example"
    linked = await shop.user(user_email=normalize("NFD", written))
    id_ = await shop.customer(email=written.lower())
    assert (await shop.shown(id_))["user_id"] == linked
    done(await shop.post(f"/customers/{id_}/detach-user"))
    done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [id_]}))
    assert linked not in [user["ID"] for user in done(await shop.get("/users"))["users"]]


async def test_logins_and_labels_are_one_whatever_their_case_and_form(shop: Shop) -> None:
    number = next(NUMBERS)
    await shop.user(user_login=f"Zoë{number}", user_email=f"z{number}@hunt.example")
    sent = {"user_login": normalize("NFD", f"ZOË{number}"), "user_email": f"y{number}@hunt.example"}
    assert problems(await shop.put("/users/999001", sent)) == {"user_login": ["unique"]}
    sent |= {"user_login": f"w{number}", "user_email": f"Z{number}@hunt。example"}
    assert problems(await shop.put("/users/999001", sent)) == {"user_email": ["unique"]}
    done(await shop.post("/labels", {"value": f"Großkunde Café {number}"}))
    again = await shop.post("/labels", {"value": normalize("NFD", f"GROßKUNDE CAFÉ {number}")})
    assert again.status_code == 422
    for other in ("Grosskunde Café", "Großkunde Cafe"):
        done(await shop.post("/labels", {"value": f"{other} {number}"}))


async def test_orders_are_found_by_whatever_they_say_in_any_spelling(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Παπαδόπουλος", last_name="김" + normalize("NFD", "민준"))
    item = {"title": "Crème\u00a0brûlée", "post_title": "Żurek", "unit_price": 500}
    order = await shop.order(id_, items=[item], invoice_no="ＩＮＶ－７", payment_method="Überweisung")
    other = await shop.order(id_, invoice_no="INV-8", payment_method="ueber")
    path = f"/customers/{id_}/orders"
    for search in ("creme brulee", "ŻUREK", "zurek", "inv-7", "invoice=Inv-7", "payment_by=UBERWEISUNG"):
        assert await found(shop, path, search=search) == [order], search
    for search in ("ΠΑΠΑΔΟΠΟΥΛΟΣ", "김민준", "customer=*민준*"):
        assert await found(shop, path, search=search) == [order, other], search
    assert await found(shop, path, sort_by="payment_method") == [order, other]


async def test_attachable_users_are_found_in_any_spelling(shop: Shop) -> None:
    number = next(NUMBERS)
    user = await shop.user(display_name=f"Łukasz\u00a0Ærø {number}")
    for search in (f"lukasz aero {number}", f"ŁUKASZ ÆRØ {number}"):
        answer = done(await shop.get("/customers/attachable-user", params={"search": search}))
        assert [row["ID"] for row in answer["users"]] == [user]


async def test_a_former_name_is_found_as_of_then(shop: Shop) -> None:
    number = next(NUMBERS)
    id_ = await shop.customer(first_name=f"Ξένος{number}", email=f"Ξένος{number}@hunt.example")
    then = await shop.position()
    done(await shop.put(f"/customers/{id_}", {"email": f"x{number}@hunt.example", "first_name": f"X{number}"}))
    for search in (f"ΞΕΝΟΣ{number}", f"email=ξένος{number}@HUNT.example"):
        assert await found(shop, search=search) == []
        assert await found(shop, search=search, as_of=str(then)) == [id_]
    assert await found(shop, search=f"x{number}") == [id_]


async def test_text_that_folds_to_eighteen_times_as_much_is_taken_and_found(shop: Shop) -> None:
    said = dict.fromkeys(("first_name", "last_name", "city", "state"), "\ufdfa" * 255)
    id_ = await shop.customer(**said)
    assert await found(shop, search="صلى الله") == await found(shop, search="city=" + "\ufdfa" * 255) == [id_]
    order = await shop.order(id_, invoice_no="\ufdfa" * 255)
    assert await found(shop, f"/customers/{id_}/orders", search="invoice=" + "\ufdfa" * 255) == [order]
