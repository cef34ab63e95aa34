"""Serving: the database, the first login, the sample, and then the API until it is stopped."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from importlib.resources import as_file, files
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.common import AbstractServer

from api.access.sessions import Sessions
from api.cli.actions.listening import ListeningAddress, address_of
from api.cli.terminal.naming import directory_of
from api.cli.terminal.output import progress_bar, say
from api.cli.terminal.session import database, run
from api.cli.terminal.typed import typed
from api.edge.limits import MAX_HEADER_BYTES, MAX_URL_BYTES
from api.http.paths import BASE, CONSOLE, WELCOME
from api.process.logs import LOGGING
from api.process.settings import Settings
from api.process.tables import migrate
from domain.event import Stream
from eventstore.chain.signing import SigningKey
from eventstore.embedded.server import looked_after
from eventstore.store import By, Store
from projections.database import open_store
from service.credentials import passwords as credentials
from service.importing.orders_csv.orders import import_orders
from service.sample import acts, story

SAMPLE = "cdnow_sample_orders.csv.gz"
LAST_OF_SAMPLE = Stream("order", 67933)
BEGAN_WITH = "SELECT correlation_id FROM stored_events ORDER BY notification_id LIMIT 1"
ENDS_WITH = "SELECT correlation_id FROM stored_events ORDER BY notification_id DESC LIMIT 1"


def serve(*, host: str, port: int, workers: int, sample: bool) -> None:
    """Returns when everything has stopped. Raises BadSetting and EmbeddedError."""
    address = address_of(host, port)
    if not os.environ.get("STORE_URL", "").strip():  # an empty variable is one that is not set
        os.environ["STORE_URL"] = address.url
    settings = Settings.from_environment()
    with database(settings) as dsn, _looked_after(settings), _counted_together(workers):
        link = run(_prepare(dsn, settings, sample=sample))
        os.environ["DATABASE_URL"] = dsn  # the workers' processes read their settings anew
        _server(address, workers, settings.client_seconds, link if address.is_loopback else None).serve()


def _server(address: ListeningAddress, workers: int, client_seconds: float, link: str | None) -> AbstractServer[Any]:
    # Imported here already: workers are forks, and need not take that second once more. Not before: what counts looks
    # at its import where to.
    from api.worker import create_worker_app  # noqa: PLC0415

    server = Granian(
        f"{create_worker_app.__module__}:{create_worker_app.__name__}",
        factory=True,
        interface=Interfaces.ASGI,
        address=address.ip,
        port=address.port,
        workers=workers,
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        workers_kill_timeout=10,
        respawn_failed_workers=True,
        # Where it has to find out first which HTTP is spoken, it waits for ever.
        http=HTTPModes.http1,
        websockets=False,
        http1_settings=HTTP1Settings(
            header_read_timeout=int(client_seconds * 1000), max_buffer_size=MAX_URL_BYTES + MAX_HEADER_BYTES
        ),
    )
    under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def started() -> None:
        # A terminal that is closed means Ctrl-C, where granian would start new workers for nobody.
        signal.signal(signal.SIGHUP, signal.SIG_IGN if under_nohup else server.signal_handler_interrupt)
        threading.Thread(target=_announce, args=[address, link], daemon=True).start()

    server.on_startup(started)
    return server


def _looked_after(settings: Settings) -> AbstractContextManager[None]:
    """Nobody else starts the embedded server again."""
    return looked_after(directory_of(settings)) if settings.database_url is None else nullcontext()


@contextmanager
def _counted_together(workers: int) -> Iterator[None]:
    """Several workers count into files of one directory, from which any of them computes the metrics of all."""
    if workers == 1:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="custodiary-metrics-") as directory:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = directory  # read when a worker imports what counts
        yield


async def _prepare(dsn: str, settings: Settings, *, sample: bool) -> str | None:
    """At the first start, the token of a link that signs in to the console."""
    if settings.checkpoint_seconds:
        SigningKey.from_environment()  # what is wrong with it is printed here in a line, and by a worker in a traceback
    await migrate(dsn)
    async with open_store(dsn) as store:
        if sample:
            await _load_sample(store)
        made = await credentials.bootstrap(store.pool, settings.admin_password)
        if made is None:
            return None
        say(f"Your login is {credentials.ADMIN}, its application password is {made.password}")
        say(f"It is shown this once; `{typed('credentials add')}` makes others.")
        return await Sessions(store.pool, await credentials.password_key(store.pool)).offer(made.credential.uuid)


async def _load_sample(store: Store) -> None:
    """Once, into an empty store that nobody uses yet; a load that was killed is completed."""
    if await store.pool.fetchval(BEGAN_WITH) not in {None, SAMPLE}:
        return
    now = datetime.now(UTC)
    if not await store.log.stream(store.pool, LAST_OF_SAMPLE, until=1):
        by = By(actor="import", at=now, correlation_id=SAMPLE)
        with progress_bar("Loading the sample") as progress, as_file(files("api") / "data" / SAMPLE) as path:
            await import_orders(store, by, path, progress=progress)
    if await store.pool.fetchval(ENDS_WITH) in {SAMPLE, acts.NAME}:
        await story.tell(store, now)


def _announce(address: ListeningAddress, link: str | None) -> None:
    """Prints the addresses as soon as the service listens."""
    while True:
        with suppress(OSError), socket.create_connection((address.ip, address.port)):
            break
        time.sleep(0.01)
    say(f"Custodiary serves {address.url}{BASE}")
    say(f"Its console is at {address.url}{CONSOLE}")
    if link is not None:
        say(f"{address.url}{WELCOME}/{link} signs you in to it, once and within the hour.")
    say(f"Its documentation is at {address.url}/docs")
