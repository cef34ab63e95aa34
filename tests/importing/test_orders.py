"""A CSV of orders, in a real store: each order once, whosoever it is, as it happened."""

import os
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from domain.customer import CUSTOMER, EraseCustomer
from domain.order import ORDER, DeleteOrder, RecordPayment
from eventstore.store import Store
from service.importing.orders_csv.orders import import_orders
from service.importing.orders_csv.rows import COLUMNS
from tests.eventstore.acts import do, place, register
from tests.importing.desk import BY, Desk, everything, order, order_file, packed, said, seed
from tests.projections.rows import folded, live

REFUND = order(2, total_paid=500, total_refund=700, payment_status="partially_refunded")
LARGEST = 2**53 - 1


async def customers(store: Store) -> dict[int, Any]:
    return (await live(store))["customers"]


async def test_spellings_of_an_email_that_differ_in_case_are_one_customer_who_keeps_the_first(desk: Desk) -> None:
    spellings = ["Ann@Shop.example", "ann@shop.example", "ANN@SHOP.EXAMPLE"]
    report = await desk.orders(order_file(*(order(n, email=email) for n, email in enumerate(spellings, 1))))
    assert report.created == {"customers": 1, "orders": 3}
    rows = await live(desk.store)
    assert [row.email for row in rows["customers"].values()] == ["Ann@Shop.example"]
    assert [(row.purchase_count, row.ltv) for row in rows["figures"].values()] == [(3, 3_000)]


async def test_orders_go_to_the_customer_who_has_the_email_already(desk: Desk) -> None:
    id_ = await register(desk.store, "Ann@shop.example")
    report = await desk.orders(order_file(order(1), order(2, email="bob@shop.example")))
    assert report.created == {"customers": 1, "orders": 2}
    rows = await live(desk.store)
    assert rows["orders"][1].customer_id == id_
    assert rows["customers"][id_].first_name == "Ada"
    assert rows["customers"][rows["orders"][2].customer_id].email == "bob@shop.example"


async def test_an_order_that_stands_twice_in_a_file_goes_in_once(desk: Desk) -> None:
    report = await desk.orders(order_file(order(1), order(1), order(2)))
    assert (report.created["orders"], report.already_imported["orders"]) == (2, 1)
    assert report.is_complete


async def test_an_order_that_stands_twice_with_other_facts_is_reported_and_the_first_stands(desk: Desk) -> None:
    report = await desk.orders(order_file(order(1), order(1, total_paid=999, status="processing")))
    total, status = "total_paid is 1000 here, 999 in the file", "status is completed here, processing in the file"
    difference = f"It is here already, with other facts: {total}; {status}."
    assert said(report.differences) == [(3, difference)]
    assert not report.is_complete
    assert (await live(desk.store))["orders"][1].total_paid == 1_000


async def test_an_order_of_the_store_that_has_the_id_is_left_alone_and_named(desk: Desk) -> None:
    ada = await register(desk.store, "ada@shop.example")
    order_id = await place(desk.store, ada, 250)
    before = await everything(desk.store)
    report = await desk.orders(order_file(order(order_id, email="ada@shop.example")))
    ((number, difference),) = said(report.differences)
    assert number == 2
    assert "total_paid is 250 here, 1000 in the file" in difference
    assert await everything(desk.store) == before


async def test_of_an_order_that_is_here_only_what_the_file_tells_is_compared(desk: Desk) -> None:
    await desk.export(seed())
    told = next(row for row in seed()["orders"] if row["id"] == 101)
    known = order(101, email="john.doe@example.com", **{name: told[name] for name in COLUMNS if name in told})
    report = await desk.orders(order_file(known))
    assert (report.already_imported, report.differences) == ({"orders": 1}, [])


async def test_an_order_that_is_another_customer_s_here_is_a_difference(desk: Desk) -> None:
    await desk.orders(order_file(order(1), order(2, email="bob@shop.example")))
    report = await desk.orders(order_file(order(1, email="bob@shop.example")))
    assert said(report.differences) == [(2, "It is here already, with other facts: it is another customer's here.")]


async def test_a_refund_beyond_the_payment_is_recorded_as_given_said_and_counts_nothing(desk: Desk) -> None:
    report = await desk.orders(order_file(order(1, total_paid=300), REFUND))
    assert said(report.notes) == [(3, "Refunded 700 of 500 paid: recorded as given, its net counts 0.")]
    assert report.is_complete
    rows = await live(desk.store)
    recorded = rows["orders"][2]
    assert (recorded.total_paid, recorded.total_refund, recorded.payment_status) == (500, 700, "partially_refunded")
    (figures,) = rows["figures"].values()
    assert (figures.ltv, figures.purchase_count, figures.aov) == (300, 2, 150)


async def test_events_happened_when_the_orders_did_and_are_recorded_now(desk: Desk) -> None:
    await desk.orders(
        order_file(order(1, created_at="1997-01-02 03:04:05"), order(2, created_at="2025-06-07T08:00+02:00"))
    )
    events = await desk.store.log.page(desk.store.pool, 0)
    then, later = datetime(1997, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2025, 6, 7, 6, tzinfo=UTC)
    assert [(event.stream.category, event.occurred_at) for event in events] == [
        ("customer", then), ("order", then), ("order", later),
    ]  # fmt: skip
    for event in events:
        assert event.recorded_at
        assert (datetime.now(UTC) - event.recorded_at).total_seconds() < 600
        assert event.actor == "import"


async def test_columns_may_stand_in_any_order_with_others_between_them(desk: Desk) -> None:
    columns = ["rate", "shoe_size", *sorted(order())]
    report = await desk.orders("\ufeff" + order_file(order(1, rate="0.5", shoe_size="43"), columns=columns))
    assert report.is_complete
    rows = await live(desk.store)
    assert [row.first_name for row in rows["customers"].values()] == ["Ann"]
    assert [row.ltv for row in rows["figures"].values()] == [500]


async def test_names_and_invoices_may_be_missing(desk: Desk) -> None:
    report = await desk.orders(order_file(order(1, first_name="", last_name="", invoice_no="")))
    assert report.is_complete
    (nameless,) = (await customers(desk.store)).values()
    assert (nameless.email, nameless.first_name, nameless.last_name) == ("ann@shop.example", "", "")


async def test_a_pipe_can_be_imported_packed_or_not(desk: Desk, tmp_path: Path) -> None:
    for number, content in enumerate([order_file(order(1)).encode(), packed(order_file(order(2)))], 1):
        pipe = tmp_path / f"pipe{number}"
        os.mkfifo(pipe)
        writer = Thread(target=pipe.write_bytes, args=[content])
        writer.start()
        report = await import_orders(desk.store, BY, pipe)
        writer.join()
        assert report.created["orders"] == 1


async def test_importing_again_changes_nothing(desk: Desk) -> None:
    file = order_file(order(1), REFUND, order(3, email="bob@shop.example"), order(3, email="bob@shop.example"))
    await desk.orders(file)
    before = await everything(desk.store)
    report = await desk.orders(file)
    assert (report.created, report.already_imported, report.notes) == ({}, {"orders": 4}, [])
    assert await everything(desk.store) == before


async def test_importing_again_undoes_nothing_of_what_happened_since(desk: Desk) -> None:
    file = order_file(order(1), order(2, total_paid=100), order(3, email="bob@shop.example"))
    await desk.orders(file)
    bob = (await live(desk.store))["orders"][3].customer_id
    await do(desk.store, ORDER, 1, DeleteOrder())
    await do(desk.store, ORDER, 2, RecordPayment(amount=50, transaction_id="t"))
    await do(desk.store, CUSTOMER, bob, EraseCustomer(orders=(3,)))
    before = await everything(desk.store)
    report = await desk.orders(file)
    assert (report.created, report.already_imported, report.differences) == ({}, {"orders": 3}, [])
    assert await everything(desk.store) == before


async def test_ids_given_later_come_after_those_of_the_file(desk: Desk) -> None:
    await desk.orders(order_file(order(70), order(5)))
    (ann,) = await customers(desk.store)
    assert await register(desk.store, "bob@shop.example") == ann + 1
    assert await place(desk.store, ann) == 71


async def test_an_order_with_the_largest_id_leaves_room_for_others(desk: Desk) -> None:
    await desk.orders(order_file(order(LARGEST), order(1)))
    (ann,) = await customers(desk.store)
    assert await place(desk.store, ann) == 2


async def test_an_amount_that_its_customer_s_figures_cannot_hold_stays_out_alone(desk: Desk) -> None:
    rows = [
        order(1, total_paid=LARGEST),
        order(2, total_paid=1),
        order(3, email="bob@shop.example", total_paid=LARGEST),
    ]
    report = await desk.orders(order_file(*rows))
    assert said(report.bad) == [(3, f"The figures of its customer would be beyond {LARGEST}.")]
    assert report.created == {"customers": 2, "orders": 2}


async def test_batches_are_no_borders(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.importing.orders_csv.orders.BATCH", 2)
    rows = [order(number, email=f"{number % 3}@Shop.example") for number in (1, 2, 3, 4, 5, 6, 7, 1)]
    report = await desk.orders(order_file("nonsense", *rows[:4], "nonsense", *rows[4:]))
    assert [number for number, _reason in said(report.bad)] == [2, 7]
    assert (report.created, report.already_imported) == ({"customers": 3, "orders": 7}, {"orders": 1})
    assert await live(desk.store) == await folded(desk.store)
