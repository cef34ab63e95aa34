"""CSV is read strictly: a row goes in as it is written or stays out, named; none takes others with it."""

import pytest

from service.importing.files import ImportFileError
from tests.importing.desk import Desk, line, order, order_file, said

NOT_CLOSED = "A quote is not closed."
ROWS_FOLLOW = "A quote is not closed: whole rows follow before the next one."
WITHIN = "Whole rows stand within its quotes, up to line {}: none goes in."
STRAY = "A quote stands where none may, or is not doubled within quotes."


def orders(*ids: int) -> list[dict[str, str]]:
    return [order(id_, email=f"{id_}@shop.example") for id_ in ids]


def spoilt(id_: int, written: str, instead: str) -> str:
    return line(order(id_, email=f"{id_}@shop.example")).replace(written, instead)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([spoilt(2, "INV-1", '"INV-1'), *orders(*range(3, 203))], NOT_CLOSED),
        ([spoilt(2, "Ann", '"Ann'), *orders(*range(3, 203))], NOT_CLOSED),
        ([spoilt(2, "Ann", '"Ann'), *orders(*range(3, 202)), spoilt(202, "INV-1", 'INV-1"')], ROWS_FOLLOW),
    ],
)
async def test_a_quote_that_is_not_closed_keeps_out_its_own_row_alone(
    desk: Desk, rows: list[dict[str, str] | str], problem: str
) -> None:
    report = await desk.orders(order_file(*orders(1), *rows))
    bad = said(report.bad)
    assert bad[0] == (3, problem)
    assert bad[1:] in ([], [(203, STRAY)])
    assert report.created["orders"] == 202 - len(bad)


@pytest.mark.parametrize(
    "instead",
    ['An"n', 'Ann"', ' "Ann"', '"Ann" ', '"Ann "Annie" B"', '"Ann \\"Annie\\" B"', '"Ann"B', '""Ann""'],
)
async def test_a_quote_at_a_wrong_place_is_named_with_its_line(desk: Desk, instead: str) -> None:
    report = await desk.orders(order_file(*orders(1), spoilt(2, "Ann", instead), *orders(3)))
    assert [number for number, _message in said(report.bad)] == [3]
    assert report.created["orders"] == 2


async def test_quotes_that_are_right_go_in_as_they_are_meant(desk: Desk) -> None:
    text = order_file(order(1, first_name='Ann "Annie" B'), order(2, last_name="Lee, Jr."))
    assert '"Ann ""Annie"" B"' in text
    report = await desk.orders(text)
    assert report.is_complete


async def test_a_note_of_several_lines_in_a_column_that_is_not_read_hurts_nobody(desk: Desk) -> None:
    columns = (*order(), "note")
    rows = [order(1) | {"note": 'call, "before"\nnoon'}, order(2) | {"note": ""}]
    assert (await desk.orders(order_file(*rows, columns=columns))).created["orders"] == 2


async def test_a_row_within_quotes_is_no_order(desk: Desk) -> None:
    columns = (*order(), "note")
    forwarded = line(order(2, email="2@shop.example"))
    rows = [order(1) | {"note": f"see below\n{forwarded},\nthanks"}, order(3) | {"note": ""}]
    report = await desk.orders(order_file(*rows, columns=columns))
    assert said(report.bad) == [(2, WITHIN.format(4))]
    assert report.created["orders"] == 1
    assert await desk.store.pool.fetchval("SELECT id FROM orders") == 3


async def test_rows_that_quotes_have_swallowed_are_named(desk: Desk) -> None:
    """Nobody can tell such a file from one with a row in a note."""
    rows: list[dict[str, str] | str] = [
        spoilt(2, "INV-1", '"INV-1'),
        *orders(3),
        spoilt(4, "INV-1", 'INV-1"'),
        *orders(5),
    ]
    report = await desk.orders(order_file(*orders(1), *rows))
    assert said(report.bad) == [(3, WITHIN.format(5))]
    assert report.created["orders"] == 2


async def test_a_column_that_is_there_twice_is_refused(desk: Desk) -> None:
    columns = (*order(), "total_paid", "rate", "rate")
    with pytest.raises(ImportFileError, match="more than one column is called total_paid, rate"):
        await desk.orders(order_file(*orders(1), columns=columns))


async def test_a_file_that_ends_within_a_row_says_so(desk: Desk) -> None:
    whole = order_file(*orders(1, 2))
    report = await desk.orders(whole[: whole.rindex(",")])
    assert said(report.bad) == [(3, "It has 11 fields instead of 12.")]
    report = await desk.orders(whole.rstrip("\n"))
    assert report.is_complete
    assert [remark.line for remark in report.notes] == [3]
    assert "The file ends within this line" in report.notes[0].message
