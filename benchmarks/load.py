"""A process that sends requests over HTTP, so many at once: `python -m benchmarks.load`, what and how long on stdin.

The cheapest that is a real client: the machine's cores are for those that answer. It keeps its connections, sends the
next request when the answer to the last is whole, and stops at the first answer that is no success.
"""

import asyncio
import sys
import time
from functools import partial
from typing import cast

import httptools
import msgspec
import uvloop

from benchmarks.harness import Figures, summary

PATIENCE = 30  # seconds, for the last answers


class Load(msgspec.Struct):
    """`body` has a %d where each is to be unlike any other; `targets` take turns, and may bring bodies of their own."""

    port: int
    connections: int
    seconds: float
    first: int
    targets: list[tuple[str, str]]  # path, body
    method: str = "GET"
    headers: dict[str, str] = {}


class Sender(asyncio.Protocol):
    def __init__(self, requests: "Requests", deadline: float) -> None:
        self._requests = requests
        self._deadline = deadline
        self._parser = httptools.HttpResponseParser(self)
        self._started = 0.0
        self._is_waiting = False
        self._transport: asyncio.Transport
        self.ended = asyncio.get_running_loop().create_future()
        self.times: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._send(time.perf_counter())

    def _send(self, now: float) -> None:
        self._started = now
        self._is_waiting = True
        self._transport.write(self._requests.next())

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """The parser says so."""
        now = time.perf_counter()
        status = self._parser.get_status_code()
        if not 200 <= status < 300:
            self._fail(f"answered with {status}")
            return
        self._is_waiting = False
        self.times.append(now - self._started)
        if now < self._deadline:
            self._send(now)
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._is_waiting:
            self._fail(f"the connection was lost: {exc}")
        elif not self.ended.done():
            self.ended.set_result(None)

    def _fail(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_exception(RuntimeError(why))
        self._transport.abort()


class Requests:
    """One after another, as bytes."""

    def __init__(self, load: Load) -> None:
        headers = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        self._number = load.first
        self._targets = [
            (f"{load.method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{load.port}\r\n{headers}".encode(), body.encode())
            for path, body in load.targets
        ]

    def next(self) -> bytes:
        self._number += 1
        head, body = self._targets[self._number % len(self._targets)]
        if not body:
            return head + b"\r\n"
        if b"%d" in body:
            body = body.replace(b"%d", b"%d" % self._number)
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


async def run(load: Load) -> Figures:
    loop = asyncio.get_running_loop()
    requests = Requests(load)
    started = time.perf_counter()
    senders = [Sender(requests, started + load.seconds) for _ in range(load.connections)]
    for sender in senders:
        await loop.create_connection(partial(_itself, sender), "127.0.0.1", load.port)
    async with asyncio.timeout(load.seconds + PATIENCE):
        await asyncio.gather(*(sender.ended for sender in senders))
    seconds = time.perf_counter() - started
    times = [each for sender in senders for each in sender.times]
    return summary(times, seconds)


def _itself(sender: Sender) -> Sender:
    return sender


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(run(asked))))
