"""Rows of a CSV of orders that can't go in: each is reported with its line and a reason, and the rest goes in."""

from pathlib import Path

import pytest

from service.importing.files import ImportFileError, opened
from service.importing.orders_csv.rows import OrderLine, read_orders
from service.importing.report import Remark
from tests.importing.desk import Desk, everything, line, order, order_file, packed, said

PAYMENT_STATUSES = "pending, authorized, failed, paid, partially_paid, refunded, partially_refunded"
STATUSES = "on-hold, processing, completed, canceled, failed"

UNREADABLE = "The {} field may contain neither control characters nor broken Unicode."
BAD: list[tuple[dict[str, str] | str, str]] = [
    ("2,bob@shop.example", "It has 2 fields instead of 12."),
    (line(order(2)) + ",more", "It has 13 fields instead of 12."),
    (order(""), "The order id field is required."),
    (order("two"), "The order id field must be a whole number."),
    (order(0), "The order id field must be at least 1."),
    (order(2**53), "The order id field may not be greater than 9007199254740991."),
    (order(2, email=""), "The email field is required."),
    (order(2, email="ann at shop"), "The email field must be a valid email address."),
    (order(2, first_name="A" * 256), "The first name field may not be longer than 255 characters."),
    (order(2, last_name="NUL\0"), UNREADABLE.format("last name")),
    (
        order(2, last_name="two\nlines"),
        UNREADABLE.format("last name"),
    ),
    (
        order(2, last_name="\udcff\udcfe"),
        UNREADABLE.format("last name"),
    ),  # no UTF-8
    (
        order(2, email="\udcff@shop.example"),
        UNREADABLE.format("email"),
    ),
    (order(2, created_at=""), "The created at field is required."),
    (order(2, created_at="2025-02-30"), "The created at field must be a date such as 2025-06-20 14:00:00."),
    (order(2, currency="dollars"), "The currency field may not be longer than 3 characters."),
    (order(2, currency="usd"), "The currency field must be three capital letters such as USD."),
    (order(2, total_amount="12.50"), "The total amount field must be a whole number."),
    (order(2, total_amount="-1"), "The total amount field must be at least 0."),
    (order(2, total_paid="-1"), "The total paid field must be at least 0."),
    (order(2, total_refund="-1"), "The total refund field must be at least 0."),
    (order(2, total_paid=2**53), "The total paid field may not be greater than 9007199254740991."),
    (order(2, payment_status="payed"), f"The payment status field must be one of {PAYMENT_STATUSES}."),
    (order(2, status="done"), f"The status field must be one of {STATUSES}."),
    (order(2, status="", total_paid=""), "The total paid field is required. The status field is required."),
]


def read(directory: Path, content: str | bytes) -> list[OrderLine | Remark]:
    file = directory / "orders.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    with opened(file) as source:
        return list(read_orders(source))


@pytest.mark.parametrize(("row", "reason"), BAD)
def test_a_bad_row_is_reported_between_its_neighbours(tmp_path: Path, row: dict[str, str] | str, reason: str) -> None:
    first, bad, last = read(tmp_path, order_file(order(1), row, order(3)))
    assert isinstance(bad, Remark)
    assert (bad.line, bad.message) == (3, reason)
    assert [good.row.order_id for good in (first, last) if isinstance(good, OrderLine)] == [1, 3]


async def test_of_each_kind_of_bad_row_at_once_all_are_reported_and_the_good_ones_go_in(desk: Desk) -> None:
    rows = [row for n, (bad, _reason) in enumerate(BAD) for row in (bad, order(100 + n, email=f"{n}@shop.example"))]
    report = await desk.orders(order_file(*rows).encode("utf-8", "surrogateescape"))
    lines = [number or 0 for number, _reason in said(report.bad)]
    assert lines == sorted(lines)
    assert [reason for _line, reason in said(report.bad)] == [reason for _bad, reason in BAD]
    assert report.created == {"customers": len(BAD), "orders": len(BAD)}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_does(tmp_path: Path, newline: str) -> None:
    text = order_file("", order(1, last_name="two\nlines"), "", "nonsense").replace("\n", newline)
    assert [bad.line for bad in read(tmp_path, text) if isinstance(bad, Remark)] == [3, 6]


def test_a_field_that_never_ends_is_not_csv(tmp_path: Path) -> None:
    unreadable, *_rest = read(tmp_path, order_file('1,"ann' + "n" * 200_000, order(3)))
    assert unreadable == Remark("", "This is not CSV: field larger than field limit (131072).", 2)


async def test_an_archive_without_its_end_gives_what_it_has_and_says_where_it_stops(desk: Desk) -> None:
    rows = [order(number, email=f"{number:x}@shop.example", invoice_no=number * 7919) for number in range(1, 3_000)]
    archive = packed(order_file(*rows))
    report = await desk.orders(archive[: len(archive) // 2])
    ((stop, reason),) = said(report.bad)
    assert stop == report.created["orders"] + 2
    assert "cannot be read from here on" in reason


@pytest.mark.parametrize("place", ["middle", "end"])
async def test_nothing_of_a_damaged_archive_goes_in(desk: Desk, place: str) -> None:
    """Some of its rows would look right."""
    archive = bytearray(packed(order_file(*map(order, range(1, 100)))))
    archive[len(archive) // 2 if place == "middle" else -8] ^= 0xFF
    before = await everything(desk.store)
    with pytest.raises(ImportFileError, match="the archive is damaged"):
        await desk.orders(bytes(archive))
    assert await everything(desk.store) == before


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "it has no column order_id, email, first_name"),
        (line(order()), "it has no column order_id"),
        (order_file(order()).replace(",", ";"), "it has no column order_id"),
        (order_file(order()).replace("total_paid,", "paid,"), "it has no column total_paid$"),
        (order_file(order()).replace("\n", "\0", 1), "no column invoice_no"),
        (b"PK\x03\x04\xff\xff" * 100, "it has no column order_id"),
        ("x" * 200_000, "field larger than field limit"),
    ],
)
def test_a_file_without_the_columns_is_refused_whole(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(ImportFileError, match=f"not a CSV file of orders: .*{problem}"):
        read(tmp_path, content)
