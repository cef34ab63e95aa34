"""Clients that send or take nothing, little, or too much, on plain sockets: none of them keeps anything for long."""

import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple

import httpx
import pytest
from msgspec import json

from api.edge.limits import MAX_HEADER_BYTES, MAX_URL_BYTES
from tests.cli.process import Process
from tests.cli.test_serve import free_port

SECONDS = 1  # that a client may take
AT_MOST = 15  # until it is given up, on a busy machine
CUSTOMERS = "/wp-json/fluent-cart/v2/customers"
POST = f"POST {CUSTOMERS} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46b3Blbg==\r\n"
SCRIPT = b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n"  # a large answer, for anybody


class Heard(NamedTuple):
    """All that came until the connection was closed, and when that was."""

    raw: bytes
    seconds: float

    @property
    def status(self) -> int | None:
        found = re.match(rb"HTTP/1.1 (\d{3}) ", self.raw)
        return int(found[1]) if found else None

    @property
    def body(self) -> object:
        return json.decode(self.raw.partition(b"\r\n\r\n")[2])


@pytest.fixture(scope="module")
def port(url: str) -> Iterator[int]:
    port = free_port()
    settings = {"CUSTODIARY_ADMIN_PASSWORD": "open", "CUSTODIARY_CLIENT_SECONDS": SECONDS}
    process = Process("serve", "--port", port, DATABASE_URL=url, **settings)
    process.lines_until("Its documentation")
    yield port
    process.process.terminate()
    ended = process.end()
    assert "Traceback" not in ended.stderr, ended.stderr


def connected(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    client.settimeout(3 * AT_MOST)
    return client


def heard(client: socket.socket) -> Heard:
    began, raw = time.monotonic(), b""
    while True:
        try:
            piece = client.recv(1 << 16)
        except ConnectionResetError:
            piece = b""
        raw += piece
        if not piece:
            return Heard(raw, time.monotonic() - began)


def sent(port: int, data: bytes | str) -> Heard:
    with connected(port) as client:
        with suppress(OSError):  # refused before it was all there
            client.sendall(data if isinstance(data, bytes) else data.encode())
        return heard(client)


def test_who_says_nothing_is_given_up(port: int) -> None:
    assert sent(port, b"").seconds < AT_MOST


def test_who_says_half_a_header_is_given_up(port: int) -> None:
    assert sent(port, "GET / HTTP/1.1\r\nHost: a\r\n").seconds < AT_MOST


def test_who_says_nothing_more_is_given_up(port: int) -> None:
    answered = sent(port, "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (answered.status, answered.seconds < AT_MOST) == (200, True)


def dripping(port: int, start: str, drop: bytes) -> Heard:
    """A drop every tenth of a second, for as long as it is taken."""
    with connected(port) as client:
        began = time.monotonic()
        client.sendall(start.encode())
        client.settimeout(0.1)
        raw = b""
        while time.monotonic() - began < 3 * AT_MOST:
            try:
                client.send(drop)
                piece = client.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                break
            if not piece:
                break
            raw += piece
        return Heard(raw, time.monotonic() - began)


def test_headers_that_drip_are_given_up(port: int) -> None:
    assert dripping(port, "GET /health/live HTTP/1.1\r\nHost: a\r\n", b"X: 1\r\n").seconds < AT_MOST


TOO_SLOW = {
    "code": 408,
    "message": f"The request's body took longer than {SECONDS} s to arrive.",
    "data": "",
    "reason": "body_too_slow",
}


@pytest.mark.parametrize(
    "start",
    [
        f"{POST}Content-Length: 1000\r\n\r\n",
        f'{POST}Content-Length: 1000\r\n\r\n{{"email": ',
        f"{POST}Transfer-Encoding: chunked\r\n\r\n",
        f"{POST}Transfer-Encoding: chunked\r\n\r\n5\r\n{{",
        f"{POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n",
    ],
)
def test_a_body_that_does_not_come_is_told_so_and_given_up(port: int, start: str) -> None:
    answered = sent(port, start)
    assert (answered.status, answered.body) == (408, TOO_SLOW)
    assert answered.seconds < AT_MOST


def test_a_body_that_drips_is_told_so_and_given_up(port: int) -> None:
    answered = dripping(port, f"{POST}Content-Length: 100000\r\n\r\n", b" ")
    assert (answered.status, answered.body) == (408, TOO_SLOW)
    assert answered.seconds < AT_MOST


def test_a_body_of_a_stranger_is_not_waited_for(port: int) -> None:
    answered = sent(port, f"POST {CUSTOMERS} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n{{")
    assert (answered.status, answered.seconds < AT_MOST) == (401, True)


def test_a_body_that_says_how_large_it_is_is_refused_at_once(port: int) -> None:
    answered = sent(port, f"{POST}Expect: 100-continue\r\nContent-Length: {2 << 20}\r\n\r\n")
    assert (answered.status, answered.seconds < AT_MOST) == (413, True)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel must know TCP_USER_TIMEOUT")
def test_who_takes_no_answers_is_given_up(port: int) -> None:
    assert sent(port, "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n").status == 200
    with connected(port) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(SCRIPT * 20)
        with pytest.raises(ConnectionError):
            keep_sending(client)


def keep_sending(client: socket.socket) -> None:
    """And take nothing."""
    began = time.monotonic()
    while time.monotonic() - began < 3 * AT_MOST:
        client.send(b"\r\n")
        time.sleep(0.1)  # a client's pace; the test ends when the connection does


def test_good_clients_do_not_wait_for_slow_ones(port: int) -> None:
    with ExitStack() as slow:
        for number in range(300):
            client = slow.enter_context(connected(port))
            client.sendall([b"", b"GET / HTTP/1.1\r\n", f"{POST}Content-Length: 9\r\n\r\n".encode()][number % 3])
        began = time.monotonic()
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("admin", "open")) as good:
            assert [good.get(CUSTOMERS).status_code for _ in range(20)] == [200] * 20
        assert time.monotonic() - began < AT_MOST


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"GET /?{'a' * MAX_URL_BYTES} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"GET /?{'a' * 80_000} HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (f"GET / HTTP/1.1\r\nHost: a\r\nX: {'a' * MAX_HEADER_BYTES}\r\n\r\n", 431),
        (f"GET / HTTP/1.1\r\nHost: a\r\nX: {'a' * (1 << 20)}\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: a\r\n" + "X: 1\r\n" * 200 + "\r\n", 431),
        (f"GET / HTTP/1.1\r\n{'X' * (1 << 20)}: 1\r\n\r\n", 431),
        (f"TRACE {CUSTOMERS} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWRtaW46b3Blbg==\r\n\r\n", 405),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        ("GARBAGE\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", 400),
        (f"{POST}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", 400),
        (f"{POST}Content-Length: -1\r\n\r\n", 400),
        (f"{POST}Content-Length: 99999999999999999999999\r\n\r\n", 400),
        (f"{POST}Transfer-Encoding: gzip\r\n\r\n", 400),
        (f"{POST}Transfer-Encoding: chunked\r\n\r\nno\r\n", 400),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_the_connection_closed(port: int, request_: str, status: int) -> None:
    answered = sent(port, request_)
    assert (answered.status, answered.seconds < AT_MOST) == (status, True), answered.raw[:300]


def test_a_request_of_two_lengths_cannot_smuggle_another(port: int) -> None:
    """The chunks count, and nothing that follows is read on this connection."""
    smuggled = "GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    answered = sent(port, f"{POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}")
    assert answered.raw.count(b"HTTP/1.1 ") == 1


def test_only_http_1_is_spoken(port: int) -> None:
    """Nobody uses HTTP/2 without TLS, and the server has no time-outs for it."""
    answered = sent(port, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert (answered.status, answered.seconds < AT_MOST) == (None, True)
