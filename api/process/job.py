"""A process of its own for a replay, a verification, or the delivery of webhooks.

`replay [ID]`, `verify ID` or `deliver` are its arguments.
"""

import asyncio
import os
import signal
import sys

import uvloop

from api.process import logs
from api.process.garbage import collect_seldom
from api.process.settings import Settings
from eventstore.postgres.watch import reachable
from projections.database import open_store, store_at
from service import replays, verifications
from service.webhooks.delivery.engine import DeliverySettings, delivering

POLITENESS = 10  # of the process: answering requests goes first


async def _deliver(dsn: str) -> None:
    """Until it is told to end."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    settings = Settings.from_environment()
    chosen = DeliverySettings(
        store_url=settings.store_url, allowed=settings.webhook_allow, patience=settings.webhook_patience
    )
    async with reachable(dsn) as servers, store_at(servers) as store, delivering(store, servers, chosen):
        await told.wait()


async def _main(dsn: str, kind: str, id_: int | None) -> None:
    if kind == "deliver":
        await _deliver(dsn)
        return
    async with open_store(dsn) as store:
        if kind == "replay":
            await replays.run(store, id_)
        elif id_ is not None:
            await verifications.run(store, id_)


if __name__ == "__main__":
    logs.configure()
    os.nice(POLITENESS)
    collect_seldom()
    uvloop.run(_main(os.environ["DATABASE_URL"], sys.argv[1], int(sys.argv[2]) if sys.argv[2:] else None))
