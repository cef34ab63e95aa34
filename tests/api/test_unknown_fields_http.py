"""What an operation of our own does not know is refused by name; those of the API document ignore it, as ever."""

import re
from typing import Any, cast

import pytest

from api.http.paths import BASE
from tests.api.documented import DOCUMENT, OPERATIONS, SCHEMAS
from tests.api.shop import HOME, Method, Shop, done, new_email, problems

ORIGINAL = {
    "create_customer", "update_customer", "set_labels", "do_bulk_action", "recalculate_ltv", "attach_user",
    "detach_user", "create_address", "update_address", "delete_address", "make_primary",
}  # fmt: skip
OURS = sorted(
    (method, path) for (method, path), it in OPERATIONS.items() if method != "GET" and it["operationId"] not in ORIGINAL
)
UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
UNKNOWN = "The surprise field is not one of this request's."


def schema_of(method: str, path: str) -> Any:
    body = OPERATIONS[method, path].get("requestBody")
    return body and body["content"]["application/json"]["schema"]


def here(path: str) -> str:
    """That of somebody or something with id 1."""
    return re.sub(r"{\w+}", lambda name: UUID if name[0] == "{uuid}" else "1", path.removeprefix(BASE))


@pytest.mark.parametrize(("method", "path"), OURS)
async def test_what_an_operation_of_ours_does_not_know_is_refused_by_name(
    shop: Shop, method: Method, path: str
) -> None:
    before = await shop.position()
    for sent in ({"json": {"surprise": 1}}, {"params": {"surprise": "1"}}, {"data": {"surprise[a]": "1"}}):
        answer = await shop.http.request(method, here(path), **cast("Any", sent))
        assert problems(answer)["surprise"] == ["unknown"], sent
        assert answer.json()["errors"]["surprise"]["unknown"] == UNKNOWN
    assert await shop.position() == before
    assert not await shop.pool.fetchval("SELECT count(*) FROM replays")


@pytest.mark.parametrize(("method", "path"), OURS)
async def test_every_field_that_is_documented_is_known_and_no_other(shop: Shop, method: Method, path: str) -> None:
    schema = schema_of(method, path)
    if schema is None:
        return
    assert schema["additionalProperties"] is False
    item = dict.fromkeys(SCHEMAS["NewItem"]["properties"])
    nothing = {name: [item | {"quantity": 0}] if name == "items" else [] for name in schema["properties"]}
    found = problems(await shop.ask(method, here(path), nothing))
    assert not [field for field, rules in found.items() if "unknown" in rules]


async def test_what_is_unknown_within_is_named_with_its_place_beside_what_does_not_fit(shop: Shop) -> None:
    items = [{"title": "Mug"}, {"titel": "Mug", "quantity": 0}]
    sent = {"customer_id": await shop.customer(), "total_amount": "much", "items": items, "notes": "x"}
    assert problems(await shop.post("/orders", sent)) == {
        "total_amount": ["numeric"], "items.1.quantity": ["min"], "notes": ["unknown"], "items.1.titel": ["unknown"],
    }  # fmt: skip


async def test_a_field_of_another_operation_is_unknown(shop: Shop) -> None:
    """An order's address is kept as it was placed, so a change of it is not taken for one."""
    order_id = await shop.order(await shop.customer())
    sent = {"status": "completed", "ip_address": "10.0.0.1"}
    assert problems(await shop.put(f"/orders/{order_id}", sent)) == {"ip_address": ["unknown"]}


async def test_a_thousand_unknown_fields_are_answered_in_short(shop: Shop) -> None:
    names = [f"{number}{'x' * 500}" for number in range(999)]
    answer = await shop.post("/labels", {"value": "x", **dict.fromkeys(names, 1), "\ud800": 1})
    assert len(problems(answer)) == 100
    assert len(answer.content) < 20_000
    assert list(problems(await shop.post("/labels", {"value": "x", "\ud800": 1}))) == ["?"]


async def test_the_originals_operations_go_on_ignoring_what_they_do_not_know(shop: Shop) -> None:
    id_, order_id = await shop.customer(), await shop.order(await shop.customer())
    address_id = await shop.address(id_)
    user_id = await shop.user()
    more = {"surprise": 1, "query_timestamp": "1700000000"}
    requests: list[tuple[Method, str, Any]] = [
        ("POST", "/customers", {"email": new_email(), "first_name": "Jane"}),
        ("PUT", f"/customers/{id_}", {"email": new_email(), "first_name": "Joan"}),
        ("PUT", f"/customers/{id_}/additional-info", {"labels": []}),
        ("POST", f"/customers/{id_}/attachable-user", {"user_id": user_id}),
        ("POST", f"/customers/{id_}/detach-user", {}),
        ("POST", f"/customers/{id_}/recalculate-ltv", {}),
        ("POST", f"/customers/{id_}/address", HOME),
        ("PUT", f"/customers/{id_}/address", HOME | {"id": address_id}),
        ("POST", f"/customers/{id_}/address/make-primary", {"addressId": address_id, "type": "billing"}),
        ("POST", "/customers/do-bulk-action",
         {"action": "change_customer_status", "customer_ids": [id_], "new_status": "active"}),
    ]  # fmt: skip
    for method, path, body in requests:
        done(await shop.ask(method, path, body | more, params={"surprise": "1"}))
    for path in ("/customers", f"/customers/{id_}", "/labels", "/users", "/history", f"/orders/{order_id}", "/replays"):
        done(await shop.get(path, params=more))


def test_what_is_not_the_originals_is_ours() -> None:
    known = {it["operationId"] for (method, _path), it in OPERATIONS.items() if method != "GET"}
    assert known >= ORIGINAL
    assert len(DOCUMENT["paths"]) > len(OURS) > 10
