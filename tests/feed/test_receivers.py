"""The receivers of docs/feed.md, as they are on the page: they run, resume, tell repeats, and refuse what is forged."""

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import playwright
import pytest
from standardwebhooks import Webhook

from api.http.paths import BASE
from eventstore.store import Store
from service.credentials import passwords
from service.feed import message
from tests.api.serving import PATIENCE, ROOT, served
from tests.eventstore.acts import append, facts, register, until
from tests.feed.following import SOURCE, follow

PAGE = (ROOT / "docs" / "feed.md").read_text()
BLOCK = re.compile(r"^```(?:python|javascript)\n(?:#|//) (\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECEIVERS: dict[str, str] = dict(BLOCK.findall(PAGE))
NODE = Path(playwright.__file__).parent / "driver" / "node"  # which the wheel brings for itself
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# What a page of events leaves to whoever calls it.
LOOP = """
import { events } from "./follow.mjs";
for await (const event of events(process.env.FEED_API, process.env.FEED_LOGIN, Number(process.argv[2])))
  console.log(event.id, event.type, event.data.customer_id);
"""


@asynccontextmanager
async def running(command: list[str], where: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=where, env=os.environ | environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


async def lines(process: asyncio.subprocess.Process, count: int) -> list[str]:
    assert process.stdout is not None
    return [(await asyncio.wait_for(process.stdout.readline(), PATIENCE)).decode().strip() for _ in range(count)]


def test_each_has_twenty_lines_at_most() -> None:
    assert RECEIVERS.keys() == {"follow.py", "follow.mjs", "receive.py", "receive.mjs"}
    lengths = {name: len([line for line in code.splitlines() if line]) for name, code in RECEIVERS.items()}
    assert [name for name, length in lengths.items() if length > 20] == []


@pytest.mark.parametrize("name", ["follow.py", "follow.mjs"])
async def test_a_follower_gets_every_event_and_resumes_after_it_was_killed(
    store: Store, database: str, tmp_path: Path, name: str
) -> None:
    reader = await passwords.add(store.pool, "crm", "manager", "feed")
    id_ = await register(store, "ada@example.com")
    (tmp_path / name).write_text(RECEIVERS[name])
    (tmp_path / "loop.mjs").write_text(LOOP)
    first = f"1 customer-registered {id_}"
    nobody = "None" if name == "follow.py" else "null"
    with served(database) as address:
        told = {"FEED_API": address + BASE, "FEED_LOGIN": f"crm:{reader.password}"}
        begin = [sys.executable, name, "position"] if name == "follow.py" else [str(NODE), "loop.mjs", "0"]
        again = begin if name == "follow.py" else [str(NODE), "loop.mjs", "1"]
        async with running(begin, tmp_path, **told) as follower:
            assert await lines(follower, 1) == [first]
            if name == "follow.py":

                async def is_stored() -> bool:
                    return (tmp_path / "position").exists()

                await until(is_stored, "the position is stored")
        await append(store, facts(1, 2))
        async with running(again, tmp_path, **told) as follower:
            assert await lines(follower, 2) == [f"{position} label-created {nobody}" for position in (2, 3)]
            await append(store, facts(2))
            assert await lines(follower, 1) == [f"4 label-created {nobody}"]


@pytest.mark.parametrize("name", ["receive.py", "receive.mjs"])
async def test_a_receiver_takes_what_is_signed_once_and_refuses_all_else(
    store: Store, tmp_path: Path, name: str
) -> None:
    id_ = await register(store, "ada@example.com")
    await append(store, facts(1, 2))
    one, *two = [message.thin(entry, SOURCE) for entry in await follow(store)]
    batch = b"[%b]" % b",".join(two)
    (tmp_path / name).write_text(RECEIVERS[name])
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = [sys.executable if name.endswith(".py") else str(NODE), name]
    async with (
        running(command, tmp_path, WEBHOOK_SECRET=SECRET, PORT=str(port)) as receiver,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
    ):

        async def listens() -> bool:
            try:
                return (await http.post("/", content=b"{}")).status_code == 401
            except httpx.TransportError:
                return False

        await until(listens, "it listens")
        for body in (one, one, batch, batch):
            assert (await http.post("/", content=body, headers=signed(body))).status_code == 204
        assert (
            await http.post("/", content=one.replace(b"admin", b"mallory"), headers=signed(batch))
        ).status_code == 401
        assert (await http.post("/", content=one, headers=signed(one, age=600))).status_code == 401
        nobody = "None" if name == "receive.py" else "null"
        assert await lines(receiver, 3) == [
            f"1 customer-registered {id_}", f"2 label-created {nobody}", f"3 label-created {nobody}",
        ]  # fmt: skip


def signed(body: bytes, age: float = 0) -> dict[str, str]:
    known: Any = json.loads(body)
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - age, UTC)
    id_ = f"1-{known[-1]['id'] if isinstance(known, list) else known['id']}"
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(SECRET).sign(id_, at, body.decode()),
    }
