"""Advanced filters: every property with every operator, and everything that is refused."""

import json
from typing import Any

import pytest

from projections.queries.language.refusals import BadFilter
from tests.queries.conftest import Ids

EVERYONE = list(range(1, 31))
NO_PURCHASE = [3, 5, 6, 8, 9, 11, 12, 16, 20, 24, 28]


def advanced(*groups: list[tuple[str, str, Any]]) -> dict[str, Any]:
    filters = [[{"source": p.split("/"), "operator": o, "value": v} for p, o, v in group] for group in groups]
    return {"filter_type": "advanced", "advanced_filters": json.dumps(filters)}


def but(*ids: int) -> list[int]:
    return [id_ for id_ in EVERYONE if id_ not in ids]


@pytest.mark.parametrize(
    ("property_", "operator", "value", "found"),
    [
        ("customer/ltv", "=", "158.33", [1]),
        ("customer/ltv", "=", 158.33, [1]),
        ("customer/ltv", "=", "158.333", []),
        ("customer/ltv", "!=", "158.33", but(1)),
        ("customer/ltv", "!=", "158.333", EVERYONE),
        ("customer/ltv", ">", 1500, [10]),
        ("customer/ltv", ">=", 1500, [7, 10]),
        ("customer/ltv", ">", "158.329", [1, 7, 10]),
        ("customer/ltv", ">=", "158.331", [7, 10]),
        ("customer/ltv", "<", "0.001", [3, 5, 6, 8, 9, 11, 12]),
        ("customer/ltv", "<=", 1, [2, 3, 5, 6, 8, 9, 11, 12]),
        ("customer/ltv", "in", ["1", "9.99"], [2, 4]),
        ("customer/ltv", "not_in", ["1", "9.99", "1.234"], but(2, 4)),
        ("order/purchase_count", "=", "12", [10]),
        ("order/purchase_count", "!=", 12, but(10)),
        ("order/purchase_count", ">", 5, [1, 10]),
        ("order/purchase_count", ">=", 6, [1, 10]),
        ("order/purchase_count", "<", 1, NO_PURCHASE),
        ("order/purchase_count", "<=", 0, NO_PURCHASE),
        ("order/purchase_count", "in", [6, 12], [1, 10]),
        ("order/purchase_count", "not_in", [0, 1, 2, 3], [1, 10]),
        ("order/purchase_count", "is_null", None, NO_PURCHASE),
        ("order/purchase_count", "not_null", None, EVERYONE),
        ("customer/email", "=", "John.Doe@example.com", [1]),
        ("customer/email", "!=", "john.doe@example.com", but(1)),
        ("customer/email", "contains", ".es", [4]),
        ("customer/email", "contains", "t_u", [6]),
        ("customer/email", "contains", "13", [13]),  # nothing but the email
        ("customer/email", "contains", "johnny", []),
        ("customer/email", "not_contains", "example.com", [3, 4, 7, 8]),
        ("customer/email", "starts_with", "john", [1, 7]),
        ("customer/email", "ends_with", ".org", [3]),
        ("customer/email", "is_null", None, []),
        ("customer/email", "not_null", None, EVERYONE),
        ("customer/email", "in", ["zed@example.com", "LI@example.cn"], [5, 8]),
        ("customer/email", "in", "zed@example.com", [5]),
        ("customer/email", "not_in", ["zed@example.com"], but(5)),
        ("customer/customer_full_name", "like_all", "john d", [1]),
        ("customer/customer_full_name", "like_all", "filler13", []),
        ("customer/customer_full_name", "starts_with", "john", [1, 7]),
        ("customer/customer_full_name", "ends_with", "garcia", [4]),
        ("customer/customer_full_name", "ends_with", "zed", [5]),
        ("customer/customer_full_name", "not_like", "filler", list(range(1, 13))),
        ("customer/customer_full_name", "=", "josé garcía", [4]),
        ("customer/customer_full_name", "=", "zed", [5]),
        ("customer/customer_full_name", "=", "john", []),
        ("customer/customer_full_name", "!=", "zed", but(5)),
        ("order/first_purchase_date", "before", "2025-02-01", [1]),
        ("order/first_purchase_date", "after", "2025-02-01", [7]),
        ("order/first_purchase_date", "date_equal", "2025-02-01", [2]),
        ("order/last_purchase_date", "date_equal", "2025-04-01", [2]),
        ("order/last_purchase_date", "after", "2025-04-01", [1, 7]),
        ("order/last_purchase_date", "after", "2025-04-01 12:00:00", [1, 2, 7]),
        ("order/last_purchase_date", "between", ["2025-04-01", "2025-05-05"], [2, 7]),
        ("order/last_purchase_date", "between", ["2025-04-02", "2025-05-04"], []),
        ("order/last_purchase_date", "days_within", 20, [1]),  # today is 2025-07-10
        ("order/last_purchase_date", "days_within", "19", []),
        ("order/last_purchase_date", "days_within", 10**9, [1, 2, 7]),
        ("order/last_purchase_date", "days_before", 20, [1, 2, 7]),
        ("order/last_purchase_date", "days_before", 21, [2, 7]),
        ("order/last_purchase_date", "days_before", 10**9, []),
        ("order/order_items", "in", ["11", "12"], [1, 7, 10]),
        ("order/order_items", "in", 15, [2]),
        ("order/order_items", "not_in", [11, 12], but(1, 7, 10)),
        ("order/order_items", "in_all", [11, 12], [1]),
        ("order/order_items", "in_all", [11, 12, 11], [1]),
        ("order/order_items", "not_in_all", [11, 12], but(1)),
        ("order/order_items", "in", [999], []),
        ("labels/labels", "in", [1], [1, 7]),
        ("labels/labels", "in", [2, 3], [1, 2]),
        ("labels/labels", "not_in", [1], but(1, 7)),
        ("labels/labels", "in_all", [1, 3], [1]),
        ("labels/labels", "in_all", [1, 999], []),
        ("labels/labels", "not_in_all", [1, 4], but(7)),
        ("labels/customer_email", "in", ["4"], [7]),
    ],
)
async def test_filter(customers: Ids, property_: str, operator: str, value: Any, found: list[int]) -> None:
    assert await customers(**advanced([(property_, operator, value)])) == found


@pytest.mark.parametrize(
    ("property_", "operator", "value", "found"),
    [
        ("order/status", "in", ["on-hold", "failed"], [104, 105]),
        ("order/status", "not_in", ["completed"], [104, 105, 106, 109, 110]),
        ("order/status", "=", "canceled", [109]),
        ("order/payment_status", "!=", "paid", [102, 103, 104, 105, 106, 110]),
        ("order/total_amount", ">", "79.99", [102, 106]),
        ("order/created_at", "between", ["2025-03-01", "2025-03-05"], [102, 103]),
        ("order/created_at", "days_within", 20, [108, 110]),
        ("order/order_items", "in", [12, 14], [102, 108]),
        ("order/order_items", "not_in", [11, 12, 13], [107, 108, 109, 110]),
        ("order/order_items", "in_all", [12, 14], []),
    ],
)
async def test_filter_of_orders(orders: Ids, property_: str, operator: str, value: Any, found: list[int]) -> None:
    assert await orders(**advanced([(property_, operator, value)])) == found


async def test_groups_are_ored_and_items_anded(customers: Ids) -> None:
    john, rich, es = ("customer/customer_full_name", "like_all", "john"), ("customer/ltv", ">", 1000), (
        "customer/email", "ends_with", ".es",
    )  # fmt: skip
    assert await customers(**advanced([john, rich])) == [7, 10]
    assert await customers(**advanced([john, rich], [es])) == [4, 7, 10]


async def test_days_are_those_of_the_client(customers: Ids) -> None:
    april = ("order/last_purchase_date", "date_equal", "2025-04-02")
    assert await customers(**advanced([april]), user_tz="Europe/Rome") == [2]
    assert await customers(**advanced([april]), user_tz="America/New_York") == []


@pytest.mark.parametrize("nothing", [None, "", "[]", "[[]]", [], [[]]])
async def test_without_filters_everyone_is_found(customers: Ids, nothing: Any) -> None:
    assert await customers(filter_type="advanced", advanced_filters=nothing) == EVERYONE


LTV = ["customer", "ltv"]
NO_AMOUNTS: list[Any] = [None, "", "x", True, [1], {}, "nan", "1e400", 1e30]


@pytest.mark.parametrize(
    "filters",
    [
        "{",
        "5",
        "[5]",
        "[[5]]",
        '[{"source": ["customer", "ltv"], "operator": "=", "value": 1}]',
        "[" * 100_000,
        [[{}]],
        [[{"source": "ltv", "operator": "="}]],
        [[{"source": ["ltv"], "operator": "=", "value": 1}]],
        [[{"source": [1, 2], "operator": "=", "value": 1}]],
        [[{"source": LTV, "operator": None, "value": 1}]],
        [[{"source": ["customer", "notes"], "operator": "=", "value": "x"}]],
        [[{"source": LTV, "operator": "~", "value": 1}]],
        [[{"source": LTV, "operator": "contains", "value": 1}]],
        *([[{"source": LTV, "operator": "=", "value": v}]] for v in NO_AMOUNTS),
        [[{"source": LTV, "operator": "in", "value": []}]],
        [[{"source": LTV, "operator": "in", "value": [1] * 1001}]],
        [[{"source": LTV, "operator": "=", "value": 1}] * 101],
        *(
            [[{"source": ["customer", "email"], "operator": "contains", "value": v}]]
            for v in ("", " ", None, "a\0", "a\nb")
        ),
        [[{"source": ["customer", "email"], "operator": "like_all", "value": "x"}]],
        [[{"source": ["customer", "customer_full_name"], "operator": "in", "value": ["x"]}]],
        [[{"source": ["order", "last_purchase_date"], "operator": "=", "value": "2025-01-01"}]],
        *([[{"source": ["order", "last_purchase_date"], "operator": "before", "value": v}]] for v in ("soon", 5, None)),
        *(
            [[{"source": ["order", "last_purchase_date"], "operator": "days_within", "value": v}]]
            for v in ("a", -1, 1.5)
        ),
        [[{"source": ["order", "last_purchase_date"], "operator": "between", "value": ["2025-01-01"]}]],
        [[{"source": ["order", "order_items"], "operator": "contains", "value": [1]}]],
        [[{"source": ["order", "order_items"], "operator": "in", "value": ["x"]}]],
        [[{"source": ["labels", "labels"], "operator": "in", "value": [1.5]}]],
    ],
)
async def test_refused(customers: Ids, filters: Any) -> None:
    with pytest.raises(BadFilter):
        await customers(filter_type="advanced", advanced_filters=filters)


async def test_the_refusal_names_the_item(customers: Ids) -> None:
    good, bad = ("customer/ltv", ">", 1), ("order/purchase_count", "contains", 1)
    with pytest.raises(BadFilter, match=r"group 2, filter 2 \(order/purchase_count\).*unknown operator contains"):
        await customers(**advanced([good], [good, bad]))
