"""The bundled sample, imported into an empty store."""

import time
from datetime import UTC, datetime
from functools import partial
from importlib.resources import as_file, files

from api.cli.actions.serve import SAMPLE
from api.process.tables import migrate
from benchmarks.harness import PER_SECOND, Figures, Found, Row, Scale, measure
from benchmarks.report import Table, number
from benchmarks.server import own_database
from eventstore.store import By
from projections.database import open_store
from service.importing.orders_csv.orders import import_orders

ORDERS = "orders of the sample"


async def imports(server: str, scale: Scale) -> Found:
    return Found(await measure([(Row(ORDERS), partial(_import, server))], scale))


async def _import(server: str, _seconds: float) -> Figures:
    async with own_database(server) as dsn:
        await migrate(dsn)
        async with open_store(dsn) as store:
            with as_file(files("api") / "data" / SAMPLE) as path:
                started = time.perf_counter()
                report = await import_orders(store, By(actor="bench", at=datetime.now(UTC)), path)
                return {PER_SECOND: report.created["orders"] / (time.perf_counter() - started)}


def table(found: Found) -> Table:
    return Table("Import", ("", "a second"), [[ORDERS, number(found.median(PER_SECOND, ORDERS))]])
