"""A nats-server of a test's own, which can be killed and comes back with what it had stored; and relays to it."""

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import nats
from nats.aio.client import Client
from nats.errors import Error
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from domain.webhook import MessageForm
from service.redaction import Secret
from service.relay.relay import Relay
from service.relay.target import NatsTarget
from tests.eventstore.acts import until

NATS_SERVER = Path(sys.executable).with_name("nats-server")
STREAM = "CUSTOMERS"


def command(port: int, directory: Path) -> list[str]:
    return [str(NATS_SERVER), "--addr", "127.0.0.1", "--port", str(port), "--jetstream", "--store_dir", str(directory)]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


class Broker:
    def __init__(self, port: int, directory: Path) -> None:
        self.port = port
        self.url = f"nats://127.0.0.1:{port}"
        self._directory = directory
        self._process: asyncio.subprocess.Process | None = None

    def target(self, form: MessageForm = "thin", host: str = "127.0.0.1") -> NatsTarget:
        return NatsTarget(url=Secret(f"nats://{host}:{self.port}"), stream=STREAM, subject="customers", form=form)

    async def start(self) -> None:
        with (self._directory / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command(self.port, self._directory), stdout=log, stderr=log
            )
        await until(self._answers, "the server of NATS answers")

    async def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def connect(self) -> Client:
        async def nothing(_error: Exception) -> None:
            pass

        return await nats.connect(
            self.url, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0, error_cb=nothing
        )

    async def _answers(self) -> bool:
        try:
            client = await self.connect()
            await client.jetstream().account_info()
            await client.close()
        except (Error, OSError):
            return False
        return True


class Seen(NamedTuple):
    position: int
    subject: str
    body: dict[str, Any]
    sequence: int


async def stored(js: JetStreamContext) -> int:
    """How many messages the stream has."""
    with suppress(NotFoundError):
        return (await js.stream_info(STREAM)).state.messages
    return 0


async def seen(js: JetStreamContext) -> list[Seen]:
    """All messages of the stream, in its order."""
    messages = []
    try:
        state = (await js.stream_info(STREAM)).state
    except NotFoundError:
        return []
    for sequence in range(state.first_seq, state.last_seq + 1):
        with suppress(NotFoundError):  # it was deleted
            message = await js.get_msg(STREAM, sequence)
            position = int((message.headers or {})["Nats-Msg-Id"])
            messages.append(Seen(position, str(message.subject), json.loads(message.data or b""), sequence))
    return messages


async def positions(js: JetStreamContext) -> list[int]:
    return [each.position for each in await seen(js)]


@asynccontextmanager
async def at_work(*relays: Relay) -> AsyncIterator[None]:
    """They relay until the end of the block, and have not ended by then."""
    tasks = [asyncio.create_task(relay.work()) for relay in relays]
    try:
        yield
        assert not [task.exception() for task in tasks if task.done()]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def arrived(broker: Broker, position: int) -> None:
    """Until the stream has the event of this position."""

    async def is_there() -> bool:
        with suppress(Error, OSError, TimeoutError):
            client = await broker.connect()
            try:
                last = await client.jetstream(timeout=2).get_last_msg(STREAM, "customers.>")
                return int((last.headers or {})["Nats-Msg-Id"]) >= position
            finally:
                await client.close()
        return False

    await until(is_there, f"the stream has the event of position {position}")
