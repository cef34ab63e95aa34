"""Import the bundled sample into an embedded store, several times; orders a second, as a median."""

import asyncio
import time
from datetime import UTC, datetime
from importlib.resources import as_file, files
from statistics import median

from api.cli.serve import SAMPLE
from api.importing.orders import import_orders
from benchmarks.server import own_server
from eventstore.transact import By
from projections.database import migrate, open_store

ROUNDS = 5


async def import_sample(dsn: str) -> float:
    """Orders a second."""
    await migrate(dsn)
    async with open_store(dsn) as store:
        with as_file(files("api") / "data" / SAMPLE) as path:
            started = time.perf_counter()
            report = await import_orders(store, By(actor="bench", at=datetime.now(UTC)), path)
            return report.created["orders"] / (time.perf_counter() - started)


def main() -> None:
    rates = []
    for _round in range(ROUNDS):
        with own_server() as dsn:
            rates.append(asyncio.run(import_sample(dsn)))
    print(f"import: {median(rates):,.0f} orders/s, median of {ROUNDS} rounds ({min(rates):,.0f} to {max(rates):,.0f})")


if __name__ == "__main__":
    main()
