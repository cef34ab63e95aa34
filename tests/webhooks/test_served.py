"""Webhooks as people use them: created over REST, delivered beside the service by a process of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.http.paths import BASE
from tests.cli.process import PATIENCE, Process
from tests.cli.test_serve import free_port
from tests.cli.test_two_services import needs_proc
from tests.plain import PLAIN
from tests.webhooks.receiver import Receiver

PASSWORD = "open sesame"


@pytest.fixture
async def client(database: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service of its own, and whom it lets in."""
    port = free_port()
    settings = {"DATABASE_URL": database, "CUSTODIARY_ADMIN_PASSWORD": PASSWORD, "WEBHOOK_ALLOW": "127.0.0.0/8"}
    process = Process("serve", "--port", port, **settings)
    try:
        await asyncio.to_thread(process.lines_until, "Its documentation")
        url, auth = f"http://127.0.0.1:{port}{BASE}", ("admin", PASSWORD)
        async with httpx.AsyncClient(base_url=url, auth=auth, timeout=PATIENCE, verify=PLAIN) as client:
            yield client
    finally:
        process.process.terminate()
        process.end()


def deliverers(database: str) -> list[int]:
    """Processes that deliver webhooks of a database."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_one = (process / "cmdline").read_bytes().find(b"\0deliver\0") > 0
            if is_one and database.encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:  # it has just ended, or is none of ours
            continue
    return found


@needs_proc
async def test_a_webhook_is_delivered_beside_the_service_also_after_its_process_was_killed(
    client: httpx.AsyncClient, database: str, receiver: Receiver
) -> None:
    await client.post("/customers", json={"email": "early@example.com", "first_name": "Early"})
    assert deliverers(database) == [], "there is nothing to deliver"
    body = {"url": receiver.url(), "types": ["customer-registered"]}
    (await client.post("/webhooks", json=body)).raise_for_status()
    await client.post("/customers", json={"email": "ada@example.com", "first_name": "Ada"})
    await receiver.until(lambda: len(receiver.taken) == 1)
    [process] = deliverers(database)
    os.kill(process, signal.SIGKILL)
    await client.post("/customers", json={"email": "eve@example.com", "first_name": "Eve"})
    await receiver.until(lambda: len(set(receiver.positions)) == 2, seconds=10)
    metrics = await client.get(str(client.base_url.copy_with(path="/metrics")))
    assert 'custodiary_webhook_deliveries_total{result="success",webhook="1"}' in metrics.text
    assert 'custodiary_webhook_paused{webhook="1"} 0.0' in metrics.text
