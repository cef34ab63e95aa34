"""What `with` adds to the rows of a page: one query per relation, whatever the number of rows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import asyncpg

from eventstore.postgres.connection import Executor
from projections.models.addresses import ADDRESSES
from projections.models.labels import LABELS
from projections.models.orders import ORDERS
from projections.queries.language.refusals import UnknownRelation
from projections.tables.table import Shown

ORDERS_OF = f"SELECT {ORDERS.table.shown} FROM orders WHERE customer_id = ANY($1) ORDER BY id"
COUNTS_OF = "SELECT customer_id, count(*) AS orders FROM orders WHERE customer_id = ANY($1) GROUP BY customer_id"
ADDRESSES_OF = f"""
    SELECT {ADDRESSES.table.shown} FROM addresses
    WHERE customer_id = ANY($1) AND type = $2 AND is_primary >= $3 ORDER BY id"""
LABELS_NAMED = f"SELECT {LABELS.table.shown}, id AS label_id FROM labels WHERE id = ANY($1) ORDER BY id"
USERS_NAMED = 'SELECT id AS "ID", user_login, user_email, display_name FROM users WHERE id = ANY($1)'

# Keys under which an order shows its items; the original filters none of them.
ITEM_KEYS = {"order_items": "order_items", "filteredOrderItems": "filtered_order_items"}
ADDRESS_TYPES = {"billing_address": "billing", "shipping_address": "shipping"}
PRIMARY = {f"primary_{name}": type_ for name, type_ in ADDRESS_TYPES.items()}

OF_CUSTOMER = frozenset({
    "orders", *(f"orders.{name}" for name in ITEM_KEYS), "ordersCount", "labels", "subscriptions", "wpUser",
    *ADDRESS_TYPES, *PRIMARY,
})  # fmt: skip
OF_ORDER = frozenset({*ITEM_KEYS, *ADDRESS_TYPES, "customer", "transactions"})


def customer_relations(names: Iterable[str]) -> frozenset[str]:
    """The relations of customers under these names. Raises UnknownRelation."""
    wanted = _known(names, OF_CUSTOMER)
    return wanted | {"orders"} if any(name.startswith("orders.") for name in wanted) else wanted


def order_relations(names: Iterable[str]) -> frozenset[str]:
    """The relations of orders under these names. Raises UnknownRelation."""
    return _known(names, OF_ORDER)


def item_keys(wanted: Collection[str]) -> list[str]:
    """The keys under which each order, of a customer or in a list, shows its `items`."""
    return [key for name, key in ITEM_KEYS.items() if name in wanted or f"orders.{name}" in wanted]


async def load_customer_relations(on: Executor, rows: Sequence[Shown], wanted: Collection[str]) -> list[dict[str, Any]]:
    """For each row of customers what is to be added, by key.

    Rows of orders (all columns, by id), addresses, labels and users; `orders_count`; None where there is no user
    and no primary address.
    """
    ids = [row["id"] for row in rows]
    added: list[dict[str, Any]] = [{} for _ in rows]

    def add(key: str, values: Iterable[Any]) -> None:
        for addition, value in zip(added, values, strict=True):
            addition[key] = value

    if "orders" in wanted:
        orders = _grouped(await on.fetch(ORDERS_OF, ids))
        add("orders", (orders[id_] for id_ in ids))
    if "labels" in wanted:
        add("labels", await _labels(on, rows))
    for name, type_ in ADDRESS_TYPES.items():
        if name in wanted:
            addresses = _grouped(await on.fetch(ADDRESSES_OF, ids, type_, 0))
            add(name, (addresses[id_] for id_ in ids))
    for name, type_ in PRIMARY.items():
        if name in wanted:
            primary = _grouped(await on.fetch(ADDRESSES_OF, ids, type_, 1))
            add(name, (next(iter(primary[id_]), None) for id_ in ids))
    if "subscriptions" in wanted:
        add("subscriptions", ([] for _ in ids))
    if "wpUser" in wanted:
        users = {user["ID"]: user for user in await on.fetch(USERS_NAMED, [row["user_id"] for row in rows])}
        add("wp_user", (users.get(row["user_id"]) for row in rows))
    if "ordersCount" in wanted:
        counts = {row["customer_id"]: row["orders"] for row in await on.fetch(COUNTS_OF, ids)}
        add("orders_count", (counts.get(id_, 0) for id_ in ids))
    return added


async def _labels(on: Executor, rows: Sequence[Shown]) -> list[list[asyncpg.Record]]:
    """Labels that exist, by id."""
    ids = sorted({label for row in rows for label in row["labels"]})
    labels = {label["id"]: label for label in await on.fetch(LABELS_NAMED, ids)} if ids else {}
    return [[labels[id_] for id_ in sorted(row["labels"]) if id_ in labels] for row in rows]


def _grouped(records: Iterable[asyncpg.Record]) -> defaultdict[int, list[asyncpg.Record]]:
    groups: defaultdict[int, list[asyncpg.Record]] = defaultdict(list)
    for record in records:
        groups[record["customer_id"]].append(record)
    return groups


def _known(names: Iterable[str], relations: frozenset[str]) -> frozenset[str]:
    wanted = frozenset(names)
    for name in sorted(wanted - relations):
        raise UnknownRelation(name)
    return wanted
