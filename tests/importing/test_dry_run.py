"""A dry run says exactly what the import then does, and changes nothing."""

from typing import Any

import pytest

from domain.customer import CUSTOMER, EraseCustomer
from service.importing.report import Report
from tests.eventstore.acts import do, place, register
from tests.importing.desk import Desk, everything, order, order_file, seed

LARGEST = 2**53 - 1

# Whatever can be said of a row, and rows that depend on others before them, in this batch or in an earlier one.
ORDERS = order_file(
    order(1),
    order(2, email="ANN@shop.example"),
    "nonsense",
    order(3, email="bob@shop.example", total_paid=LARGEST),
    order(4, email="ada@shop.example"),
    order(5, email="bob@shop.example", total_paid=5),  # too much together with 3
    order(2, email="ann@shop.example"),
    order(1, total_paid=1),
    order(6, total_paid=1, total_refund=2),
    order(7, email="eve@shop.example", payment_status="payed"),
    order(8, email="eve@shop.example", total_paid=LARGEST),
    order(9, email="eve@shop.example", total_paid=LARGEST, payment_status="pending"),
    order(
        10, email="eve@shop.example", total_paid=1, rate="0.4"
    ),  # though it rounds to nothing, too much in its own currency
    order(11, email="eve@shop.example", total_paid=1, rate="0.5"),
    order(12, email="gone@shop.example"),
)


async def rehearsed(desk: Desk, kind: str, content: Any) -> Report:
    """The report of the import after that of its dry run, which is the same."""
    hand_in = getattr(desk, kind)
    before = await everything(desk.store)
    expected = await hand_in(content, dry_run=True)
    assert await everything(desk.store) == before
    report: Report = await hand_in(content)
    assert report == expected
    return report


@pytest.fixture(params=[1, 2, 3, 1_000])
def batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("orders_csv.orders", "fluentcart.shop"):
        monkeypatch.setattr(f"service.importing.{module}.BATCH", request.param)


async def test_of_orders(desk: Desk, batch: None) -> None:
    ada = await register(desk.store, "Ada@shop.example")
    assert await place(desk.store, ada, LARGEST) == 1
    gone = await register(desk.store, "gone@shop.example")
    await do(desk.store, CUSTOMER, gone, EraseCustomer())
    report = await rehearsed(desk, "orders", ORDERS)
    assert sorted(remark.line or 0 for remark in report.bad) == [4, 6, 7, 11, 14, 15]
    assert [remark.line for remark in report.differences] == [2, 9]
    assert [remark.line for remark in report.notes] == [10]
    assert report.created == {"customers": 4, "orders": 6}


async def test_of_a_shop(desk: Desk, batch: None) -> None:
    report = await rehearsed(desk, "export", seed())
    assert report.created.total() == 71
    assert (await rehearsed(desk, "export", seed())).created.total() == 0
