"""Clients that take no answer: granian waits for them for ever, so the kernel gives them up."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from litestar import Litestar
from litestar.types import Receive, Scope, Send


def give_up_on_idle_takers(app: Litestar, seconds: float) -> None:
    """Linux only. Connections inherit it from the socket that listens, which is there when the first request comes."""
    if not hasattr(socket, "TCP_USER_TIMEOUT"):
        return
    handler = app.asgi_handler

    async def first(scope: Scope, receive: Receive, send: Send) -> None:
        app.asgi_handler = handler
        for listener in _listeners():
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(seconds * 1000))
        await handler(scope, receive, send)

    app.asgi_handler = first


def _listeners() -> Iterator[socket.socket]:
    """Listening sockets of this process, each open while it is used."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError), socket.socket(fileno=os.dup(int(descriptor.name))) as found:
            if found.family in {socket.AF_INET, socket.AF_INET6} and _listens(found):
                yield found


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
