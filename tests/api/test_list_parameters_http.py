"""The list of customers: every parameter, in every form that a client may send it."""

import json
from typing import Any

import pytest

from tests.api.documented import Body
from tests.api.shop import FORM, Shop, done

ADVANCED = "filter_type=advanced&advanced_filters="


def filters(*groups: list[tuple[str, str, Any]]) -> str:
    said = [[{"source": it.split("/"), "operator": op, "value": value} for it, op, value in group] for group in groups]
    return ADVANCED + json.dumps(said)


@pytest.fixture(scope="module")
async def ids(shop: Shop) -> list[int]:
    """All customers there are: Ann has bought, Bo is archived, Zoë is nobody in particular."""
    ann = await shop.customer(email="ann@one.example", first_name="Ann", last_name="Lee", country="IT")
    bo = await shop.customer(email="bo@two.example", first_name="Bo", last_name="Ross", status="archived")
    zoe = await shop.customer(email="zoe@one.example", first_name="Zoë", last_name="Lee")
    item = {"title": "Mug", "object_id": 7}
    await shop.order(ann, 2_000, total_paid=2_000, items=[item], created_at="2025-03-01 23:30:00")
    label = done(await shop.post("/labels", {"value": "VIP"}))["data"]["id"]
    done(await shop.put(f"/customers/{zoe}/additional-info", {"labels": [label]}))
    return [ann, bo, zoe]


async def found(shop: Shop, path: str, query: str) -> list[int]:
    [page] = done(await shop.get(f"{path}?sort_type=asc&{query}")).values()
    assert page["total"] == len(page["data"])
    return [row["id"] for row in page["data"]]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "Ann Bo Zoë"),
        ("search=", "Ann Bo Zoë"),
        ("search=zoe", "Zoë"),
        ("search=%20LEE%20", "Ann Zoë"),
        ("search=two.example", "Bo"),
        ("search=ltv>1999", "Ann"),
        ("search=ltv::0-5", "Bo Zoë"),
        ("search=first_name%20=%20z*", "Zoë"),
        ("search=status!=active", "Bo"),
        ("search=ltv>a%20lot", ""),
        ("search=purchase_value=2000", ""),
        ("search=100%25", ""),
        ("search=last_purchase_date=2025-03-01", "Ann"),
        ("search=last_purchase_date=2025-03-02&user_tz=Europe/Rome", "Ann"),
        ("active_view=archived", "Bo"),
        ("active_view=active", "Ann Zoë"),
        ("active_view=all", "Ann Bo Zoë"),
        ("active_view=bogus", "Ann Bo Zoë"),
        ("search=nobody&include_ids={ann},{bo}", "Ann Bo"),
        ("search=zoe&include_ids[]={bo}&include_ids[]=999999&include_ids[]=x", "Bo Zoë"),
        ("include_ids=&search=zoe", "Zoë"),
        ("active_view=archived&include_ids={ann}", "Ann Bo"),
        ("filter_type=simple&search=zoe&advanced_filters=bogus", "Zoë"),
        ("filter_type=bogus&search=zoe", "Ann Bo Zoë"),
        (filters([("customer/ltv", ">=", 20)]), "Ann"),
        (filters([("customer/ltv", "<", "20")]) + "&search=ann", "Bo Zoë"),
        (filters([("customer/email", "contains", "one"), ("order/purchase_count", "=", 0)]), "Zoë"),
        (filters([("labels/labels", "in", [1])], [("order/order_items", "in", ["7"])]), "Ann Zoë"),
        (filters([("labels/customer_email", "not_in", ["1"])]), "Ann Bo"),
        (filters([("order/last_purchase_date", "date_equal", "2025-03-02")]) + "&user_tz=Europe/Rome", "Ann"),
        (ADVANCED + "[]", "Ann Bo Zoë"),
        (ADVANCED, "Ann Bo Zoë"),
    ],
)
async def test_customers_are_found(shop: Shop, ids: list[int], query: str, names: str) -> None:
    known = dict(zip(("Ann", "Bo", "Zoë"), ids, strict=True))
    sent = query.replace("{ann}", str(ids[0])).replace("{bo}", str(ids[1]))
    assert await found(shop, "/customers", sent) == [known[name] for name in names.split()]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "Zoë Bo Ann"),
        ("sort_by=email", "Zoë Bo Ann"),
        ("sort_by=last_name&sort_type=ASC", "Ann Zoë Bo"),
        ("sort_by=ltv", "Ann Zoë Bo"),
        ("sort_by=last_purchase_date&sort_type=asc", "Bo Zoë Ann"),
        ("sort_by=notes&sort_type=asc", "Ann Bo Zoë"),
        ("sort_by=labels", "Zoë Bo Ann"),
        ("sort_by[]=email&sort_type=sideways", "Zoë Bo Ann"),
    ],
)
async def test_customers_are_sorted(shop: Shop, ids: list[int], query: str, names: str) -> None:
    rows = done(await shop.get(f"/customers?{query}"))["customers"]["data"]
    assert [row["first_name"] for row in rows] == names.split()


@pytest.mark.parametrize(
    "sent",
    [
        {"params": "with=labels,ordersCount&select=email,ltv&per_page=2&page=1&sort_by=email&sort_type=asc"},
        {"params": "with[]=labels&with[]=ordersCount&select[]=ltv&select[]=email&per_page=2&sort_by=id&sort_type=asc"},
        {"params": "with[3]=labels&with[x]=ordersCount&select=email%2C%20ltv&per_page=02&sort_by=email&sort_type=Asc"},
        {"json": {"with": ["labels", "ordersCount"], "select": "email,ltv", "per_page": 2, "sort_by": "email",
                  "sort_type": "asc"}},
        {"json": {"with": "labels,ordersCount", "select": ["email", "ltv"], "per_page": "2", "sort_by": " email ",
                  "sort_type": "asc"}, "params": "per_page=1&sort_by=ltv"},
        {"content": b"with[]=labels&with[]=ordersCount&select=email,ltv&per_page=2&sort_by=email&sort_type=asc",
         "headers": FORM},
    ],
)  # fmt: skip
async def test_parameters_are_read_in_every_form(shop: Shop, ids: list[int], sent: Body) -> None:
    page = done(await shop.http.request("GET", "/customers", **sent))["customers"]
    assert (page["per_page"], page["total"]) == (2, 3)
    first, second = page["data"]
    assert (first["email"], first["ltv"], first["orders_count"], first["labels"]) == ("ann@one.example", 2_000, 1, [])
    assert set(second) == {"id", "email", "ltv", "labels", "orders_count"}
