"""Machines' words for why a request is not carried out: one table, from which the document and a page have them."""

from pathlib import Path
from typing import get_args

from api.handling.refusal_table import REFUSALS
from api.http.reasons import Reason
from domain import refusals
from domain.refusals import Refusal
from service.fields.rules import FieldRule
from tests.api.documented import SCHEMAS
from tests.api.shop import HOME, Shop, done, reason

PAGE = Path("docs/errors.md").read_text()
SOURCES = "".join(
    path.read_text() for room in ("api", "service") for path in Path(room).rglob("*.py") if path.name != "reasons.py"
)


def test_the_page_has_every_word_as_the_table_has_it() -> None:
    told = [line for line in PAGE.splitlines() if line.startswith("| `") and "`reason`" not in line]
    assert told == [f"| `{it}` | {it.status} | {it.meaning} |" for it in Reason]


def test_the_page_names_every_rule_that_a_field_may_break() -> None:
    assert not [rule for rule in get_args(FieldRule) if f"`{rule}`" not in PAGE]


def test_the_document_has_every_word() -> None:
    assert set(SCHEMAS["Reason"]["enum"]) == set(Reason)
    assert not [it for it in Reason if f"`{it}` ({it.status}): {it.meaning}" not in SCHEMAS["Reason"]["description"]]
    errors = SCHEMAS["InvalidFields"]["properties"]["errors"]
    assert errors["additionalProperties"]["propertyNames"] == {"$ref": "#/components/schemas/FieldRule"}
    assert set(SCHEMAS["FieldRule"]["enum"]) == set(get_args(FieldRule))


def test_every_schema_of_a_refusal_has_a_reason() -> None:
    for name in (
        "Refused",
        "InvalidFields",
        "RefusedAtTheDoor",
        "Unattached",
        "NoSuchCustomer",
        "StaleVersion",
        "OurFault",
    ):
        assert SCHEMAS[name]["properties"]["reason"] == {"$ref": "#/components/schemas/Reason"}
        assert "reason" in SCHEMAS[name]["required"]


def test_every_word_is_some_refusals() -> None:
    assert not [it for it in Reason if f"Reason.{it.name}" not in SOURCES]


def test_every_refusal_of_the_domain_has_an_answer() -> None:
    known = {it for it in vars(refusals).values() if isinstance(it, type) and issubclass(it, Refusal)}
    assert known - {Refusal} <= REFUSALS.keys()


async def test_a_customers_refusals_say_why_in_one_word(shop: Shop) -> None:
    id_ = await shop.customer()
    body = {"email": (await shop.shown(id_))["email"], "first_name": "Joe"}
    address = await shop.address(id_)
    assert reason(await shop.post("/customers", body)) == "customer_exists"
    assert reason(await shop.get("/customers/99999999")) == "customer_not_found"
    assert reason(await shop.get("/customers/99999999/address")) == "customer_not_found"
    assert reason(await shop.put(f"/customers/{id_}", {})) == "invalid_fields"
    assert reason(await shop.put(f"/customers/{id_}/additional-info", {"labels": [99999999]})) == "unknown_label"
    assert (
        reason(await shop.delete(f"/customers/{id_}/address", {"address": {"id": address}})) == "primary_address_kept"
    )
    assert reason(await shop.post(f"/customers/{id_}/address", HOME | {"country": "Atlantis"})) == "invalid_fields"
    assert reason(await shop.post(f"/customers/{id_}/detach-user", headers={"If-Match": '"99"'})) == "version_changed"


async def test_what_is_said_of_users_and_orders_has_words_of_its_own(shop: Shop) -> None:
    id_, other, user = await shop.customer(), await shop.customer(), await shop.user()
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user}))
    attach = f"/customers/{other}/attachable-user"
    assert reason(await shop.post(attach, {"user_id": user})) == "user_linked"
    assert reason(await shop.post(attach, {"user_id": 99999999})) == "unknown_user"
    another = {"user_id": await shop.user()}
    assert reason(await shop.post(f"/customers/{id_}/attachable-user", another)) == "customer_has_user"
    refund = {"amount": 1, "transaction_id": "re_1"}
    assert reason(await shop.post(f"/orders/{await shop.order(id_)}/refunds", refund)) == "refund_exceeds_payment"
    assert reason(await shop.get("/orders/99999999")) == "order_not_found"


async def test_so_has_what_is_refused_at_the_door(shop: Shop) -> None:
    assert reason(await shop.http.post("/customers", content=b"{")) == "invalid_json"
    assert reason(await shop.get("/customers", auth=("nobody", "x"))) == "unauthenticated"
    assert reason(await shop.get("/history", auth=("worker", shop.passwords["worker"]))) == "permission_missing"
    assert reason(await shop.get("/nowhere")) == "no_route"
    assert reason(await shop.get("/customers", params={"search": "x" * 40_000})) == "url_too_long"
    assert (
        reason(await shop.post("/labels", {"value": "x"}, headers={"Sec-Fetch-Site": "cross-site"})) == "foreign_origin"
    )
