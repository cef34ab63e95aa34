"""schemathesis with all its checks, against a server and a database of its own.

Bounded and the same every time; `make fuzz` sets FUZZ_SECONDS, and lets chance in.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from api.access import credentials
from api.openapi.operations import operations
from api.redaction import Secret
from projections.database import open_store

CONFIG = Path(__file__).with_name("schemathesis.toml")
ROOT = CONFIG.parents[2]
PASSWORD = "open sesame"
SECONDS = os.environ.get("FUZZ_SECONDS")
# To every operation wrong passwords are sent, too: with all of them forgiven, time does not run out for the others.
FORGIVE = """
    CREATE FUNCTION forgive() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.level := 0; RETURN NEW; END';
    CREATE TRIGGER forgive BEFORE INSERT OR UPDATE ON login_failures FOR EACH ROW EXECUTE FUNCTION forgive()"""
BOUNDED = ["--max-time", "12", "--max-examples", "5", "--seed", "1"]


async def test_nothing_that_a_client_may_send_breaks_what_the_document_says(database: str) -> None:
    async with open_store(database, connections=1) as store:
        await credentials.bootstrap(store.pool, Secret(PASSWORD))
        await store.pool.execute(FORGIVE)
    extent = ["--max-time", str(int(SECONDS) // 2), "--max-examples", "1000"] if SECONDS else BOUNDED
    with served(database) as address:
        found = schemathesis(f"{address}/docs/openapi.json", *extent)
    assert found.returncode == 0, found.stdout + found.stderr
    count = len(operations("first_name"))
    assert f"Tested: {count}" in found.stdout


def schemathesis(document: str, *options: str) -> subprocess.CompletedProcess[str]:
    login = ["--auth", f"{credentials.ADMIN}:{PASSWORD}"]
    command = ["--config-file", str(CONFIG), "run", document, *login, *options, "--workers", "2", "--no-color"]
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command], cwd=ROOT, check=False, capture_output=True, text=True
    )


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
        process.wait(10)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.get(address).raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
