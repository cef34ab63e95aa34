"""A FluentCart export: its tables, and where its rows belong."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from msgspec import DecodeError, json

from service.fields.input import Input
from service.fields.reader import Fields, UnfitFields
from service.importing.fields import reasons
from service.importing.files import ImportFileError, Source
from service.importing.report import Remark, Report

T = TypeVar("T", bound=Input)
R = TypeVar("R")

TABLES = (
    "wp_users", "labels", "customers", "addresses", "label_relationships", "orders", "order_items",
    "order_transactions", "order_addresses",
)  # fmt: skip
OTHER_NAMES = {"users": "wp_users", "customer_addresses": "addresses", "label_relationship": "label_relationships"}


class Export:
    """The rows of a table, each with where it stands; what can't be used is put into the report."""

    def __init__(self, source: Source, report: Report) -> None:
        """Raises ImportFileError."""
        try:
            tables = json.decode(source.text.read())
        except (DecodeError, OSError, EOFError, ValueError, RecursionError) as error:
            raise ImportFileError(f"not a JSON file: {error}") from error
        if not isinstance(tables, dict):
            raise ImportFileError("not a FluentCart export: it is no JSON object of tables")
        self.report = report
        named = {OTHER_NAMES.get(str(name), str(name)): rows for name, rows in tables.items() if isinstance(rows, list)}
        if not named.keys() & set(TABLES):
            raise ImportFileError(f"not a FluentCart export: it has none of the tables {', '.join(TABLES)}")
        for name, rows in named.items():
            if name not in TABLES and rows:
                self.note(name, f"The table is left out, with {len(rows)} rows.")
        self._rows = {name: list(self._objects(name, named.get(name, []))) for name in TABLES}

    def _objects(self, table: str, rows: list[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
        for number, row in enumerate(rows, 1):
            if isinstance(row, dict):
                yield _called(table, number, row), _in_our_words(row)
            else:
                self.refuse(f"{table} row {number}", "It is no JSON object.")

    def count(self) -> int:
        return sum(len(rows) for rows in self._rows.values())

    def rows(self, table: str) -> list[tuple[str, dict[str, Any]]]:
        """Every row that is an object, with what to call it."""
        return self._rows[table]

    def read(self, table: str, type_: type[T]) -> Iterator[tuple[str, T]]:
        """Every row that is as it should be, with what to call it."""
        for called, row in self.rows(table):
            if (made := self.read_one(called, row, type_)) is not None:
                yield called, made

    def read_one(self, called: str, row: dict[str, Any], type_: type[T]) -> T | None:
        try:
            return type_.checked(Fields(row))
        except UnfitFields as error:
            self.refuse(called, reasons(error))
            return None

    def note(self, called: str, message: str) -> None:
        self.report.notes.append(Remark(called, message))

    def refuse(self, called: str, problem: str) -> None:
        self.report.bad.append(Remark(called, problem))


def _called(table: str, number: int, row: dict[str, Any]) -> str:
    id_ = row.get("id", row.get("ID"))
    return f"{table} row {number}" + (f" (id {id_})" if isinstance(id_, int | str) else "")


def _in_our_words(row: dict[str, Any]) -> dict[str, Any]:
    """A user's ID is an id, and MySQL's 0000-00-00 no date."""
    zero = [name for name, value in row.items() if isinstance(value, str) and value.startswith("0000-00-00")]
    return {"id": row.get("ID"), **row, **dict.fromkeys(zero)}


def by(rows: Iterable[tuple[int, R]]) -> dict[int, list[R]]:
    """Grouped by their first."""
    groups: dict[int, list[R]] = {}
    for key, row in rows:
        groups.setdefault(key, []).append(row)
    return groups
