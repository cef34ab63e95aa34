"""Metrics of several workers: whichever of them answers tells what all have counted."""

import re
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cli.process import Process
from tests.plain import PLAIN

WORKERS = 3
REQUESTS = 30
LIVE = r'custodiary_http_requests_total\{method="GET",route="/health/live",status="200"\} (\d+)\.0'


@pytest.fixture
def service(url: str) -> Iterator[str]:
    """Its address; ended, and with nothing left of it, after the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as directory:
        process = Process(
            "serve", "--port", port, "--workers", WORKERS,
            DATABASE_URL=url, CUSTODIARY_ADMIN_PASSWORD="secret words", TMPDIR=directory,
        )  # fmt: skip
        process.lines_until("Its documentation")
        yield f"http://127.0.0.1:{port}"
        process.press_ctrl_c()
        process.end()
        assert list(Path(directory).iterdir()) == []


def ask(address: str) -> str:
    """On a connection of its own, so that any worker may answer."""
    with httpx.Client(transport=httpx.HTTPTransport(retries=5, verify=PLAIN)) as client:
        answer = client.get(address, auth=("admin", "secret words"))
    assert answer.status_code == 200
    return answer.text


def test_any_worker_tells_what_all_of_them_have_answered(service: str) -> None:
    for _ in range(REQUESTS):
        ask(f"{service}/health/live")
    told = {"".join(re.findall(LIVE, ask(f"{service}/metrics"))) for _ in range(REQUESTS)}
    assert told == {str(REQUESTS)}
