"""Everything that runs while faults are made: PostgreSQL, NATS, the service, writers, clients and followers."""

import asyncio
import math
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import asyncpg
import httpx

from api.http.paths import BASE
from eventstore.embedded.server import embedded
from eventstore.store import Store
from proof import disk
from proof.endpoints import ORDERS, Endpoints
from proof.feed import Arrived, last_relayed, relayed
from proof.follower import last_seen
from proof.journal import Journal, read
from proof.processes import Kept
from proof.reader import WAYS
from tests.eventstore.acts import add_user, place, register
from tests.relay.broker import command, free_port

WRITERS, CLIENTS, FOLLOWERS = 3, 2, 2
CALL_SECONDS = 10.0
PATIENCE = 60.0  # seconds, after which something that must happen is said not to have happened
LOOK = 0.5  # seconds between two looks at what is left
URGING = 15.0  # seconds without any coming, after which what failed is asked for: more than a restart takes
MODULE = (sys.executable, "-m")
CUSTODIARY = str(Path(sys.executable).with_name("custodiary"))
# So that a short run has checkpoints and fresh segments, too, and that a small disk is enough.
SETTINGS = {"max_wal_size": "128MB", "min_wal_size": "32MB", "shared_buffers": "128MB"}


class Stuck(Exception):
    """Something that must happen did not."""


class House:
    """`dsn` is that of the server in `data`, which is on a disk that can be full if `has_disk`."""

    def __init__(self, where: Path, data: Path, dsn: str, seed: int, *, has_disk: bool) -> None:
        self.dsn = dsn
        self._where = where
        self._seed = seed
        self.data = data
        self.has_disk = has_disk
        self.journals = where / "journals"
        self.journals.mkdir()
        self.received = where / "received"  # by webhooks of each order
        self.received.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        nats_port = free_port()
        self.nats_url = f"nats://127.0.0.1:{nats_port}"
        environment = {
            "CUSTODIARY_DATA": str(data),
            "CUSTODIARY_ADMIN_PASSWORD": secrets.token_hex(16),
            "DATABASE_URL": "",
            "NATS_URL": self.nats_url,
            "WEBHOOK_ALLOW": "127.0.0.0/8",
        }
        login = ("admin", environment["CUSTODIARY_ADMIN_PASSWORD"])
        self._http = httpx.AsyncClient(base_url=self.url + BASE, auth=login, trust_env=False, timeout=CALL_SECONDS)
        self.endpoints = Endpoints(self._http, Journal(self.journals / "endpoints"))
        self.receivers: list[Kept] = []
        self.nats = Kept("nats", command(nats_port, where / "nats"), where)
        self.relay = Kept("relay", [CUSTODIARY, "relay", "nats"], where, environment, may_end=True)
        serve = [CUSTODIARY, "serve", "--port", str(port), "--workers", "2"]
        self.service = Kept("service", serve, where, environment, may_end=True)
        self.seen = [where / f"seen-{number}" for number in range(FOLLOWERS)]
        self.relayed: list[str] = []  # what has arrived in NATS, when all is over
        self.read = {f"a reader by {way}": where / way for way in WAYS}  # of the feed

        def module(name: str, module: str, *arguments: str) -> Kept:
            return Kept(name, [*MODULE, module, *arguments], where, environment)

        def busy(name: str, of: str, address: str) -> Kept:
            return module(name, of, address, str(self.journals / name), f"{seed} {name}")

        api = self.url + BASE
        self.writers = [busy(f"writer-{number}", "proof.writer", dsn) for number in range(WRITERS)]
        self.clients = [busy(f"client-{number}", "proof.client", api) for number in range(CLIENTS)]
        self.readers = [module(path.name, "proof.reader", path.name, api, str(path)) for path in self.read.values()]
        self.followers = [module(path.name, "proof.follower", dsn, str(path)) for path in self.seen]

    @property
    def everybody(self) -> list[Kept]:
        return [
            *self.writers, *self.clients, self.service, self.relay, self.nats,
            *self.followers, *self.readers, *self.receivers,
        ]  # fmt: skip

    def restore(self) -> None:
        """Have the server back, whose keeper may have given up when it could not start."""
        if self.has_disk:
            disk.free(self.data.parent)
        with embedded(self.data, SETTINGS):
            pass

    async def answers(self) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:

            async def ready() -> bool:
                with suppress(httpx.HTTPError):
                    return (await http.get(f"{self.url}/health/ready")).is_success
                return False

            await until(ready, f"the service is ready: {self.service.said()}")

    async def subscribe(self) -> None:
        """To webhooks of each order, before anything goes wrong."""
        port = free_port()
        secrets_ = await self.endpoints.create(f"http://127.0.0.1:{port}")
        told = [f"{order}={secret}" for order, secret in secrets_.items()]
        receiver = [*MODULE, "proof.receiver", str(port), str(self.received), str(self._seed), *told]
        self.receivers = [Kept("receiver", receiver, self._where)]

    def idle(self) -> list[str]:
        """Who was never told that a command is done."""
        commands = read(self.journals.iterdir())
        busy = {id_.partition(":")[0] for id_, command in commands.items() if command.outcome == "acknowledged"}
        return [process.name for process in (*self.writers, *self.clients) if process.name not in busy]

    async def settle(self) -> None:
        """When everybody has done something: no more commands, and followers at the end of the log."""
        self.restore()

        async def all_have_worked() -> bool:
            return not self.idle()

        await until(all_have_worked, "every process has a command acknowledged")
        await asyncio.gather(*(process.stop() for process in [*self.writers, *self.clients]))
        for order in ORDERS:
            lag, restart = partial(self.endpoints.lag, order), partial(self.endpoints.restart, order)
            await until_none_is_left(lag, f"nothing waits for webhooks in order of {order}", restart)
        connection = await asyncpg.connect(self.dsn)
        try:
            head: int = await connection.fetchval("SELECT max(notification_id) FROM stored_events")
        finally:
            await connection.close()

        async def left() -> int:
            seen = [last_seen(path) for path in (*self.seen, *self.read.values())]
            return head - min(*seen, await last_relayed(self.nats_url))

        await until_none_is_left(left, "the followers reach the end of the log")
        self.relayed = await relayed(self.nats_url)
        await self.service.stop()

    def arrived(self) -> Arrived:
        """At others, when all is over."""
        followers = {name: path.read_text().splitlines() for name, path in self.read.items()}
        webhooks = {path.name: path.read_text().splitlines() for path in self.received.iterdir()}
        return Arrived({**followers, "the stream of NATS": self.relayed}, webhooks)

    async def close(self) -> None:
        await self._http.aclose()
        await asyncio.gather(*(process.stop() for process in self.everybody))


async def prepare(store: Store) -> None:
    """What the first commands are about."""
    for number in range(1, 9):
        await add_user(store, number, f"user{number}")
    for number in range(1, 13):
        await place(store, await register(store, f"first{number}@example.com"))


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Raises Stuck."""
    deadline = time.monotonic() + PATIENCE
    while not await condition():
        if time.monotonic() > deadline:
            raise Stuck(f"never came: {what}")
        await asyncio.sleep(0.05)


async def until_none_is_left(
    left: Callable[[], Awaitable[int | None]], what: str, urge: Callable[[], Awaitable[object]] | None = None
) -> None:
    """Raises Stuck when the number has not become smaller for too long. Some seconds earlier `urge` is called: what has
    failed, for one, may wait for hours to be sent again.
    """
    fewest = math.inf
    since = urged = time.monotonic()
    while (number := await left()) != 0:
        now = time.monotonic()
        if number is not None and number < fewest:
            fewest, since = number, now
        elif now - since > PATIENCE:
            raise Stuck(f"never came: {what}")
        elif urge is not None and now - max(since, urged) > URGING:
            urged = now
            await urge()
        await asyncio.sleep(LOOK)
