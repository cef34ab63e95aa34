"""A server process of a test's own, for what calls it as strangers do."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.plain import PLAIN

ROOT = Path(__file__).parents[2]
PATIENCE = 120  # seconds, on a machine that has much else to do


@contextmanager
def served(database: str) -> Iterator[str]:
    """The address of a server process."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    command = ["granian", "--interface", "asgi", "--factory", "--port", str(port), "--log-level", "error"]
    environment = os.environ | {"DATABASE_URL": database}
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "api.worker:create_worker_app"], cwd=ROOT, env=environment
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health/ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.get(address, timeout=PATIENCE, verify=PLAIN).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
