"""Everything that runs while faults are made: PostgreSQL, NATS, the service, writers, clients and followers."""

import asyncio
import secrets
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import httpx

from api.http.paths import BASE
from eventstore.embedded.server import embedded
from eventstore.store import Store
from proof import disk
from proof.follower import last_seen
from proof.journal import read
from proof.processes import Kept
from proof.stream import last_relayed, relayed
from tests.eventstore.acts import add_user, place, register
from tests.relay.broker import command, free_port

WRITERS, CLIENTS, FOLLOWERS = 3, 2, 2
PATIENCE = 60.0  # seconds, after which something that must happen is said not to have happened
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
        self.data = data
        self.has_disk = has_disk
        self.journals = where / "journals"
        self.journals.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        nats_port = free_port()
        self.nats_url = f"nats://127.0.0.1:{nats_port}"
        environment = {
            "CUSTODIARY_DATA": str(data),
            "CUSTODIARY_ADMIN_PASSWORD": secrets.token_hex(16),
            "DATABASE_URL": "",
            "NATS_URL": self.nats_url,
        }
        self.nats = Kept("nats", command(nats_port, where / "nats"), where)
        self.relay = Kept("relay", [CUSTODIARY, "relay", "nats"], where, environment, may_end=True)
        serve = [CUSTODIARY, "serve", "--port", str(port), "--workers", "2"]
        self.service = Kept("service", serve, where, environment, may_end=True)
        self.writers = [
            Kept(name, [*MODULE, "proof.writer", dsn, str(self.journals / name), f"{seed} {name}"], where)
            for name in (f"writer-{number}" for number in range(WRITERS))
        ]
        self.clients = [
            Kept(
                name,
                [*MODULE, "proof.client", self.url + BASE, str(self.journals / name), f"{seed} {name}"],
                where,
                environment,
            )
            for name in (f"client-{number}" for number in range(CLIENTS))
        ]
        self.seen = [where / f"seen-{number}" for number in range(FOLLOWERS)]
        self.relayed: list[str] = []  # what has arrived in NATS, when all is over
        self.followers = [Kept(path.name, [*MODULE, "proof.follower", dsn, str(path)], where) for path in self.seen]

    @property
    def everybody(self) -> list[Kept]:
        return [*self.writers, *self.clients, self.service, self.relay, self.nats, *self.followers]

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
        connection = await asyncpg.connect(self.dsn)
        try:
            head = await connection.fetchval("SELECT max(notification_id) FROM stored_events")
        finally:
            await connection.close()

        async def arrived() -> bool:
            return all(last_seen(path) >= head for path in self.seen) and await last_relayed(self.nats_url) >= head

        await until(arrived, "the followers reach the end of the log")
        self.relayed = await relayed(self.nats_url)
        await self.service.stop()

    async def close(self) -> None:
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
