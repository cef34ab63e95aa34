"""Lists as the original answered: the same rows found, in the same order, and as many of them."""

import gzip
import json
import re
from typing import Any

import asyncpg
import pytest

from api.http.pages import read_page
from api.http.request import parse_form
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery, Page
from projections.queries.orders import list_orders
from projections.queries.relations import customer_relations, order_relations
from projections.queries.totals import Totals
from projections.queries.users import attachable_users
from tests.queries.conftest import NOW
from tests.queries.seed import GOLDEN

SORTABLE = "columns: every sortable one"
UNFIT = "A value that does not fit the column's type matches nothing."
LITERAL = "`% _ \\` are literal."
INCLUDED = "`include_ids`: those customers are in the result whatever the search says"
MALFORMED = "A malformed item, unknown property or operator: 422 naming it."
RELATIONS = "`with`: orders, labels, … Unknown → 422."
COMMAS = "PHP-style keys work in query and form: … `with=a,b`"
SORTS = "`sort_by`: id, user_id, …; anything else → id."

SET_ASIDE = {
    "list_sort_by_notes": SORTS,
    "list_search_%": LITERAL,
    "list_searchop_email=john.doe@example.com": SORTABLE,
    "list_searchop_country=US": SORTABLE,
    "list_searchop_id>5 id<8": UNFIT,
    "list_with_Count": RELATIONS,
    "list_with_id": RELATIONS,
    "list_with_string": COMMAS,
    "list_sort_ties_country_desc": "ties break by id in the same direction.",
    "list_include_ids_search_": "plain text, case- and accent-insensitive: contained in `first_name last_name`",
    "list_include_ids_search_1,,2": INCLUDED,
    "adv_name_then_ltv_same_group": "groups are ORed, items of a group ANDed.",
    "adv_first_purchase_date_=_2025-02-01": MALFORMED,
    "adv_last_purchase_date_days_within_abc": MALFORMED,
    "adv_order_items_contains": MALFORMED,
    "adv_order_items_in_int_value": "order/order_items: in not_in in_all not_in_all; value: variation ids",
    "adv_missing_value": MALFORMED,
    "adv_not_array": MALFORMED,
    "adv_param_as_array": MALFORMED,
    "orders_with_labels": "orders: `with`: order_items, filteredOrderItems, customer, … transactions.",
    "users_attachable_params_ignored": "attachable-user lists users …; also `search`, `per_page`, `page`",
}
LISTS = re.compile(r"/customers|/customers/\d+/orders|/customers/attachable-user")


def recordings() -> list[dict[str, Any]]:
    """Recordings of lists that start from the seed, and were answered to someone who may see them."""
    with gzip.open(GOLDEN / "exchanges.jsonl.gz", "rt") as lines:
        exchanges = [json.loads(line) for line in lines]
    return [
        exchange
        for exchange in exchanges
        if exchange["request"]["method"] == "GET"
        and LISTS.fullmatch(exchange["request"]["path"])
        and exchange["response"]["status"] not in {401, 403}
        and not re.match(r"extra_|recalc_|.*_then_(?!ltv|name)", exchange["name"])
    ]


RECORDINGS = {recording["name"]: recording for recording in recordings()}


def test_every_recording_set_aside_exists() -> None:
    assert set(SET_ASIDE) <= set(RECORDINGS)


@pytest.mark.parametrize("name", sorted(RECORDINGS.keys() - SET_ASIDE.keys()))
async def test_the_list_is_as_recorded(shop: asyncpg.Pool, name: str) -> None:
    request, body = RECORDINGS[name]["request"], RECORDINGS[name]["response"]["body"]
    values = parse_form((request["query"] or "").encode())
    if "users" in body:
        found = await attachable_users(shop)
        assert [*map(dict, found.rows)] == body["users"]
        return
    key = "customers" if "customers" in body else "orders"
    page = await _page(shop, request["path"], values)
    assert [row["id"] for row in page.rows] == [row["id"] for row in body[key]["data"]]
    assert page.total == body[key]["total"]


async def _page(shop: asyncpg.Pool, path: str, values: dict[str, Any]) -> Page:
    known = {name: values[name] for name in ListQuery.__struct_fields__ if isinstance(values.get(name), str)}
    listed = {name: _listed(values.pop(name)) for name in ("select", "with", "include_ids") if name in values}
    number, per_page = read_page(values)
    included = tuple(int(id_) for id_ in listed.get("include_ids", ()) if id_.isdigit())
    query = ListQuery(**known | {
        "page": number, "per_page": per_page, "include_ids": included, "select": tuple(listed.get("select", ())),
    })  # fmt: skip
    if path == "/customers":
        customer_relations(listed.get("with", ()))
        return await list_customers(shop, query, now=NOW, totals=Totals())
    order_relations(listed.get("with", ()))
    return await list_orders(shop, int(path.split("/")[2]), query, now=NOW, totals=Totals())


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [name for name in value.split(",") if name]
