"""Serving: the database, the first login, the sample, and then the API until it is told to stop."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import as_file, files

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from api import credentials
from api.cli.output import progress_bar, say
from api.cli.session import database, run
from api.importing.orders import import_orders
from api.settings import Settings
from domain.event import Stream
from eventstore.transact import By, Store
from projections.database import migrate, open_store

SAMPLE = "cdnow_sample_orders.csv.gz"
LAST_OF_SAMPLE = Stream("order", 67933)
BEGAN_WITH = "SELECT correlation_id FROM stored_events ORDER BY notification_id LIMIT 1"


def serve(*, host: str, port: int, workers: int, sample: bool) -> None:
    """Returns when everything has stopped. Raises BadSetting and EmbeddedError."""
    os.environ.setdefault("STORE_URL", f"http://{host}:{port}")
    settings = Settings.from_environment()
    with database(settings) as dsn, _counted_together(workers):
        run(_prepare(dsn, settings, sample=sample))
        os.environ["DATABASE_URL"] = dsn  # the workers' processes read their settings anew
        server = Granian(
            "api.worker:create_worker_app",
            factory=True,
            interface=Interfaces.ASGI,
            address=host,
            port=port,
            workers=workers,
            log_level=LogLevels.warning,
            workers_kill_timeout=10,
        )
        server.on_startup(lambda: _announce(f"http://{host}:{port}"))
        server.serve()


@contextmanager
def _counted_together(workers: int) -> Iterator[None]:
    """Several workers count into files of one directory, from which any of them can tell the metrics of all."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="custodiary-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory  # read when a worker imports what counts
        yield


async def _prepare(dsn: str, settings: Settings, *, sample: bool) -> None:
    await migrate(dsn)
    async with open_store(dsn) as store:
        if sample:
            await _load_sample(store)
        if password := await credentials.bootstrap(store.pool, settings.admin_password):
            say(f"Your login is {credentials.ADMIN}, its application password is {password}")
            say("It is shown this once; `custodiary credentials add` makes others.")


async def _load_sample(store: Store) -> None:
    """Once, into an empty store; a load that was killed is completed."""
    if await store.pool.fetchval(BEGAN_WITH) not in {None, SAMPLE}:
        return
    if await store.log.stream(store.pool, LAST_OF_SAMPLE, until=1):
        return
    by = By(actor="import", at=datetime.now(UTC), correlation_id=SAMPLE)
    with progress_bar("Loading the sample") as progress, as_file(files("api") / "data" / SAMPLE) as path:
        await import_orders(store, by, path, progress=progress)


def _announce(url: str) -> None:
    say(f"Custodiary serves {url}/wp-json/fluent-cart/v2")
    say(f"Its documentation is at {url}/docs")
