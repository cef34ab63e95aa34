"""schemathesis with all its checks, against a server and a database of its own.

Bounded and the same every time; `make fuzz` sets FUZZ_SECONDS, and lets chance in.
"""

import os
import subprocess
import sys
from pathlib import Path

from projections.database import open_store
from service.credentials import passwords as credentials
from service.redaction import Secret
from tests.api.documented import OPERATIONS
from tests.api.serving import ROOT, served

CONFIG = Path(__file__).with_name("schemathesis.toml")
PASSWORD = "open sesame"
SECONDS = os.environ.get("FUZZ_SECONDS")
# To every operation wrong passwords are sent, too: with all of them forgiven, time does not run out for the others.
FORGIVE = """
    CREATE FUNCTION forgive() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.level := 0; RETURN NEW; END';
    CREATE TRIGGER forgive BEFORE INSERT OR UPDATE ON login_failures FOR EACH ROW EXECUTE FUNCTION forgive()"""
BOUNDED = ["--max-time", "40", "--max-examples", "5", "--seed", "1"]


async def test_nothing_that_a_client_may_send_breaks_what_the_document_says(database: str) -> None:
    async with open_store(database, connections=1) as store:
        await credentials.bootstrap(store.pool, Secret(PASSWORD))
        await store.pool.execute(FORGIVE)
    extent = ["--max-time", str(int(SECONDS) // 2), "--max-examples", "1000"] if SECONDS else BOUNDED
    with served(database) as address:
        found = schemathesis(f"{address}/docs/openapi.json", *extent)
    assert found.returncode == 0, found.stdout + found.stderr
    count = len(OPERATIONS) - 1  # `schemathesis.toml` leaves one out
    assert f"Tested: {count}" in found.stdout


def schemathesis(document: str, *options: str) -> subprocess.CompletedProcess[str]:
    login = ["--auth", f"{credentials.ADMIN}:{PASSWORD}"]
    command = ["--config-file", str(CONFIG), "run", document, *login, *options, "--no-color"]
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *command], cwd=ROOT, check=False, capture_output=True, text=True
    )
