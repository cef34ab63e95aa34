"""What `with` adds, and that it costs one query per relation."""

from typing import Any

import asyncpg
import pytest

from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.language.refusals import UnknownRelation
from projections.queries.relations import (
    OF_CUSTOMER,
    customer_relations,
    item_keys,
    load_customer_relations,
    order_relations,
)
from projections.queries.totals import Totals
from tests.queries.conftest import NOW


async def added(shop: asyncpg.Pool, *names: str) -> dict[int, dict[str, Any]]:
    page = await list_customers(shop, ListQuery(per_page=30), now=NOW, totals=Totals())
    relations = await load_customer_relations(shop, page.rows, customer_relations(names))
    return {row["id"]: relation for row, relation in zip(page.rows, relations, strict=True)}


async def test_orders(shop: asyncpg.Pool) -> None:
    relations = await added(shop, "orders", "ordersCount")
    assert [order["id"] for order in relations[1]["orders"]] == [*range(101, 111)]
    assert relations[1]["orders_count"] == 10
    assert relations[3] == {"orders": [], "orders_count": 0}
    assert relations[1]["orders"][0]["items"].startswith(b'[{"id":1010,')


async def test_nested_items_bring_their_orders() -> None:
    wanted = customer_relations(["orders.order_items"])
    assert wanted == {"orders", "orders.order_items"}
    assert item_keys(wanted) == ["order_items"]
    assert item_keys(order_relations(["order_items", "filteredOrderItems"])) == ["order_items", "filtered_order_items"]


async def test_labels(shop: asyncpg.Pool) -> None:
    relations = await added(shop, "labels")
    assert [(label["label_id"], label["value"]) for label in relations[1]["labels"]] == [(1, "VIP"), (3, "Late payer")]
    assert relations[3]["labels"] == []


async def test_addresses(shop: asyncpg.Pool) -> None:
    relations = await added(shop, "billing_address", "shipping_address", "primary_billing_address")
    assert [address["id"] for address in relations[1]["billing_address"]] == [1, 2, 5]
    assert [address["id"] for address in relations[1]["shipping_address"]] == [3, 4]
    assert relations[1]["primary_billing_address"]["id"] == 1
    assert [address["id"] for address in relations[2]["billing_address"]] == [6]
    assert relations[2]["primary_billing_address"] is None


async def test_users_and_subscriptions(shop: asyncpg.Pool) -> None:
    relations = await added(shop, "wpUser", "subscriptions")
    joe = {"ID": 4, "user_login": "jdoe", "user_email": "john.doe@example.com", "display_name": "John Doe"}
    assert (dict(relations[1]["wp_user"]), relations[1]["subscriptions"]) == (joe, [])
    assert relations[11]["wp_user"] is None  # its user is gone


async def test_a_relation_costs_one_query(shop: asyncpg.Pool) -> None:
    async with shop.acquire() as connection:
        statements: list[str] = []
        page = await list_customers(shop, ListQuery(per_page=30), now=NOW, totals=Totals())
        with connection.query_logger(lambda record: statements.append(record.query)):
            await load_customer_relations(connection, page.rows, OF_CUSTOMER)
    assert len(statements) == 8  # subscriptions need none


@pytest.mark.parametrize("name", ["order", "orders.customer", "Count", "labels ", "customers", ""])
def test_an_unknown_relation_is_refused(name: str) -> None:
    with pytest.raises(UnknownRelation):
        customer_relations(["labels", name])
    with pytest.raises(UnknownRelation):
        order_relations(["customer", name])
