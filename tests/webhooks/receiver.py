"""Somebody else's server: it takes what it is sent, or does not, and remembers all of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeAlias

import msgspec
from aiohttp import web


class Received(NamedTuple):
    path: str
    headers: dict[str, str]  # their names in small letters
    body: bytes
    status: int

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def events(self) -> list[dict[str, Any]]:
        return events_in(self.body)


def events_in(body: bytes) -> list[dict[str, Any]]:
    """One, or those of a batch."""
    read: Any = msgspec.json.decode(body)
    return read if isinstance(read, list) else [read]


Answer: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def take(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="thanks")


def answering(status: int, headers: dict[str, str] | None = None, text: str = "") -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers=headers, text=text)

    return answer


def refusing(customer_id: int) -> Answer:
    """Whatever is about a customer."""

    async def answer(request: web.Request) -> web.StreamResponse:
        events = events_in(await request.read())
        is_about = any(event["data"]["customer_id"] == customer_id for event in events)
        return web.Response(status=500 if is_about else 200)

    return answer


def refusing_types(*types: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        events = events_in(await request.read())
        return web.Response(status=500 if any(event["type"] in types for event in events) else 200)

    return answer


class Receiver:
    """`answer` is how it answers now."""

    def __init__(self) -> None:
        self.port = 0
        self.answer: Answer = take
        self.received: list[Received] = []
        self._moved = asyncio.Event()

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def taken(self) -> list[Received]:
        return [each for each in self.received if each.status < 300]

    @property
    def positions(self) -> list[int]:
        """Positions of all events that it took, as they came."""
        return [int(event["id"]) for each in self.taken for event in each.events]

    @property
    def customers(self) -> list[int | None]:
        """Whom the events that it took are about."""
        return [event["data"]["customer_id"] for each in self.taken for event in each.events]

    def of(self, customer_id: int) -> list[int]:
        """The positions of a customer's events that it took, as they came."""
        return [at for at, about in zip(self.positions, self.customers, strict=True) if about == customer_id]

    async def until(self, is_so: Callable[[], bool], seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while not is_so():
                self._moved.clear()
                await self._moved.wait()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        response = await self.answer(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.path, headers, body, response.status))
        self._moved.set()
        return response


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        receiver.port = runner.addresses[0][1]
        yield receiver
    finally:
        await runner.cleanup()
