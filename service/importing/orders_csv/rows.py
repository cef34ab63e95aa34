"""Orders from a CSV file: the rows, read and checked one by one."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

from domain.terms import OrderStatus, Terms
from domain.value import PaymentStatus
from service.fields import convert
from service.fields.choices import ORDER_STATUS, PAYMENT_STATUS
from service.fields.input import Input
from service.fields.kinds import Cents, Email, Id, Moment, OneOf, Rate, Text
from service.fields.reader import Fields, UnfitFields
from service.importing.fields import CurrencyCode, reasons
from service.importing.files import UNREADABLE, ImportFileError, Source
from service.importing.orders_csv.lines import Lines
from service.importing.report import Remark


# A file names the same customers and the same days over and over.
@dataclass(frozen=True)
class KnownEmail(Email):
    read = staticmethod(lru_cache(maxsize=100_000)(convert.email))


@dataclass(frozen=True)
class KnownMoment(Moment):
    read = staticmethod(lru_cache(maxsize=10_000)(convert.moment))


class OrderColumns(Input, kw_only=True):
    order_id: Annotated[int, Id()]
    email: Annotated[str, KnownEmail()]
    first_name: Annotated[str, Text()] = ""
    last_name: Annotated[str, Text()] = ""
    created_at: Annotated[datetime, KnownMoment()]
    currency: Annotated[str, CurrencyCode()]
    total_amount: Annotated[int, Cents()]
    total_paid: Annotated[int, Cents()]
    total_refund: Annotated[int, Cents()]
    payment_status: Annotated[PaymentStatus, OneOf(PAYMENT_STATUS)]
    status: Annotated[OrderStatus, OneOf(ORDER_STATUS)]
    invoice_no: Annotated[str, Text()] = ""
    rate: Annotated[Decimal | None, Rate()] = None


COLUMNS = [name for name in OrderColumns.__struct_fields__ if name != "rate"]
OF_TERMS = [name for name in OrderColumns.__struct_fields__ if name in Terms.__struct_fields__]


class OrderLine(NamedTuple):
    """`ends`: its line has an end, so it was not cut off."""

    line: int
    row: OrderColumns
    ends: bool

    def remark(self, message: str) -> Remark:
        return Remark(f"order {self.row.order_id}", message, self.line)


def read_orders(source: Source) -> Iterator[OrderLine | Remark]:
    """Every row of the file, from its beginning, or what is wrong with it.

    Raises ImportFileError for a file without the columns, or with one of them twice.
    """
    source.text.seek(0)
    lines = Lines(source.text)
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except UNREADABLE as error:
        raise ImportFileError(f"not a CSV file of orders: {error}") from error
    if missing := [name for name in COLUMNS if name not in header]:
        raise ImportFileError(f"not a CSV file of orders: it has no column {', '.join(missing)}")
    if twice := [name for name, count in Counter(filter(None, header)).items() if count > 1]:
        raise ImportFileError(f"not a CSV file of orders: more than one column is called {', '.join(twice)}")
    yield from _rows(lines, reader, header)


def _rows(lines: Lines, reader: Any, header: list[str]) -> Iterator[OrderLine | Remark]:
    while True:
        line = lines.begin_record()
        problem, values = None, None
        try:
            values = next(reader, None)
        except csv.Error as error:
            problem = "A quote is not closed." if lines.are_at_an_end else f"This is not CSV: {error}."
        except UNREADABLE as error:
            yield Remark("", f"The file cannot be read from here on: {error}.", line)
            return
        if problem is None and values is None:
            return
        if not lines.are_well_quoted:
            problem = problem or "A quote stands where none may, or is not doubled within quotes."
        elif values and lines.hold_rows(len(header)):
            if len(values) == len(header):  # it may be what it says: whoever wrote a note does not place orders by it
                yield Remark("", f"Whole rows stand within its quotes, up to line {lines.number}: none goes in.", line)
                continue
            problem = "A quote is not closed: whole rows follow before the next one."
        if problem:
            lines.give_back_what_may_be_rows(len(header))
            yield Remark("", problem, line)
        elif values:
            yield _row(line, header, values, ends=lines.are_ended)


def _row(line: int, header: list[str], values: list[str], *, ends: bool) -> OrderLine | Remark:
    if len(values) != len(header):
        return Remark("", f"It has {len(values)} fields instead of {len(header)}.", line)
    try:
        row = OrderColumns.checked(Fields(dict(zip(header, values, strict=True))))
    except UnfitFields as error:
        return Remark("", reasons(error), line)
    return OrderLine(line, row, ends)
