"""Sends messages over HTTP: one POST, to an address that the guard permits, without redirects, within a time."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

import aiohttp
from yarl import URL

from service.webhooks.delivery.guard import ForbiddenAddress, Guard
from service.webhooks.delivery.state import is_success

TIMEOUT = 15.0  # seconds, for all of it
KEPT = 1_024  # bytes of an answer
IDLE = 60.0  # seconds that a connection is held open for the next message
# What a receiver says who is overrun, or whose own servers are.
BUSY = frozenset({429, 502, 504})
GONE = 410


class PostOutcome(NamedTuple):
    """How an attempt went: the answer's status, or why there was none."""

    status: int | None
    error: str
    milliseconds: int
    answer: bytes = b""
    retry_after: str | None = None

    @property
    def is_success(self) -> bool:
        return is_success(self.status)

    @property
    def is_busy(self) -> bool:
        return self.status in BUSY


class WebhookSender:
    def __init__(self, session: aiohttp.ClientSession, timeout: float) -> None:
        self._session = session
        self._timeout = timeout

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PostOutcome:
        began = time.perf_counter()
        status, retry_after, answer = None, None, b""
        try:
            address = URL(url, encoded=True)
            async with self._session.post(address, data=body, headers=headers, allow_redirects=False) as response:
                status, retry_after = response.status, response.headers.get("retry-after")
                answer = await _first(response)
            error = ""
        except TimeoutError:
            error = f"no answer within {self._timeout:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as failure:
            error = _why(failure)
        return PostOutcome(status, error, round((time.perf_counter() - began) * 1_000), answer, retry_after)


@asynccontextmanager
async def open_sender(guard: Guard, timeout: float = TIMEOUT) -> AsyncIterator[WebhookSender]:
    # A name is resolved before each connection: a connection is the only thing that is used again.
    connector = aiohttp.TCPConnector(limit=0, use_dns_cache=False, socket_factory=guard.socket, keepalive_timeout=IDLE)
    async with aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=timeout),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # some bytes of an answer could be gigabytes
        skip_auto_headers=["accept-encoding"],
        headers={"user-agent": "Custodiary-Webhooks"},
    ) as session:
        yield WebhookSender(session, timeout)


async def _first(response: aiohttp.ClientResponse) -> bytes:
    """What is kept of the body, whether it ends or not. The rest is not read: its connection is closed."""
    parts = bytearray()
    with suppress(TimeoutError, aiohttp.ClientError):
        while len(parts) < KEPT and (part := await response.content.read(KEPT - len(parts))):
            parts += part
    return bytes(parts)


def _why(failure: Exception) -> str:
    """What the operator of an endpoint can use; an address may hold a token, and is not in it."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ForbiddenAddress):
            return str(cause)
        cause = cause.__cause__
    match failure:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "no TLS connection: the certificate is not the name's, or not to be trusted"
        case aiohttp.ClientConnectorDNSError():
            return "the name has no address"
        case aiohttp.ClientConnectorError(os_error=error):
            return f"no connection: {error.strerror or type(error).__name__}"
        case aiohttp.ServerDisconnectedError():
            return "the connection ended before an answer"
        case _:
            return f"no answer: {type(failure).__name__}"
