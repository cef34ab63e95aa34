"""A way to a server by TCP that can be cut, or hang, or be a pooler's."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from urllib.parse import urlsplit

KEY_DATA = b"K\x00\x00\x00\x0c"  # of a server's process and its secret
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """`is_pooler`: it tells of a process of its own where the server has told of its own."""

    def __init__(self, port: int, *, is_pooler: bool = False) -> None:
        self.port = 0
        self._to = port
        self._is_pooler = is_pooler
        self._numbers = count(1_000_000)
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    def cut(self) -> None:
        """Every connection, on both sides. The server goes on with what it is at."""
        for writer in self._writers:
            if sock := writer.get_extra_info("socket"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()

    def hang(self) -> None:
        """Nothing comes through any more, and nobody is told."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    async def accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        writers = {to_client}
        self._writers |= writers
        try:
            with suppress(OSError, asyncio.CancelledError):
                await self._flows.wait()
                server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
                writers.add(to_server)
                self._writers.add(to_server)
                await asyncio.gather(self._pass(client, to_server), self._pass(server, to_client))
        finally:
            self._writers -= writers
            self._relays.discard(task)
            for writer in writers:
                writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65536):
            await self._flows.wait()
            writer.write(self._disguised(said) if self._is_pooler else said)
        writer.close()

    def _disguised(self, said: bytes) -> bytes:
        before, key_data, after = said.partition(KEY_DATA)
        return before + key_data + next(self._numbers).to_bytes(4) + after[4:] if key_data else said

    async def close(self) -> None:
        self.cut()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)


@asynccontextmanager
async def way_to(dsn: str, *, is_pooler: bool = False) -> AsyncIterator[tuple[str, Proxy]]:
    """Another DSN of the same database, and the way that it takes."""
    parts = urlsplit(dsn)
    assert parts.port is not None
    proxy = Proxy(parts.port, is_pooler=is_pooler)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        who = parts.netloc.rpartition("@")[0]
        yield parts._replace(netloc=f"{who}@127.0.0.1:{proxy.port}").geturl(), proxy
    finally:
        server.close()
        await proxy.close()
