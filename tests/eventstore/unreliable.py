"""A way to the server that breaks when a commit passes: before it arrives, or before its answer does."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlencode, urlsplit

BEGIN, COMMIT, ROLLBACK = b"BEGIN;\x00", b"COMMIT;\x00", b"ROLLBACK;\x00"
EVENTS = b'"originator_version"'  # outside of a transaction, what appends them commits as well


class Way:
    """`breaks` says where the next commit is lost; `is_open` whether new connections come through.

    `broken` and `tried` count lost commits and new connections.
    """

    def __init__(self, host: str, port: int) -> None:
        self.breaks: Literal["before", "after"] | None = None
        self.is_open = True
        self.broken = self.tried = 0
        self._server = host, port
        self._relays: set[asyncio.Task[None]] = set()

    async def accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        self.tried += 1
        try:
            if self.is_open:
                with suppress(asyncio.CancelledError):  # cut off
                    await self._relay(client, to_client)
        finally:
            self._relays.discard(task)
            to_client.close()

    async def _relay(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        host, port = self._server
        if host.startswith("/"):
            server, to_server = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            server, to_server = await asyncio.open_connection(host, port)
        back = asyncio.create_task(_pass(server, to_client))
        is_inside = False
        try:
            while said := await client.read(65536):
                is_inside = said.endswith(BEGIN) or (is_inside and not said.endswith(ROLLBACK))
                if self.breaks and (said.endswith(COMMIT) or (not is_inside and EVENTS in said)):
                    where, self.breaks = self.breaks, None
                    self.broken += 1
                    if where == "after":
                        back.cancel()
                        await asyncio.gather(back, return_exceptions=True)
                        to_server.write(said)
                        await server.read(65536)  # the server has answered: it is committed
                    return
                is_inside = is_inside and not said.endswith(COMMIT)
                to_server.write(said)
        finally:
            back.cancel()
            to_server.close()

    async def close(self) -> None:
        """Cuts off whoever is under way."""
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while said := await reader.read(65536):
            writer.write(said)
    writer.close()


@asynccontextmanager
async def unreliable(dsn: str) -> AsyncIterator[tuple[str, Way]]:
    """Another DSN of the same database, and the way that it takes."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host, port = query.get("host", [parts.hostname or ""])[0], query.get("port", [str(parts.port or 5432)])[0]
    way = Way(host, int(port))
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        server = await asyncio.start_unix_server(way.accept, Path(place) / f".s.PGSQL.{port}")
        who = parts.netloc.rpartition("@")[0]
        try:
            there = urlencode({"host": place, "port": port})
            yield parts._replace(netloc=f"{who}@" if who else "", query=there).geturl(), way
        finally:
            server.close()
            await way.close()
