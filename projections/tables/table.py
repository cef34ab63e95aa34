"""A read model's table: its columns are the fields of its row type."""

import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

import asyncpg
import msgspec

from eventstore.postgres.connection import Connection, Executor, Session
from eventstore.postgres.json import encode_numbers
from projections.tables.derived import Derived
from projections.tables.view import View

Row = TypeVar("Row", bound=msgspec.Struct)
# By name of the column, times and decimals as texts. JSON is bytes in a record, and what it stands for in a row that is
# not written yet.
Shown: TypeAlias = asyncpg.Record | Mapping[str, Any]

SQL_TYPES: dict[Any, str] = {
    int: "bigint", str: "text", bool: "boolean", Decimal: "numeric", datetime: "timestamp",
    tuple[int, ...]: "bigint[]",
}  # fmt: skip
# New rows from which on COPY is faster than JSON. Arrays never are: asyncpg looks at every element more than once.
WORTH_A_COPY = 100
FIRST_TIME, LAST_TIME = datetime.min, datetime.max  # noqa: DTZ901  # rows hold UTC without a zone
ENDS_OF_TIME = frozenset((FIRST_TIME, LAST_TIME))
NO_ROWS: Mapping[int, Any] = MappingProxyType({})


class Column(msgspec.Struct, frozen=True):
    """A field in SQL, and how its values get in and out. `json` keeps our text as it is, keys in order."""

    name: str
    python_type: Any
    nullable: bool
    collation: str = ""

    @property
    def sql_type(self) -> str:
        return SQL_TYPES.get(self.python_type, "json")

    @property
    def ddl(self) -> str:
        return f"{self.name} {self.sql_type}{self.collation}{'' if self.nullable else ' NOT NULL'}"

    @property
    def as_text(self) -> str:
        """The column in a SELECT list; times and decimals as the text of answers, which nobody has to decode."""
        value = f"trim_scale({self.name})" if self.python_type is Decimal else self.name
        return f"{value}::text AS {self.name}" if self.python_type in (datetime, Decimal) else self.name

    def from_sql(self) -> Callable[[Any], Any] | None:
        if self.sql_type == "json":
            return self._but_null(msgspec.json.Decoder(self.python_type).decode)
        return tuple if self.sql_type == "bigint[]" else None

    def to_sql(self) -> Callable[[Any], Any] | None:
        return self._but_null(encode_numbers) if self.sql_type == "json" else None

    def _but_null(self, convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return (lambda value: None if value is None else convert(value)) if self.nullable else convert


class Table(Generic[Row]):
    """SQL for one row type, whose field `id` is the key. Times are UTC without a zone.

    `columns` are the row type's own, `stored` also those that are derived from them. `computed` declares a column that
    PostgreSQL fills.
    """

    def __init__(
        self, name: str, row_type: type[Row], indexes: Sequence[str] = (), *, derived: Sequence[Derived] = (),
        computed: str = "",
    ) -> None:  # fmt: skip
        self.name = name
        self.row_type = row_type
        self.derived = derived
        hints = get_type_hints(row_type)
        self.columns = [_column(field, hints[field]) for field in row_type.__struct_fields__]
        self.stored = [*self.columns, *(_derived_column(each, hints) for each in derived)]
        names = [column.name for column in self.columns]
        listed = ", ".join(names)
        self.written = written = ", ".join(column.name for column in self.stored)
        typed = ", ".join(f"{column.name} {column.sql_type}" for column in self.stored)
        declared = [*(column.ddl for column in self.stored), *([computed] if computed else [])]
        self.create = f"CREATE TABLE {name} ({', '.join(declared)})"
        self.index = [f"ALTER TABLE {name} ADD PRIMARY KEY (id)", *indexes]
        # The names in this SQL are the row type's own.
        self._select = f"SELECT {listed} FROM {name} WHERE id = ANY($1) ORDER BY id FOR UPDATE"
        self._read = f"SELECT {listed}, xmin::text::bigint AS mark FROM {name} WHERE id = ANY({{ids}})"
        self.shown = ", ".join(column.as_text for column in self.columns)
        self._find = f"SELECT {self.shown} FROM {name} WHERE id = $1"
        self._delete = f"DELETE FROM {name} WHERE id = ANY($1)"
        self._decode = msgspec.json.Decoder(list[row_type]).decode  # type: ignore[valid-type]  # known when it runs
        self._insert = (
            f"INSERT INTO {name} ({written}) SELECT {written} FROM json_to_recordset($1::text::json) AS r ({typed})"
        )
        renewed = ", ".join(f"{column.name} = excluded.{column.name}" for column in self.stored if column.name != "id")
        self._upsert = f"{self._insert} ON CONFLICT (id) DO UPDATE SET {renewed}"
        self.names = names
        times = [column.name for column in self.columns if column.python_type is datetime]
        self._times = attrgetter(*times, times[0]) if times else None  # of one, too, a tuple
        self._in = [(i, to_sql) for i, column in enumerate(self.columns) if (to_sql := column.to_sql())]
        self._out = [(i, from_sql) for i, column in enumerate(self.columns) if (from_sql := column.from_sql())]

    async def find(self, on: Executor, id_: int) -> Shown | None:
        """One row, with times and decimals as texts."""
        if isinstance(on, View) and (row := on.row(self.name, id_)) is not None:
            return texts(row)
        return await on.fetchrow(self._find, id_)

    async def load(self, on: Session, ids: Iterable[int]) -> dict[int, Row]:
        """Rows by id, locked until the transaction ends; in order of id, so that no two writers wait for each other."""
        return {record["id"]: self.row(record) for record in await on.fetch(self._select, sorted(ids))}

    async def save(self, on: Session, rows: Mapping[int, Row | None], loaded: Mapping[int, Row] = NO_ROWS) -> None:
        """Write rows by id; None deletes. Rows that were not loaded are new; unchanged ones are left alone.

        Raises asyncpg.UniqueViolationError when someone else has just made a new row.
        """
        rows = {id_: row for id_, row in rows.items() if row is not loaded.get(id_)}
        new = [row for id_, row in rows.items() if row is not None and id_ not in loaded]
        if len(new) >= WORTH_A_COPY:
            await self.copy(on, new)
            rows = {id_: row for id_, row in rows.items() if id_ in loaded}
        if kept := [row for row in rows.values() if row is not None]:
            await on.execute(self._upsert, self.encode(kept))
        if gone := [id_ for id_, row in rows.items() if row is None]:
            await on.execute(self._delete, gone)

    def reading(self, number: int, *, is_locking: bool) -> str:
        """An expression for the rows of the ids in a parameter, as JSON for `decode`.

        Each has its mark, which changes whenever the row is written (`marks`). Rows are locked in order of id.
        """
        query = self._read.format(ids=f"${number}") + (" ORDER BY id FOR UPDATE" if is_locking else "")
        return f"(SELECT json_agg(r) FROM ({query}) AS r)"

    def inserting(self, number: int) -> str:
        """A statement that makes a parameter's rows, encoded."""
        return f"{self._insert.replace('$1', f'${number}')} RETURNING 1"

    def updating(self, names: Collection[str], number: int) -> str:
        """A statement that sets these columns to the values in a parameter's rows; the next has the rows' ids.

        The ids are there because PostgreSQL, which would join rows alone, reads a table of middling size from end to
        end. Only rows with the marks in the parameter are changed.
        """
        typed = "".join(f", {column.name} {column.sql_type}" for column in self.stored if column.name in names)
        changes = ", ".join(f"{name} = r.{name}" for name in names)
        return (
            f"UPDATE {self.name} AS t SET {changes} FROM {_rows(number, typed)} "
            f"WHERE {_same(number)} AND {_UNCHANGED} RETURNING 1"
        )

    def checking(self, number: int) -> str:
        """A query for those rows that have the marks of a parameter's rows; the next has the rows' ids."""
        return f"SELECT FROM {self.name} AS t, {_rows(number)} WHERE {_same(number)} AND {_UNCHANGED}"

    def deleting(self, number: int) -> str:
        return f"{self._delete.replace('$1', f'${number}')} RETURNING 1"

    def encode(self, rows: Sequence[Row]) -> str:
        if not self.derived:
            return encode_numbers(rows).decode()
        return encode_numbers([self.values(row, self.names, self.derived) for row in rows]).decode()

    def derived_from(self, names: Collection[str]) -> list[Derived]:
        """Derived columns that change when columns of these names do."""
        return [each for each in self.derived if not set(names).isdisjoint(each.sources)]

    def values(self, row: Row, names: Iterable[str], derived: Iterable[Derived]) -> dict[str, Any]:
        """A row's values, by name of the column."""
        return {name: getattr(row, name) for name in names} | {each.name: each.value(row) for each in derived}

    def decode(self, found: bytes) -> list[Row]:
        return self._decode(found)

    def marks(self, found: bytes) -> dict[int, int]:
        return {row.id: row.mark for row in _decode_marks(found)}

    async def copy(self, on: Session, rows: Iterable[Row], schema: str | None = None) -> None:
        """Load new rows, into the table of a schema or the first in the search path."""
        at_ends_of_time: list[Row] = []
        if times := self._times:
            rows = (row for row in rows if _is_in_time(row, times, at_ends_of_time))
        records = map(self.record, rows)
        columns = [column.name for column in self.stored]
        await on.copy_records_to_table(self.name, records=records, columns=columns, schema_name=schema)
        if at_ends_of_time:
            there = f"{schema}.{self.name}" if schema else self.name
            insert = self._insert.replace(self.name, there, 1)
            await on.execute(insert, self.encode(at_ends_of_time))

    def row(self, record: Any) -> Row:
        """A record of all columns, as a row."""
        values = list(record)
        for i, from_sql in self._out:
            values[i] = from_sql(values[i])
        return self.row_type(*values)

    def record(self, row: Row) -> list[Any]:
        """A row, as values for asyncpg."""
        values = list(msgspec.structs.astuple(row))
        for i, to_sql in self._in:
            values[i] = to_sql(values[i])
        values += [each.value(row) for each in self.derived]
        return values


def _is_in_time(row: Row, times: Callable[[Row], Iterable[datetime | None]], others: list[Row]) -> bool:
    """COPY by asyncpg would make an end of time infinity, which is another value: these rows go in as JSON."""
    if ENDS_OF_TIME.isdisjoint(times(row)):
        return True
    others.append(row)
    return False


class _Marked(msgspec.Struct, gc=False):
    id: int
    mark: int


_UNCHANGED = "t.xmin = r.mark"
_decode_marks = msgspec.json.Decoder(list[_Marked]).decode


def texts(row: msgspec.Struct) -> dict[str, Any]:
    """A row that is not written yet, as `as_text` gives it."""
    return {name: _text(value) for name, value in msgspec.structs.asdict(row).items()}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value) if isinstance(value, datetime) else value


def _rows(number: int, columns: str = "") -> str:
    return f"json_to_recordset(${number}::text::json) AS r (id bigint, mark xid{columns})"


def _same(number: int) -> str:
    return f"t.id = r.id AND t.id = ANY(${number + 1})"


def _column(name: str, hint: Any) -> Column:
    if get_origin(hint) in {Union, types.UnionType}:
        first, second = get_args(hint)
        assert second is type(None)
        return Column(name, first, nullable=True)
    return Column(name, hint, nullable=False)


def _derived_column(derived: Derived, hints: Mapping[str, Any]) -> Column:
    nullable = any(_column(name, hints[name]).nullable for name in derived.sources)
    return Column(derived.name, str, nullable, collation=' COLLATE "C"')


def code_key(name: str) -> str:
    """SQL: what an ASCII code is compared by. PostgreSQL uses the index only for the index's own expression."""
    return f'(lower({name} COLLATE "C"))'


async def prepare(connection: Connection) -> None:
    """What every connection needs: JSON as bytes, in and out, COPY included."""
    await connection.set_type_codec("json", schema="pg_catalog", encoder=bytes, decoder=bytes, format="binary")
