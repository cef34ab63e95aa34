"""Cursors: where a page ended, as opaque text, and how the next one starts there without counting."""

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec

from eventstore.postgres import json
from projections.queries.language.columns import MAX_INTEGER, SQL_TYPES, Column, Kind
from projections.queries.language.refusals import BadCursor
from projections.queries.language.sql import Args, storable

_MAX_LENGTH = 4096
_MAX_DIGITS = 30


class Sort(NamedTuple):
    """Nulls come first ascending, last descending; ties break by id in the same direction."""

    column: Column
    descending: bool

    @property
    def order(self) -> str:
        direction, nulls = ("DESC", "LAST") if self.descending else ("ASC", "FIRST")
        by_id = f"{self.column.id} {direction}"
        return by_id if self.column.name == "id" else f"{self.column.key} {direction} NULLS {nulls}, {by_id}"


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    sort_by: str
    descending: bool
    value: str | None
    id: int


def encode(sort: Sort, value: Any, id_: int) -> str:
    text = None if value is None else str(value)
    cursor = json.encode(_Cursor(sort.column.name, sort.descending, text, id_))
    return base64.urlsafe_b64encode(cursor).decode().rstrip("=")


def after(text: str, sort: Sort, args: Args) -> list[str]:
    """Conditions for the rows behind a cursor, one or two to be united: nulls have no place in a row comparison.

    Raises BadCursor.
    """
    cursor = _decoded(text, sort)
    than, id_, own = "<" if sort.descending else ">", args.bind(cursor.id, "bigint"), sort.column.id
    if sort.column.name == "id":
        return [f"{own} {than} {id_}"]
    key = sort.column.key
    if cursor.value is None:
        same = f"{key} IS NULL AND {own} {than} {id_}"
        return [same] if sort.descending else [same, f"{key} IS NOT NULL"]
    value = args.bind(_value(cursor.value, sort.column.kind), SQL_TYPES[sort.column.kind])
    further = f"({key}, {own}) {than} ({value}, {id_})"
    return [further, f"{key} IS NULL"] if sort.descending and sort.column.nullable else [further]


def _decoded(text: str, sort: Sort) -> _Cursor:
    try:
        raw = base64.b64decode(text[:_MAX_LENGTH] + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=_Cursor)
    except (ValueError, msgspec.DecodeError) as error:
        raise BadCursor from error
    if (cursor.sort_by, cursor.descending) != (sort.column.name, sort.descending) or abs(cursor.id) > MAX_INTEGER:
        raise BadCursor
    return cursor


def _value(text: str, kind: Kind) -> Any:
    """Accepts only what we write ourselves: a cursor that was made elsewhere could hold what no column can."""
    try:
        value = _READ[kind](text)
    except (ValueError, InvalidOperation) as error:
        raise BadCursor from error
    if str(value) != text or not _FITS[kind](value):
        raise BadCursor
    return value


_READ: Mapping[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: Decimal,
    Kind.TEXT: str,
    Kind.CODE: str,
    Kind.MOMENT: datetime.fromisoformat,
}
_FITS: Mapping[Kind, Callable[[Any], bool]] = {
    Kind.INTEGER: lambda value: abs(value) <= MAX_INTEGER,
    Kind.NUMBER: lambda value: value.is_finite() and abs(value.adjusted()) < _MAX_DIGITS,
    Kind.TEXT: storable,
    Kind.CODE: storable,
    Kind.MOMENT: lambda value: value.tzinfo is None,
}
