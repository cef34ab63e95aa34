"""Create, get and update a customer, as the API document and the contract say."""

import re
from typing import Any

import pytest

from tests.api.shop import FORM, NO_CUSTOMER, Shop, done, new_email, problems, refusal, rule

KEYS = [
    "id", "user_id", "contact_id", "email", "first_name", "last_name", "status", "purchase_value", "purchase_count",
    "ltv", "first_purchase_date", "last_purchase_date", "aov", "notes", "uuid", "country", "city", "state", "postcode",
    "created_at", "updated_at", "full_name", "photo", "country_name", "formatted_address", "user_link",
]  # fmt: skip
PLACE = {"country": "US", "city": "Boston", "state": "MA", "postcode": "02101"}
GONE = 404, {"message": "Customer not found", "back_text": "Back to Customer List", "back_url": "/customers"}
DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
LONG = "a" * 256


# Create


async def test_a_created_customer_has_the_documents_keys_in_its_order(shop: Shop) -> None:
    email = new_email()
    body = done(await shop.post("/customers", {"email": email, "first_name": "Jane", "last_name": "Smith"} | PLACE))
    assert list(body) == ["message", "data"]
    assert body["message"] == "Customer created successfully!"
    data = body["data"]
    assert list(data)[: len(KEYS)] == KEYS
    assert {key: data[key] for key in PLACE} == PLACE
    assert (data["email"], data["full_name"], data["status"]) == (email, "Jane Smith", "active")
    assert re.fullmatch("[0-9a-f]{32}", data["uuid"])
    assert DATE.fullmatch(data["created_at"])
    assert data["created_at"] == data["updated_at"]


async def test_a_new_customer_has_bought_nothing(shop: Shop) -> None:
    customer = await shop.shown(await shop.customer())
    assert customer["purchase_value"] == []
    assert (customer["ltv"], customer["purchase_count"], customer["aov"]) == (0, 0, 0)
    assert (customer["first_purchase_date"], customer["last_purchase_date"]) == (None, None)
    assert type(customer["id"]) is type(customer["ltv"]) is type(customer["aov"]) is int


async def test_a_name_and_an_email_are_enough(shop: Shop) -> None:
    customer = await shop.shown(await shop.customer(last_name=None))
    assert (customer["first_name"], customer["last_name"], customer["full_name"]) == ("Jane", "", "Jane")
    assert [customer[key] for key in PLACE] == [None] * 4
    assert (customer["user_id"], customer["contact_id"], customer["user_link"]) == (None, None, "")
    assert customer["notes"] == ""


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ({}, {"email": ["required"], "first_name": ["required"]}),
        ({"email": None, "first_name": " "}, {"email": ["required"], "first_name": ["required"]}),
        ({"email": "no email", "first_name": "J"}, {"email": ["email"]}),
        ({"email": "a@b", "first_name": "J"}, {"email": ["email"]}),
        ({"email": f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 63}.com", "first_name": "J"}, {"email": ["maxLength"]}),
        ({"email": "a@example.com", "first_name": LONG}, {"first_name": ["maxLength"]}),
        ({"email": "a@example.com", "first_name": "J", "last_name": LONG}, {"last_name": ["maxLength"]}),
        ({"email": "a@example.com", "first_name": "J", "country": "XX"}, {"country": ["invalid"]}),
        ({"email": "a@example.com", "first_name": "J", "country": "USA"}, {"country": ["invalid"]}),
        ({"email": "a@example.com", "first_name": "J", "status": "banned"}, {"status": ["in"]}),
        ({"email": "a@example.com", "first_name": "J", "user_id": "x"}, {"user_id": ["numeric"]}),
        ({"email": "a@example.com", "first_name": "J\0"}, {"first_name": ["string"]}),
        ({"email": "a@example.com", "first_name": "J", "notes": "a\x07"}, {"notes": ["string"]}),
        (
            {"email": [], "first_name": {}, "last_name": 1.5, "status": [], "country": 5, "city": True, "notes": {}},
            {
                "email": ["string"], "first_name": ["string"], "last_name": ["string"], "status": ["string"],
                "notes": ["string"], "country": ["invalid"], "city": ["string"],
            },
        ),
    ],
)  # fmt: skip
async def test_create_names_every_field_that_does_not_fit(shop: Shop, sent: Any, broken: Any) -> None:
    before = await shop.position()
    assert problems(await shop.post("/customers", sent)) == broken
    assert await shop.position() == before


@pytest.mark.parametrize("spelling", ["{}", "  {} ", "{}".upper()])
async def test_an_email_belongs_to_one_customer_without_regard_to_case(shop: Shop, spelling: str) -> None:
    email = new_email()
    await shop.customer(email=email)
    before = await shop.position()
    again = email.upper() if spelling == "{}".upper() else spelling.format(email)
    answer = await shop.post("/customers", {"email": again, "first_name": "J"})
    assert refusal(answer) == rule(400, "Customer already exists.")
    assert await shop.position() == before


async def test_an_email_is_kept_as_written_but_trimmed(shop: Shop) -> None:
    email = f"MiXed.{new_email()}"
    assert (await shop.shown(await shop.customer(email=f" {email}\n")))["email"] == email


async def test_what_a_client_may_not_set_is_ignored(shop: Shop) -> None:
    forged = {
        "id": 999_999, "uuid": "f" * 32, "ltv": 5, "aov": "12.5", "purchase_count": 7, "purchase_value": {"USD": 1},
        "contact_id": 3, "created_at": "2001-01-01 00:00:00", "updated_at": "2001-01-01 00:00:00", "labels": [1],
        "first_purchase_date": "2001-01-01 00:00:00", "full_name": "Some Body", "photo": "x", "version": 9,
    }  # fmt: skip
    id_ = await shop.customer(**forged)
    customer = await shop.shown(id_)
    assert id_ != 999_999
    assert customer["full_name"] == "Jane Smith"
    assert not [key for key in forged if key in customer and customer[key] == forged[key]]
    done(await shop.put(f"/customers/{id_}", forged | {"email": customer["email"], "first_name": "Jane"}))
    assert await shop.shown(id_) == customer


async def test_every_form_of_input_makes_the_same_customer(shop: Shop) -> None:
    async def made(**sent: Any) -> dict[str, Any]:
        data = done(await shop.http.post("/customers", **sent))["data"]
        return {key: data[key] for key in ("first_name", "last_name", "city", "country")}

    def form() -> dict[str, str]:
        return {"email": new_email(), "first_name": "Zoë", "last_name": "O'Neil", "city": "", "country": "GB"}

    expected = {"first_name": "Zoë", "last_name": "O'Neil", "city": None, "country": "GB"}
    assert await made(json=form()) == expected
    assert await made(data=form()) == expected
    assert await made(params=form()) == expected
    assert await made(params=form() | {"first_name": "Query"}, json={"first_name": "Zoë"}) == expected
    assert await made(files={key: (None, value) for key, value in form().items()}) == expected


async def test_blank_and_null_options_are_as_good_as_none(shop: Shop) -> None:
    blank = dict.fromkeys(("last_name", "city", "state", "postcode", "country", "notes", "status", "user_id"))
    for options in (blank, dict.fromkeys(blank, ""), dict.fromkeys(blank, "  ")):
        customer = await shop.shown(await shop.customer(**options))
        assert [customer[key] for key in blank] == ["", None, None, None, None, "", "active", None]


async def test_notes_keep_their_lines(shop: Shop) -> None:
    notes = "first line\n\tsecond line\r\nthird"
    assert (await shop.shown(await shop.customer(notes=notes)))["notes"] == notes


# Get


async def test_get_shows_the_documents_keys_then_labels(shop: Shop) -> None:
    body = done(await shop.get(f"/customers/{await shop.customer()}"))
    assert list(body) == ["customer"]
    assert list(body["customer"]) == [*KEYS, "selected_labels", "labels"]


async def test_get_with_customer_only_has_no_labels(shop: Shop) -> None:
    id_ = await shop.customer()
    for query in ("params[customer_only]=yes", "params%5Bcustomer_only%5D=yes"):
        assert list(done(await shop.get(f"/customers/{id_}?{query}"))["customer"]) == KEYS


async def test_get_formats_what_it_shows(shop: Shop) -> None:
    customer = await shop.shown(await shop.customer(email=f" {new_email()} ", **PLACE))
    assert customer["country_name"] == "United States"
    assert customer["formatted_address"] == {
        "country": "United States", "state": "Massachusetts", "city": "Boston", "postcode": "02101",
        "first_name": "Jane", "last_name": "Smith", "full_name": "Jane Smith",
    }  # fmt: skip
    assert "s=100" in customer["photo"]


@pytest.mark.parametrize(
    "id_", ["0", "999999", "-1", "abc", "1.5", "9" * 30, "%00", "1%00", "%ED%A0%80", "\uff11", "NaN", "1e3"]
)
async def test_get_of_nobody_is_the_documents_404(shop: Shop, id_: str) -> None:
    assert refusal(await shop.get(f"/customers/{id_}")) == GONE


# Update


async def test_update_changes_what_is_sent_and_no_more(shop: Shop) -> None:
    id_ = await shop.customer(notes="a note", status="inactive", **PLACE)
    before = await shop.shown(id_)
    body = done(await shop.put(f"/customers/{id_}", {"email": before["email"], "first_name": "Joan", "city": "Salem"}))
    assert body["message"] == "Customer updated successfully!"
    after = await shop.shown(id_)
    changed = {key for key in KEYS if after[key] != before[key]} - {"updated_at"}
    assert changed == {"first_name", "full_name", "city", "formatted_address"}
    assert {key: body["data"][key] for key in KEYS} == {key: after[key] for key in KEYS}


@pytest.mark.parametrize("nothing", [None, "", "  "])
async def test_update_clears_what_is_sent_empty(shop: Shop, nothing: str | None) -> None:
    id_ = await shop.customer(notes="a note", status="archived", **PLACE)
    cleared = dict.fromkeys((*PLACE, "last_name", "notes", "status"), nothing)
    done(await shop.put(f"/customers/{id_}", {"email": new_email(), "first_name": "Jane"} | cleared))
    customer = await shop.shown(id_)
    assert [customer[key] for key in cleared] == [None, None, None, None, "", "", "active"]


async def test_update_to_the_same_is_no_event(shop: Shop) -> None:
    id_ = await shop.customer(notes="a note", **PLACE)
    known = await shop.shown(id_)
    before = await shop.position()
    body = done(await shop.put(f"/customers/{id_}", known))
    assert body["message"] == "Customer updated successfully!"
    assert await shop.position() == before
    assert await shop.shown(id_) == known


async def test_update_to_its_own_email_in_other_letters_is_a_change_and_no_conflict(shop: Shop) -> None:
    email = new_email()
    id_ = await shop.customer(email=email)
    done(await shop.put(f"/customers/{id_}", {"email": email.upper(), "first_name": "Jane"}))
    assert (await shop.shown(id_))["email"] == email.upper()


async def test_update_to_anothers_email_is_refused(shop: Shop) -> None:
    taken = new_email()
    await shop.customer(email=taken)
    id_ = await shop.customer()
    known, before = await shop.shown(id_), await shop.position()
    answer = await shop.put(f"/customers/{id_}", {"email": taken.title(), "first_name": "Changed", "city": "Salem"})
    assert refusal(answer) == rule(400, "Customer already exists.")
    assert await shop.position() == before
    assert await shop.shown(id_) == known


async def test_an_email_is_free_again_when_its_customer_has_another(shop: Shop) -> None:
    email = new_email()
    id_ = await shop.customer(email=email)
    done(await shop.put(f"/customers/{id_}", {"email": new_email(), "first_name": "Jane"}))
    assert await shop.customer(email=email) != id_


@pytest.mark.parametrize(
    ("sent", "broken"),
    [
        ({}, {"email": ["required"], "first_name": ["required"]}),
        ({"email": "x", "first_name": LONG}, {"email": ["email"], "first_name": ["maxLength"]}),
        (
            {"email": "a@example.com", "first_name": "J", "country": "xx", "status": "gone", "display_name": "a\0"},
            {"status": ["in"], "country": ["invalid"], "display_name": ["string"]},
        ),
        ({"email": "a@example.com", "first_name": "J", "user_id": [1]}, {"user_id": ["numeric"]}),
    ],
)
async def test_update_names_every_field_that_does_not_fit(shop: Shop, sent: Any, broken: Any) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    assert problems(await shop.put(f"/customers/{id_}", sent)) == broken
    assert await shop.position() == before


@pytest.mark.parametrize("id_", ["0", "999999", "abc", "-1", "9" * 30])
async def test_nobody_is_updated(shop: Shop, id_: str) -> None:
    before = await shop.position()
    answer = await shop.put(f"/customers/{id_}", {"email": new_email(), "first_name": "Jane"})
    assert refusal(answer) == NO_CUSTOMER
    assert await shop.position() == before


async def test_update_reads_a_form_too(shop: Shop) -> None:
    id_, email = await shop.customer(city="Boston"), new_email()
    answer = await shop.put(f"/customers/{id_}", content=f"email={email}&first_name=Jo+Ann&city=", headers=FORM)
    data = done(answer)["data"]
    assert (data["email"], data["first_name"], data["city"]) == (email, "Jo Ann", None)


# Labels


async def test_labels_are_set_to_exactly_the_list(shop: Shop) -> None:
    id_, labels = await shop.customer(), sorted([await shop.label() for _ in range(3)])
    path = f"/customers/{id_}/additional-info"
    for wanted in (labels, labels[1:], [*reversed(labels)], labels[:1]):
        body = done(await shop.put(path, {"labels": wanted}))
        assert body["message"] == "Customer updated successfully!"
        assert sorted(body["data"]["selected_labels"]) == sorted(wanted)
        assert sorted((await shop.shown(id_))["selected_labels"]) == sorted(wanted)
    assert done(await shop.put(path, {"labels": []}))["data"]["selected_labels"] == []


async def test_labels_are_read_in_every_form(shop: Shop) -> None:
    id_, [one, two] = await shop.customer(), [await shop.label() for _ in range(2)]
    path = f"/customers/{id_}/additional-info"
    for form in (f"labels[]={one}&labels[]={two}", f"labels={two},{one}", f"labels[5]={one}&labels[2]={two}"):
        done(await shop.put(path, {"labels": ""}))
        done(await shop.put(path, content=form, headers=FORM))
        assert sorted((await shop.shown(id_))["selected_labels"]) == [one, two]
    done(await shop.put(path, {"labels": [str(one), one]}))
    assert (await shop.shown(id_))["selected_labels"] == [one]


async def test_the_same_labels_again_are_no_event(shop: Shop) -> None:
    id_, label = await shop.customer(), await shop.label()
    done(await shop.put(f"/customers/{id_}/additional-info", {"labels": [label]}))
    before = await shop.position()
    done(await shop.put(f"/customers/{id_}/additional-info", {"labels": [label, label]}))
    assert await shop.position() == before


@pytest.mark.parametrize(
    ("sent", "rule_"),
    [
        ({}, "required"), ({"labels": None}, "required"), ({"labels": [0]}, "numeric"), ({"labels": ["x"]}, "numeric"),
        ({"labels": [[1]]}, "numeric"), ({"labels": True}, "numeric"), ({"labels": [999_999]}, "exists"),
        ({"labels": [2**63]}, "numeric"), ({"labels": list(range(1, 1_002))}, "max"),
    ],
)  # fmt: skip
async def test_labels_that_are_none_are_refused(shop: Shop, sent: Any, rule_: str) -> None:
    id_ = await shop.customer()
    before = await shop.position()
    assert problems(await shop.put(f"/customers/{id_}/additional-info", sent)) == {"labels": [rule_]}
    assert await shop.position() == before


async def test_nobody_is_labelled(shop: Shop) -> None:
    assert refusal(await shop.put("/customers/999999/additional-info", {"labels": []})) == NO_CUSTOMER


async def test_a_deleted_label_is_no_customers_any_more(shop: Shop) -> None:
    id_, [kept, gone] = await shop.customer(), [await shop.label() for _ in range(2)]
    path = f"/customers/{id_}/additional-info"
    done(await shop.put(path, {"labels": [kept, gone]}))
    done(await shop.delete(f"/labels/{gone}"))
    customer = await shop.shown(id_)
    assert customer["selected_labels"] == [kept]
    assert [label["label_id"] for label in customer["labels"]] == [kept]
    assert done(await shop.put(path, {"labels": [kept]}))["data"]["selected_labels"] == [kept]
    assert problems(await shop.put(path, {"labels": [gone]})) == {"labels": ["exists"]}
    assert done(await shop.put(path, {"labels": []}))["data"]["selected_labels"] == []
