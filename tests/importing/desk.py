"""Files handed in for import, and what the store holds before and after."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eventstore.store import By, Store
from service.importing.fluentcart.shop import import_fluentcart
from service.importing.orders_csv.orders import import_orders
from service.importing.orders_csv.rates import NO_RATES, Rates
from service.importing.orders_csv.rows import COLUMNS
from service.importing.report import Remark, Report
from tests.projections.rows import live

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
BY = By(actor="import", at=NOW)
SEED = Path(__file__).parents[1] / "data" / "golden" / "seed.json"
CLAIMS = "SELECT kind, value, originator_id FROM claims ORDER BY kind, value"
SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences ORDER BY sequencename"

ORDER = {
    "order_id": "1", "email": "ann@shop.example", "first_name": "Ann", "last_name": "Archer",
    "created_at": "2025-01-02 03:04:05", "currency": "USD", "total_amount": "1000", "total_paid": "1000",
    "total_refund": "0", "payment_status": "paid", "status": "completed", "invoice_no": "INV-1",
}  # fmt: skip

Tables = dict[str, Any]


class Desk:
    def __init__(self, store: Store, directory: Path) -> None:
        self.store = store
        self.file = directory / "file"

    async def orders(self, content: str | bytes, *, dry_run: bool = False, rates: Rates = NO_RATES) -> Report:
        self.file.write_bytes(content.encode() if isinstance(content, str) else content)
        return await import_orders(self.store, BY, self.file, dry_run=dry_run, rates=rates)

    async def export(self, tables: Tables, *, dry_run: bool = False) -> Report:
        self.file.write_text(json.dumps(tables))
        return await import_fluentcart(self.store, BY, self.file, dry_run=dry_run)


async def everything(store: Store) -> dict[str, Any]:
    """What an import that changes nothing leaves as it was, down to the ids that come next."""
    return {
        "position": await store.log.head(store.pool),
        "rows": await live(store),
        "claims": await store.pool.fetch(CLAIMS),
        "sequences": await store.pool.fetch(SEQUENCES),
    }


def order(order_id: object = 1, **said: object) -> dict[str, str]:
    """A row of a file, as it should be but for what is said."""
    return ORDER | {"order_id": str(order_id)} | {name: str(value) for name, value in said.items()}


def order_file(*rows: dict[str, str] | str, columns: Sequence[str] = COLUMNS) -> str:
    """A header and these rows, which are line 2 and following; a text is a line as it stands."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        if isinstance(row, str):
            lines.write(f"{row}\n")
        else:
            writer.writerow(row.get(name, "") for name in columns)
    return lines.getvalue()


def line(row: dict[str, str]) -> str:
    """A row as it stands in a file."""
    return order_file(row).splitlines()[1]


def packed(content: str) -> bytes:
    return gzip.compress(content.encode(), mtime=0)


def seed() -> Tables:
    tables: Tables = json.loads(SEED.read_text())
    del tables["note"]
    return tables


def said(remarks: Iterable[Remark]) -> list[tuple[int | None, str]]:
    """Lines and messages."""
    return [(remark.line, remark.message) for remark in remarks]
