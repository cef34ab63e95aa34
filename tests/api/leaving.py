"""A client that leaves a stream of events once it has caught up: in a process of its own it has no end."""

import asyncio
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send


def leaving(app: ASGIApp) -> ASGIApp:
    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["path"].endswith("/events/stream"):
            await app(scope, receive, send)
            return
        has_caught_up, is_read = asyncio.Event(), False

        async def receiving() -> Any:
            nonlocal is_read
            if is_read:
                await has_caught_up.wait()
                return {"type": "http.disconnect"}
            is_read = True
            return await receive()

        async def sending(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and b"event: caught-up" in message["body"]:
                has_caught_up.set()

        await app(scope, receiving, sending)

    return call
