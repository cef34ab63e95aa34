"""A process that follows the feed over HTTP until it is told to stop: `python -m proof.reader poll|stream URL FILE`.

What it has seen is also its checkpoint: the position and digest of each event, a line each. The password is in
CUSTODIARY_ADMIN_PASSWORD.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from proof.feed import fed
from proof.follower import last_seen

PAUSE = 0.05  # seconds until it asks again where nobody has answered
PATIENCE = 45.0  # seconds without a word; a poll waits for thirty at most


class File:
    def __init__(self, path: Path) -> None:
        self.last = last_seen(path)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, events: Iterable[Mapping[str, Any]]) -> None:
        for event in events:
            # In one call, so that no kill leaves half a line.
            os.write(self._file, f"{fed(event)}\n".encode())
            self.last = int(event["id"])


async def poll(http: httpx.AsyncClient, file: File) -> None:
    """A poll after another, until one fails."""
    while True:
        answer = await http.get("/events", params={"after": file.last, "wait": 30, "limit": 200})
        file.note(answer.raise_for_status().json()["events"]["data"])


async def stream(http: httpx.AsyncClient, file: File) -> None:
    """What a stream sends, until it breaks off."""
    headers = {"Last-Event-ID": str(file.last)} if file.last else {}
    async with http.stream("GET", "/events/stream", headers=headers) as answer:
        async for event in _events(answer.raise_for_status().aiter_lines()):
            file.note([event])


async def _events(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, Any]]:
    """The data of each event that is one of the log's, once all its lines are there."""
    name = data = ""
    async for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            data = value
        elif not line:
            if data and name != "caught-up":
                yield msgspec.json.decode(data)
            name = data = ""


WAYS = {"poll": poll, "stream": stream}


async def follow(way: str, url: str, path: Path) -> None:
    file, stopped = File(path), asyncio.Event()
    auth = ("admin", os.environ["CUSTODIARY_ADMIN_PASSWORD"])
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with httpx.AsyncClient(base_url=url, auth=auth, timeout=PATIENCE, trust_env=False) as http:
        stopping = asyncio.create_task(stopped.wait())
        while not stopped.is_set():
            reading = asyncio.create_task(WAYS[way](http, file))
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            reading.cancel()
            try:
                await reading
            except (asyncio.CancelledError, httpx.HTTPError):
                await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
