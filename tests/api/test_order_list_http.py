"""The list of a customer's orders: every parameter, and what it refuses."""

import pytest

from tests.api.documented import Body
from tests.api.shop import Shop, done, problems
from tests.api.test_list_parameters_http import ADVANCED, filters, found


@pytest.fixture(scope="module")
async def orders(shop: Shop) -> tuple[int, list[int]]:
    """A customer, and its orders: one complete and paid, one in work and renewed each month, one refunded."""
    await shop.order(await shop.customer(first_name="Ann"), items=[{"title": "Mug"}])
    id_ = await shop.customer(email="olga@three.example", first_name="Olga", last_name="Paz")
    mug = {"title": "Müg", "post_title": "Kitchen", "object_id": 8}
    terms: list[Body] = [
        {"total_amount": 1_000, "total_paid": 1_000, "status": "completed", "invoice_no": "INV-1", "items": [mug]},
        {"total_amount": 3_000, "status": "processing", "type": "subscription", "payment_method": "stripe"},
        {"total_amount": 500, "total_paid": 500, "total_refund": 500, "created_at": "2024-12-31 23:30:00"},
    ]
    return id_, [await shop.order(id_, it["total_amount"], **it) for it in terms]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2, 3]),
        ("search=inv-1", [1]),
        ("search=mug", [1]),
        ("search=kitchen", [1]),
        ("search=paz", [1, 2, 3]),
        ("search=three.example", [1, 2, 3]),
        ("search=ann", []),
        ("search=status=completed", [1]),
        ("search=payment_status%20!=%20paid", [2, 3]),
        ("search=payment=paid", [1]),
        ("search=payment_by=str*", [2]),
        ("search=invoice=INV*", [1]),
        ("search=customer=olga", [1, 2, 3]),
        ("search=customer=ann", []),
        ("search=total_amount>=1000", [1, 2]),
        ("search=total_amount::400-1000", [1, 3]),
        ("search=created_at<2025-01-01", [3]),
        ("search=created_at<2025-01-01&user_tz=Europe/Rome", []),
        ("search=currency=USD", []),
        *((f"active_view={view}", shown) for view, shown in {
            "on-hold": [3], "completed": [1], "processing": [2], "canceled": [], "failed": [], "paid": [1],
            "refunded": [3], "partially_refunded": [], "pending": [2], "subscription": [2], "renewal": [],
            "onetime": [], "bogus": [1, 2, 3],
        }.items()),
        (filters([("order/status", "in", ["completed", "processing"])]), [1, 2]),
        (filters([("order/payment_status", "!=", "paid")]), [2, 3]),
        (filters([("order/total_amount", ">", 5)]), [1, 2]),
        (filters([("order/created_at", "before", "2025-01-01")]), [3]),
        (filters([("order/order_items", "in_all", [8])], [("order/total_amount", "=", "5.00")]), [1, 3]),
        ("include_ids=1", [1, 2, 3]),
    ],
)  # fmt: skip
async def test_orders_are_found(shop: Shop, orders: tuple[int, list[int]], query: str, numbers: list[int]) -> None:
    id_, placed = orders
    assert await found(shop, f"/customers/{id_}/orders", query) == [placed[number - 1] for number in numbers]


async def test_orders_are_sorted_selected_and_shown_with_what_is_asked_for(
    shop: Shop, orders: tuple[int, list[int]]
) -> None:
    id_, placed = orders
    query = "sort_by=total_amount&per_page=2&select=total_amount&with[]=order_items&with[]=customer&with[]=transactions"
    page = done(await shop.get(f"/customers/{id_}/orders?{query}"))["orders"]
    assert [(row["id"], row["total_amount"]) for row in page["data"]] == [(placed[1], 3_000), (placed[0], 1_000)]
    assert {tuple(sorted(row)) for row in page["data"]} == {
        ("customer", "id", "order_items", "total_amount", "transactions")
    }
    assert page["data"][1]["order_items"][0]["title"] == "Müg"
    assert page["data"][0]["customer"]["email"] == "olga@three.example"


@pytest.mark.parametrize(
    ("query", "broken"),
    [
        ("with=labels", "with"),
        ("select=items", "select"),
        ("cursor=bogus", "cursor"),
        ("user_tz=Mars", "user_tz"),
        ("search=%00", "search"),
        ("search=" + "a" * 1_001, "search"),
        (ADVANCED + "{", "advanced_filters"),
        (filters([("customer/ltv", "=", 1)]), "advanced_filters"),
        (filters([("order/status", ">", "paid")]), "advanced_filters"),
        (filters([("order/total_amount", "=", "much")]), "advanced_filters"),
    ],
)
async def test_what_a_list_of_orders_does_not_know_is_refused_by_name(
    shop: Shop, orders: tuple[int, list[int]], query: str, broken: str
) -> None:
    assert list(problems(await shop.get(f"/customers/{orders[0]}/orders?{query}"))) == [broken]


async def test_several_parameters_that_do_not_fit_are_all_named(shop: Shop, orders: tuple[int, list[int]]) -> None:
    query = "search=%07&user_tz=%00&with=x&select=y"
    for path in ("/customers", f"/customers/{orders[0]}/orders"):
        assert set(problems(await shop.get(f"{path}?{query}"))) == {"search", "user_tz", "with", "select"}
    assert set(problems(await shop.get(f"/customers/{orders[0]}?{query}"))) == {"user_tz", "with"}
