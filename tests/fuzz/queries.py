"""A query or body of any bytes, through the parser and the filters, to the SQL: `python -m tests.fuzz.queries CORPUS`.

Whatever comes in is refused by name, or becomes SQL that has no word of it, with values that PostgreSQL can take.
"""

import contextlib
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal

import atheris

with atheris.instrument_imports(include=["api", "domain", "projections", "service"]):
    from api.handling.listing import CustomersWanted, StoreOrdersWanted
    from api.http.refusals import HttpRefusal
    from api.http.request import parse_body, parse_form
    from projections.queries import relations
    from projections.queries.customers import LISTING as CUSTOMERS
    from projections.queries.language.refusals import QueryRefused
    from projections.queries.language.sql import Statement
    from projections.queries.orders import LISTING as ORDERS
    from service.fields.reader import Fields, UnfitFields

from tests.queries.test_any_text import TOKEN, ours, statements

OURS = ours()

NOW = datetime(2026, 1, 2, tzinfo=UTC)
CONTENT_TYPES = ("", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")
LISTS = (
    (CUSTOMERS, relations.OF_CUSTOMER, CustomersWanted),
    (ORDERS._replace(only=("customer_id", 1)), relations.OF_ORDER, StoreOrdersWanted),
)
INT64 = 2**63
SECONDS = 4  # of processor time, for any input; most take less than a thousandth of that


def one_input(data: bytes) -> None:
    """The first byte says what the rest is."""
    if data:
        began = time.process_time()
        _read(data[0], data[1:])
        assert time.process_time() - began < SECONDS, "it takes too long"


def _read(kind: int, rest: bytes) -> None:
    with contextlib.suppress(HttpRefusal, QueryRefused, UnfitFields):
        sent = parse_form(rest) if kind % 2 else parse_body(rest, CONTENT_TYPES[kind // 2 % 4])
        listing, related, type_ = LISTS[kind // 8 % 2]
        wanted = type_.checked(Fields(sent))
        assert set(wanted.with_) <= related, wanted
        asked = wanted.query
        for statement in statements(listing, asked):
            is_ours(statement)


def is_ours(statement: Statement) -> None:
    tokens = set(TOKEN.findall(statement.sql))
    placeholders = {token for token in tokens if token.startswith("$")}
    assert tokens - placeholders <= OURS, tokens - placeholders - OURS
    assert placeholders == {f"${number}" for number in range(1, len(statement.args) + 1)}, statement
    for value in statement.args:
        assert _can_be_sent(value), value


def _can_be_sent(value: object) -> bool:
    match value:
        case bool() | datetime():
            return True
        case int():
            return -INT64 <= value < INT64
        case str():
            return "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
        case Decimal():
            return value.is_finite() and abs(value.adjusted()) < 1_000
        case list():
            return all(map(_can_be_sent, value))
        case _:
            return False


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
