"""Orders from a CSV file: the rows, read and checked one by one."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from domain.terms import ORDER_STATUSES, Terms
from domain.value import PAYMENT_STATUSES
from service.fields import convert
from service.fields.reader import Fields, UnfitFields
from service.importing.fields import random_uuids, reasons
from service.importing.files import UNREADABLE, ImportFileError, Source
from service.importing.orders_csv.lines import Lines
from service.importing.report import Remark

COLUMNS = (
    "order_id", "email", "first_name", "last_name", "created_at", "currency", "total_amount", "total_paid",
    "total_refund", "payment_status", "status", "invoice_no",
)  # fmt: skip
TOLD = (
    "created_at",
    "currency",
    "total_amount",
    "total_paid",
    "total_refund",
    "payment_status",
    "status",
    "invoice_no",
    "rate",
)
UUIDS = random_uuids()


class OrderLine(msgspec.Struct, frozen=True):
    """`terms` lack the customer, who is known by email here. `ends`: its line has an end, so it was not cut off."""

    line: int
    order_id: int
    email: str
    first_name: str
    last_name: str
    terms: Terms
    ends: bool

    def remark(self, message: str) -> Remark:
        return Remark(f"order {self.order_id}", message, self.line)


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
        return _order(line, Fields(dict(zip(header, values, strict=True))), ends=ends)
    except UnfitFields as error:
        return Remark("", reasons(error), line)


def _order(line: int, fields: Fields, *, ends: bool) -> OrderLine:
    optional = fields.optional(absent="", empty="")
    email = _email(fields)
    terms = Terms(
        customer_id=0,
        uuid=next(UUIDS),
        currency=fields.required.currency("currency"),
        created_at=_moment(fields, "created_at"),
        total_amount=fields.required.cents("total_amount"),
        total_paid=fields.required.cents("total_paid"),
        total_refund=fields.required.cents("total_refund"),
        payment_status=fields.required.choice("payment_status", PAYMENT_STATUSES),
        status=fields.required.choice("status", ORDER_STATUSES),
        invoice_no=optional.text("invoice_no"),
        rate=fields.optional(absent=None, empty=None).rate("rate"),
    )
    order_id = fields.required.id("order_id")
    first_name, last_name = optional.text("first_name"), optional.text("last_name")
    fields.check()
    return OrderLine(line, order_id, email, first_name, last_name, terms, ends)


# A file names the same customers and the same days over and over.
@lru_cache(maxsize=100_000)
def _known_email(email: str) -> str:
    return convert.email(email)


@lru_cache(maxsize=10_000)
def _known_moment(moment: str) -> datetime:
    return convert.moment(moment)


def _email(fields: Fields) -> str:
    try:
        return _known_email(fields.values["email"])
    except convert.Unfit:
        return fields.required.email("email")


def _moment(fields: Fields, name: str) -> datetime:
    try:
        return _known_moment(fields.values[name])
    except convert.Unfit:
        return fields.required.moment(name)
