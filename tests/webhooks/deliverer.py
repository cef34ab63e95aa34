"""A process that delivers: `python -m tests.webhooks.deliverer DSN`."""

import asyncio
import sys

from eventstore.postgres.watch import reachable
from projections.database import store_at
from tests.webhooks.desk import deliveries


async def main(dsn: str) -> None:
    async with reachable(dsn) as servers, store_at(servers) as store, deliveries(store, servers):
        await asyncio.Event().wait()


asyncio.run(main(sys.argv[1]))
