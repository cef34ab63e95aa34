"""What is whose, and what a client may set: writes with every field that is not for them, paths with another's id."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.api.documented import Body, operation_of
from tests.api.shop import Method, Shop, done, new_email, open_shop, problems
from tests.api.test_hostile_http import writes
from tests.api.test_unknown_fields_http import ORIGINAL
from tests.conftest import new_database, with_database

FORGED: Body = {
    "ltv": 999_999, "aov": 999_999, "purchase_count": 999, "purchase_value": {"USD": 999_999}, "uuid": "f" * 32,
    "id": 777_777, "is_primary": 1, "customer_id": 1, "user_id": 1_001, "contact_id": 777_777, "version": 777,
    "created_at": "1999-01-01 00:00:00", "updated_at": "1999-01-01 00:00:00", "first_purchase_date": "1999-01-01",
    "last_purchase_date": "1999-01-01", "total_paid": 999_999, "total_refund": 999_999, "payment_status": "paid",
    "erased": True, "labels": [1], "position": 1, "actor": "root", "role": "administrator", "permissions": ["*"],
    "originator_id": "f" * 32, "state": "forged", "_method": "DELETE",
}  # fmt: skip
PROTECTED = {
    "figures": "id, ltv, aov, purchase_count, purchase_value, first_purchase_date > '2020-01-01', version",
    "customers": "id, user_id IS NULL, contact_id, status, created_at > '2020-01-01', labels",
    "addresses": "id, customer_id, type, is_primary, created_at > '2020-01-01'",
    "orders": "id, customer_id, total_paid, total_refund, payment_status, created_at > '2020-01-01'",
    "labels": "id",
    "users": "count(*)",
    "stored_events": "count(*)",
    "credentials": "count(*)",
}
FORGED_IDS = "SELECT count(*) FROM customers WHERE uuid = $1 OR id = $2"


@pytest.fixture
async def twins(server: str, template: str) -> AsyncIterator[tuple[Shop, Shop]]:
    """Two stores in which the same is done."""
    async with (
        new_database(server, template) as one,
        new_database(server, template) as other,
        open_shop(with_database(server, one)) as honest,
        open_shop(with_database(server, other)) as forged,
    ):
        yield honest, forged


async def protected(shop: Shop) -> dict[str, list[Any]]:
    """What no client sets, but by what it does."""
    return {
        table: [tuple(row) for row in await shop.pool.fetch(f"SELECT {columns} FROM {table} ORDER BY 1")]
        for table, columns in PROTECTED.items()
    }


async def test_fields_that_are_not_for_a_write_change_nothing_with_it(twins: tuple[Shop, Shop]) -> None:
    """Done with them and without them, every write leaves the same behind; our own name and refuse them."""
    honest, forged = twins
    tried = 0
    for (method, path, body), (_, its_path, its_body) in zip(await writes(honest), await writes(forged), strict=True):
        schema = body_schema(forged, method, its_path)
        more = {name: value for name, value in FORGED.items() if name not in schema.get("properties", {})}
        plain = await honest.ask(method, path, body)
        answer = await forged.ask(method, its_path, more | its_body)
        if answer.status_code == 422 != plain.status_code:
            assert is_closed(forged, method, its_path), (method, path)
            assert {rule for rules in problems(answer).values() for rule in rules} == {"unknown"}, (method, path)
            answer = await forged.ask(method, its_path, its_body)
        assert answer.status_code == plain.status_code, (method, path, answer.text)
        assert await protected(forged) == await protected(honest), (method, path)
        tried += len(more)
    assert tried > 300
    assert await forged.pool.fetchval(FORGED_IDS, FORGED["uuid"], FORGED["id"]) == 0


def is_closed(shop: Shop, method: Method, path: str) -> bool:
    """Whether it says that it refuses other fields: in its body, or as one of our own that takes none."""
    schema = body_schema(shop, method, path)
    name = operation_of(shop.http.build_request(method, path))["operationId"]
    return schema.get("additionalProperties") is False if schema else name not in ORIGINAL


def body_schema(shop: Shop, method: Method, path: str) -> Body:
    operation = operation_of(shop.http.build_request(method, path))
    schema: Body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return schema


# Object by object; addresses have theirs in test_addresses_http.py


@pytest.mark.parametrize("more", [{}, {"include_ids": "{order}"}, {"search": "id={order}"}, {"customer_id": "{owner}"},
                                  {"params[customer_id]": "{owner}"}, {"filter_type": "none"}, {"with": "customer"},
                                  {"search": "status!=x", "include_ids": "{order}"}])  # fmt: skip
async def test_no_parameter_shows_another_customers_order(shop: Shop, more: dict[str, str]) -> None:
    owner, other = await shop.customer(), await shop.customer()
    order = await shop.order(owner, total_paid=1_000)
    mine = await shop.order(other)
    said = {name: value.format(order=order, owner=owner) for name, value in more.items()}
    narrowed = [] if more.get("search") == "id={order}" else [mine]
    for path, found in ((f"/customers/{other}/orders", narrowed), (f"/customers/{other}/order", [mine])):
        [page] = done(await shop.get(path, params=said)).values()
        assert [row["id"] for row in page["data"]] == found


@pytest.mark.parametrize("path", ["/customers/{}", "/customers/{}/history", "/customers/{}/ltv/explain",
                                  "/customers/get-stats/{}", "/customers/{}/address", "/customers/{}/order",
                                  "/customers/{}/orders"])  # fmt: skip
async def test_what_is_told_of_one_customer_has_nothing_of_another(shop: Shop, path: str) -> None:
    told = {"email": new_email(), "first_name": "Unmistakable", "city": "Nowheretown", "notes": "a secret of hers"}
    owner, other = await shop.customer(**told), await shop.customer()
    await shop.address(owner, city="Nowheretown")
    await shop.order(owner, invoice_no="UNMISTAKABLE-1")
    answer = await shop.get(path.format(other), params={"customer_id": owner, "id": owner, "include_ids": owner})
    assert answer.status_code == 200
    assert not [word for word in (*told.values(), "UNMISTAKABLE-1") if word in answer.text]


async def test_no_answer_has_more_of_a_user_than_is_for_clients(shop: Shop) -> None:
    id_, user_id = await shop.customer(), await shop.user()
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    shown = done(await shop.get(f"/customers/{id_}", params={"with": "wpUser"}))["customer"]
    assert set(shown["wp_user"]) == {"ID", "user_login", "user_email", "display_name"}
    free = await shop.user()
    [listed] = [u for u in done(await shop.get("/customers/attachable-user"))["users"] if u["ID"] == free]
    assert set(listed) == {"ID", "user_email", "display_name"}
