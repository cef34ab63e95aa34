"""The list of all orders: as a customer's, with every parameter of it, and one for whose orders they are."""

import pytest

from tests.api.documented import Body
from tests.api.shop import FORBIDDEN, Shop, done, problems, reason, refusal
from tests.api.test_list_parameters_http import ADVANCED, filters


@pytest.fixture(name="placed", scope="module")
async def orders(shop: Shop) -> list[int]:
    """Two of Olga's and one of Ann's, which is paid."""
    olga = await shop.customer(email="olga@all.example", first_name="Olga", last_name="Paz")
    ann = await shop.customer(email="ann@all.example", first_name="Ann", last_name="Oz")
    mug = {"title": "Müg", "object_id": 8}
    return [
        await shop.order(olga, 1_000, invoice_no="ALL-1", status="completed", items=[mug]),
        await shop.order(ann, 2_000, invoice_no="ALL-2", total_paid=2_000),
        await shop.order(olga, 3_000, invoice_no="ALL-3", created_at="2024-12-31 23:30:00"),
    ]


async def listed(shop: Shop, query: str) -> Body:
    found: Body = done(await shop.get(f"/orders?{query}"))["orders"]
    return found


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [3, 2, 1]),
        ("sort_type=asc", [1, 2, 3]),
        ("sort_by=total_amount&sort_type=asc", [1, 2, 3]),
        ("sort_by=created_at", [2, 1, 3]),
        ("search=olga", [3, 1]),
        ("search=customer=ann", [2]),
        ("search=mug", [1]),
        ("search=invoice_no=all-2", [2]),
        ("search=total_amount::1500-3500", [3, 2]),
        ("active_view=paid", [2]),
        ("active_view=completed", [1]),
        (filters([("order/created_at", "before", "2025-01-01")]), [3]),
        (filters([("order/total_amount", "=", 20)], [("order/order_items", "in", [8])]), [2, 1]),
    ],
)
async def test_orders_of_all_customers_are_found(shop: Shop, placed: list[int], query: str, numbers: list[int]) -> None:
    rows = [row["id"] for row in (await listed(shop, query))["data"]]
    assert [id_ for id_ in rows if id_ in placed] == [placed[number - 1] for number in numbers]


async def test_they_may_be_one_customers_only(shop: Shop, placed: list[int]) -> None:
    [row] = (await listed(shop, "search=id=" + str(placed[1])))["data"]
    ann = row["customer_id"]
    page = await listed(shop, f"customer_id={ann}&include_ids={placed[0]}")
    assert ([it["id"] for it in page["data"]], page["total"]) == ([placed[1]], 1)
    same = done(await shop.get(f"/customers/{ann}/orders"))["orders"]
    assert page["data"] == same["data"]
    assert (await listed(shop, "customer_id=99999999"))["data"] == []
    assert (await listed(shop, f"customer_id={ann}&search=olga"))["total"] == 0
    assert problems(await shop.get("/orders?customer_id=ann")) == {"customer_id": ["numeric"]}


async def test_each_is_shown_with_its_own_customer(shop: Shop, placed: list[int]) -> None:
    page = await listed(shop, "search=all.example&with=customer,order_items&select=id&per_page=3")
    assert [row["customer"]["email"] for row in page["data"]] == [
        "olga@all.example", "ann@all.example", "olga@all.example",
    ]  # fmt: skip
    assert {tuple(sorted(row)) for row in page["data"]} == {("customer", "id", "order_items")}
    assert page["data"][2]["id"] == placed[0]


async def test_cursors_walk_all_of_them_once(shop: Shop, placed: list[int]) -> None:
    total, seen = (await listed(shop, ""))["total"], list[int]()
    cursor: str | None = ""
    while cursor is not None:
        page = await listed(shop, f"per_page=2&sort_by=total_amount&cursor={cursor}")
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen)) == total
    assert set(placed) <= set(seen)


async def test_they_are_told_as_they_were(shop: Shop, placed: list[int]) -> None:
    before = await shop.position()
    id_ = await shop.customer()
    later = await shop.order(id_)
    done(await shop.put(f"/orders/{placed[0]}", {"status": "failed"}))
    now = {row["id"]: row["status"] for row in (await listed(shop, "per_page=199"))["data"]}
    then = {row["id"]: row["status"] for row in (await listed(shop, f"per_page=199&as_of={before}"))["data"]}
    assert (now[placed[0]], then[placed[0]]) == ("failed", "completed")
    assert later in now.keys() - then.keys()
    assert (await listed(shop, f"customer_id={id_}&as_of={before}"))["data"] == []


async def test_an_erased_customers_orders_leave_the_list(shop: Shop) -> None:
    id_ = await shop.customer()
    order = await shop.order(id_)
    done(await shop.delete(f"/customers/{id_}"))
    assert (await listed(shop, f"include_ids={order}&search=id={order}"))["data"] == []


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        ("with=labels", "with"),
        ("select=items", "select"),
        ("cursor=bogus", "cursor"),
        ("user_tz=Mars", "user_tz"),
        ("search=%00", "search"),
        (ADVANCED + "{", "advanced_filters"),
        (filters([("customer/ltv", "=", 1)]), "advanced_filters"),
    ],
)
async def test_what_the_list_does_not_know_is_refused_by_name(shop: Shop, query: str, broken: str) -> None:
    answer = await shop.get(f"/orders?{query}")
    assert list(problems(answer)) == [broken]
    assert reason(answer) == "invalid_fields"


async def test_it_is_for_those_who_may_see_orders(shop: Shop) -> None:
    done(await shop.get("/orders", auth=("worker", shop.passwords["worker"])))
    assert refusal(await shop.get("/orders", auth=("monitor", shop.passwords["monitor"]))) == FORBIDDEN
