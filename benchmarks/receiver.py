"""A process that takes webhooks, or never answers: `python -m benchmarks.receiver PORT`. The cheapest that is one.

Paths that begin with /hang get no answer; the others get 200 at once.
"""

import asyncio
import sys

import httptools
import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
HANGS = b"/hang"


class Receiver(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._parser = httptools.HttpRequestParser(self)
        self._answers = True

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """The parser says so."""
        self._answers = not url.startswith(HANGS)

    def on_message_complete(self) -> None:
        """The parser says so."""
        if self._answers:
            self._transport.write(ANSWER)  # type: ignore[attr-defined]  # uvloop's is no asyncio.Transport


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
