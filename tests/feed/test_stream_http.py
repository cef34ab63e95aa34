"""GET /events/stream, from server processes of their own, to readers that leave, sleep, or may not read any more."""

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from msgspec.structs import replace

from api.http.paths import BASE
from domain.label import LabelCreated
from eventstore.store import Store
from service.credentials import passwords
from service.credentials.passwords import Added
from tests.api.serving import PATIENCE, served
from tests.eventstore.acts import append, facts

LARGE = "x" * 9_000
MANY = 1_500  # of these, so that buffers do not hold all
SERVERS = 2
WRITERS = 4
ROUNDS = 20
EVENTS = WRITERS * ROUNDS
ASLEEP = 4  # seconds, of which a server in this test is patient for one


class Sent(NamedTuple):
    """An event of a stream, or a comment, which has no name."""

    id: str
    event: str
    data: str


async def read(lines: AsyncIterator[str]) -> AsyncIterator[Sent]:
    fields: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
        else:
            yield Sent(fields.get("id", ""), fields.get("event", ""), fields.get("data", fields.get("retry", "")))
            fields = {}


@pytest.fixture
async def reader(store: Store) -> Added:
    return await passwords.add(store.pool, "crm", "administrator", "feed", ["feeds/view", "feeds/full"])


@asynccontextmanager
async def stream(address: str, reader: Added, *, after: int = 0, last: str = "") -> AsyncIterator[AsyncIterator[Sent]]:
    headers = {"Last-Event-ID": last} if last else {}
    async with (
        httpx.AsyncClient(base_url=address + BASE, auth=("crm", reader.password), timeout=PATIENCE) as http,
        http.stream("GET", "/events/stream", params={"after": after}, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield read(answer.aiter_lines())


async def take(events: AsyncIterator[Sent], position: int) -> list[int]:
    """Positions up to this one."""
    positions: list[int] = []
    while not positions or positions[-1] < position:
        event = await asyncio.wait_for(anext(events), PATIENCE)
        if event.event not in {"", "caught-up"}:
            assert json.loads(event.data)["id"] == event.id
            positions.append(int(event.id))
    return positions


async def test_it_sends_what_there_is_says_when_it_has_caught_up_and_goes_on(
    store: Store, database: str, reader: Added
) -> None:
    await append(store, facts(1, 2))
    with served(database) as address:
        async with stream(address, reader) as events:
            first = [await anext(events) for _ in range(4)]
            assert [(each.id, each.event) for each in first] == [
                ("", ""), ("1", "label-created"), ("2", "label-created"), ("2", "caught-up"),
            ]  # fmt: skip
            assert first[0].data == "2000"
            assert json.loads(first[3].data) == {"next": 2}
            await append(store, facts(2))
            assert (await anext(events)).id == "3"
            await append(store, facts(3))
            later = await anext(events)
            assert (later.id, later.event) == ("4", "label-created")


async def test_all_who_follow_see_what_several_processes_write_in_one_order(
    store: Store, database: str, reader: Added
) -> None:
    editor = await passwords.add(store.pool, "editor", "manager", "writes")
    with ExitStack() as stack:
        addresses = [stack.enter_context(served(database)) for _ in range(SERVERS)]

        async def write(address: str, number: int) -> None:
            async with httpx.AsyncClient(
                base_url=address + BASE, auth=("editor", editor.password), timeout=PATIENCE
            ) as http:
                for round_ in range(ROUNDS):
                    body = {"email": f"{number}-{round_}@example.com", "first_name": "Ada"}
                    (await http.post("/customers", json=body)).raise_for_status()

        async def follow(address: str) -> list[int]:
            """Leaves after every few events, and resumes behind the last."""
            seen: list[int] = []
            while len(seen) < EVENTS:
                async with stream(address, reader, last=str(seen[-1]) if seen else "") as events:
                    seen += await take(events, min(EVENTS, (seen[-1] if seen else 0) + 20))
            return seen

        following = [asyncio.create_task(follow(address)) for address in addresses]
        await asyncio.gather(*(write(addresses[number % SERVERS], number) for number in range(WRITERS)))
        seen = await asyncio.gather(*following)
    stored = [row[0] for row in await store.pool.fetch("SELECT notification_id FROM stored_events ORDER BY 1")]
    assert stored == list(range(1, EVENTS + 1))  # nothing was refused, so there are no gaps
    assert seen == [stored] * SERVERS


async def test_a_reader_that_does_not_read_is_let_go_and_resumes_where_it_was(
    store: Store, database: str, reader: Added, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTODIARY_CLIENT_SECONDS", "1")
    large = [replace(each, event=LabelCreated(value=LARGE)) for each in facts(1, MANY)]
    await append(store, large)
    with served(database) as address:
        host, port = urlsplit(address).netloc.split(":")
        login = b64encode(f"crm:{reader.password}".encode()).decode()
        with socket.create_connection((host, int(port))) as asleep:
            asleep.settimeout(PATIENCE)
            asleep.sendall(
                f"GET {BASE}/events/stream?form=full HTTP/1.1\r\n"
                f"Host: {host}\r\nAuthorization: Basic {login}\r\n\r\n".encode()
            )
            await asyncio.sleep(ASLEEP)
            received = await asyncio.to_thread(drained, asleep)
        last = received.rpartition(b"\n\n")[0].rpartition(b"\nid: ")[2].partition(b"\n")[0].decode()
        assert 0 < int(last) < MANY
        async with stream(address, reader, last=last) as events:
            assert await take(events, MANY) == list(range(int(last) + 1, MANY + 1))


def drained(asleep: socket.socket) -> bytes:
    """What had been sent before the server gave up. Its end is no answer's end, but a reset."""
    received = b""
    with suppress(ConnectionResetError):
        while chunk := asleep.recv(1 << 20):
            received += chunk
    return received


async def test_a_revoked_credential_ends_the_stream(store: Store, database: str, reader: Added) -> None:
    await append(store, facts(1))
    with served(database) as address:
        async with stream(address, reader) as events:
            await take(events, 1)
            async with store.pool.acquire() as connection, connection.transaction():
                await passwords.revoke(connection, reader.credential.uuid)
            rest = await asyncio.wait_for(everything(events), PATIENCE)
            assert [each.event for each in rest] == ["caught-up"]


async def everything(events: AsyncIterator[Sent]) -> list[Sent]:
    return [event async for event in events]


async def test_a_process_that_is_told_to_end_does_not_wait_for_streams(
    store: Store, database: str, reader: Added
) -> None:
    await append(store, facts(1))
    with served(database) as address:
        opened = stream(address, reader)
        events = await opened.__aenter__()
        await take(events, 1)
    rest = await asyncio.wait_for(everything(events), PATIENCE)
    assert [each.event for each in rest] == ["caught-up"]
    await opened.__aexit__(None, None, None)
