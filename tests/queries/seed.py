"""The rows of the recorded store, put into the read models as they stood: its figures are not what its orders give."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from projections.models.addresses import ADDRESSES, AddressRow
from projections.models.customers import CUSTOMERS, CustomerRow
from projections.models.figures import FIGURES, FiguresRow
from projections.models.labels import LABELS, LabelRow
from projections.models.order_rows import ItemRow, OrderRow, TransactionRow
from projections.models.orders import ORDERS
from projections.models.users import USERS, UserRow
from projections.tables.table import Row, Table

GOLDEN = Path(__file__).parent.parent / "data" / "golden"
ABSENT: dict[Any, Any] = {int: 0, str: "", Decimal: Decimal(0), dict[str, int]: {}}


async def load_seed(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    seed = json.loads((GOLDEN / "seed.json").read_text())
    labels = _grouped(seed["label_relationships"], "labelable_id", "Customer")
    items, moved = _grouped(seed["order_items"], "order_id"), _grouped(seed["order_transactions"], "order_id")
    await _save(connection, CUSTOMERS.table, (_customer(row, labels[row["id"]]) for row in seed["customers"]))
    await _save(connection, FIGURES.table, map(_figures, seed["customers"]))
    await _save(connection, ORDERS.table, (_order(row, items[row["id"]], moved[row["id"]]) for row in seed["orders"]))
    await _save(connection, ADDRESSES.table, map(_address, seed["addresses"]))
    await _save(connection, LABELS.table, (_row(LabelRow, row) for row in seed["labels"]))
    await _save(connection, USERS.table, (_row(UserRow, row | {"id": int(row["ID"])}) for row in seed["wp_users"]))


async def _save(connection: asyncpg.pool.PoolConnectionProxy, table: Table[Any], rows: Iterable[Any]) -> None:
    await table.save(connection, {row.id: row for row in rows})


def _customer(row: dict[str, Any], labels: list[dict[str, Any]]) -> CustomerRow:
    return _row(CustomerRow, row | {"labels": tuple(link["label_id"] for link in labels)})


def _figures(row: dict[str, Any]) -> FiguresRow:
    return _row(FiguresRow, row | {"version": 1, "purchase_value": row["purchase_value"] or {}})


def _order(row: dict[str, Any], items: list[dict[str, Any]], transactions: list[dict[str, Any]]) -> OrderRow:
    variations = tuple(sorted({item["object_id"] for item in items}))
    known = {
        "items": [_row(ItemRow, item) for item in items],
        "transactions": [_row(TransactionRow, transaction) for transaction in transactions],
        "variations": variations,
        "rate": 1,
    }
    return _row(OrderRow, known | row)


def _address(row: dict[str, Any]) -> AddressRow:
    company = row["meta"].get("other_data", {}).get("company_name", "") if row["meta"] else ""
    return _row(AddressRow, row | {"company_name": company})


def _row(row_type: type[Row], known: dict[str, Any]) -> Row:
    fields = msgspec.structs.fields(row_type)
    return row_type(**{field.name: _value(field.type, known.get(field.name)) for field in fields})


def _value(wanted: Any, value: Any) -> Any:
    if value is None:
        return ABSENT.get(wanted)
    if wanted is Decimal:
        return Decimal(str(value)).quantize(Decimal("0.01"))
    if wanted is datetime or datetime in getattr(wanted, "__args__", ()):
        return datetime.fromisoformat(value)
    return value


def _grouped(rows: Iterable[dict[str, Any]], key: str, kind: str = "") -> defaultdict[int, list[dict[str, Any]]]:
    groups: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row.get("labelable_type", kind).endswith(kind):
            groups[row[key]].append(row)
    return groups
