"""The list of customers: its envelope, its pages, what is added to its rows, and what it refuses."""

from typing import Any

import pytest

from tests.api.shop import Shop, done, problems
from tests.api.test_customers_http import KEYS

PAGINATOR = [
    "total", "per_page", "current_page", "last_page", "from", "to", "data", "first_page_url", "last_page_url",
    "next_page_url", "prev_page_url", "path", "links",
]  # fmt: skip
PATH = "https://shop.example/wp-json/fluent-cart/v2/customers"
MANY = 23


@pytest.fixture(scope="module")
async def ids(shop: Shop) -> list[int]:
    """All customers there are."""
    return [await shop.customer(first_name=f"Zoë {number:02}", city="Köln") for number in range(MANY)]


async def listed(shop: Shop, query: str = "") -> dict[str, Any]:
    body = done(await shop.get(f"/customers?{query}"))
    assert list(body) == ["customers"]
    return dict(body["customers"])


async def test_a_page_has_the_paginators_keys_and_the_documents(shop: Shop, ids: list[int]) -> None:
    page = await listed(shop)
    assert [key for key in page if key in PAGINATOR] == PAGINATOR
    assert [page[key] for key in PAGINATOR[:6]] == [MANY, 10, 1, 3, 1, 10]
    assert [customer["id"] for customer in page["data"]] == ids[:-11:-1]
    assert all(list(customer) == KEYS for customer in page["data"])
    assert page["path"] == PATH
    assert page["prev_page_url"] is None


async def test_page_links_keep_the_query(shop: Shop, ids: list[int]) -> None:
    page = await listed(shop, "search=zo%C3%AB&with[]=labels&page=2&per_page=4")
    for url in (page["first_page_url"], page["next_page_url"], page["prev_page_url"], page["last_page_url"]):
        assert url.startswith(f"{PATH}/?")
        assert "search=zo%C3%AB" in url
        assert "per_page=4" in url
    assert page["next_page_url"].endswith("page=3")
    assert [link["label"] for link in page["links"] if link["active"]] == ["2"]


@pytest.mark.parametrize("value", ["0", "-1", "200", "abc", "", "1.5", "9" * 30, "%00"])
async def test_a_page_size_that_makes_no_sense_is_ten(shop: Shop, ids: list[int], value: str) -> None:
    assert (await listed(shop, f"per_page={value}"))["per_page"] == 10


@pytest.mark.parametrize("value", ["0", "-1", "abc", "", "1.5"])
async def test_a_page_number_that_makes_no_sense_is_one(shop: Shop, ids: list[int], value: str) -> None:
    assert (await listed(shop, f"page={value}"))["current_page"] == 1


async def test_beyond_the_end_there_is_nothing(shop: Shop, ids: list[int]) -> None:
    for number in ("4", "99999999"):
        page = await listed(shop, f"page={number}")
        assert (page["data"], page["from"], page["to"], page["total"]) == ([], None, None, MANY)


async def test_cursors_walk_the_whole_list_once(shop: Shop, ids: list[int]) -> None:
    for query in ("", "sort_by=city&sort_type=asc", "sort_by=first_purchase_date", "sort_by=first_name&sort_type=ASC"):
        walked: list[int] = []
        page = await listed(shop, f"per_page=7&{query}")
        while True:
            walked += [customer["id"] for customer in page["data"]]
            if page["next_cursor"] is None:
                break
            page = await listed(shop, f"per_page=7&{query}&cursor={page['next_cursor']}")
            assert (page["from"], page["to"], page["prev_page_url"]) == (None, None, None)
            assert page["next_page_url"] is None or page["next_page_url"].endswith(f"cursor={page['next_cursor']}")
        assert sorted(walked) == ids
        assert len(walked) == MANY


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        ("with=nothing", "with"),
        ("with[]=labels&with[]=password", "with"),
        ("select=password", "select"),
        ("select[]=id&select[]=ltv;drop", "select"),
        ("cursor=bogus", "cursor"),
        ("user_tz=Mars/Olympus&filter_type=advanced", "user_tz"),
        ("filter_type=advanced&advanced_filters={", "advanced_filters"),
        ("filter_type=advanced&advanced_filters=[[{}]]", "advanced_filters"),
        ('filter_type=advanced&advanced_filters=[[{"source":["x","y"],"operator":"=","value":1}]]', "advanced_filters"),
    ],
)
async def test_what_a_list_does_not_know_is_refused_by_name(shop: Shop, query: str, broken: str) -> None:
    assert list(problems(await shop.get(f"/customers?{query}"))) == [broken]


async def test_relations_are_added_and_never_a_secret(shop: Shop, ids: list[int]) -> None:
    id_, user_id = ids[0], await shop.user(display_name="Zoë")
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    await shop.order(id_, items=[{"title": "Mug"}])
    await shop.address(id_)
    names = "orders,labels,billing_address,shipping_address,primary_billing_address,subscriptions,wpUser,ordersCount"
    [customer] = (await listed(shop, f"search=id={id_}&with={names}"))["data"]
    assert list(customer)[: len(KEYS)] == KEYS
    assert list(customer["wp_user"]) == ["ID", "user_login", "user_email", "display_name"]
    assert (customer["orders_count"], customer["subscriptions"], customer["labels"]) == (1, [], [])
    assert customer["primary_billing_address"]["id"] == customer["billing_address"][0]["id"]
    assert customer["shipping_address"] == []
    alone = done(await shop.get(f"/customers/{id_}?with[]=wpUser&with[]=orders.order_items"))["customer"]
    assert alone["wp_user"] == customer["wp_user"]
    assert alone["orders"][0]["order_items"][0]["title"] == "Mug"


async def test_only_what_is_selected_is_shown(shop: Shop, ids: list[int]) -> None:
    for query in ("select=email,ltv", "select[]=email&select[]=ltv"):
        assert {tuple(sorted(customer)) for customer in (await listed(shop, query))["data"]} == {("email", "id", "ltv")}
