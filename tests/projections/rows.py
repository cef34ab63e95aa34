"""All rows of the read models: as they stand in the tables, and as the log gives them."""

from typing import Any

from domain.value import Figures, OrderValue, figures
from eventstore.postgres.connection import Connection
from eventstore.store import Store
from projections.models import PROJECTIONS
from projections.models.figures import with_figures

Rows = dict[str, dict[int, Any]]


async def live(store: Store) -> Rows:
    """At one moment."""
    async with store.pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        return await rows_on(connection)


async def rows_on(connection: Connection) -> Rows:
    """Rows of the tables in the connection's search path."""
    return {projection.name: await _table(connection, projection) for projection in PROJECTIONS}


async def _table(connection: Connection, projection: Any) -> dict[int, Any]:
    columns = ", ".join(projection.table.names)
    records = await connection.fetch(f"SELECT {columns} FROM {projection.name} ORDER BY id")
    return {record["id"]: projection.table.row(record) for record in records}


async def strayed(store: Store) -> list[tuple[str, int, str]]:
    """Texts that queries compare, and that are not what the row's own give: table, id and column."""
    found = []
    for projection in PROJECTIONS:
        table = projection.table
        columns = ", ".join(column.name for column in table.stored)
        for record in await store.pool.fetch(f"SELECT {columns} FROM {projection.name}"):
            row = table.row([record[name] for name in table.names])
            found += [(table.name, row.id, it.name) for it in table.derived if record[it.name] != it.value(row)]
    return found


async def folded(store: Store) -> Rows:
    """From the log, one event after another, with nothing of the code that replays."""
    rows: Rows = {projection.name: {} for projection in PROJECTIONS}
    async for page in store.log.pages(store.pool):
        for recorded in page:
            for projection in PROJECTIONS:
                projection.fold(rows[projection.name], [recorded])
    rows = {name: {id_: row for id_, row in sorted(table.items()) if row is not None} for name, table in rows.items()}
    values: dict[int, list[OrderValue]] = {id_: [] for id_ in rows["figures"]}
    for order in rows["orders"].values():
        fields = (getattr(order, name) for name in OrderValue._fields)
        values.setdefault(order.customer_id, []).append(OrderValue(*fields))
    rows["figures"] = {
        id_: with_figures(row, figures(values[id_]) if values[id_] else Figures())
        for id_, row in rows["figures"].items()
    }
    return rows


async def row(store: Store, name: str, id_: int) -> Any:
    """One row, or None."""
    return (await live(store))[name].get(id_)
