"""One PostgreSQL for the whole run, one migrated template in it, and a database of its own for each test that asks."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from hypothesis import HealthCheck, settings

from api.process.garbage import collect_seldom
from api.process.tables import migrate
from eventstore.embedded.server import embedded
from eventstore.sealing.key_material import new_key
from eventstore.sealing.master_keys import KEY

# A copied template need not outlive a power cut; that of the tests' own server is never meant to.
SETTINGS = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "max_wal_size": "512MB"}
# A database is made of some 300 files, for nearly every test: on many a disk that takes a second, in memory 0.05.
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 4 << 30
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES:
    tempfile.tempdir = str(MEMORY)
NUMBERS = count(1)
# They begin first, so that no process is left alone with one of them at the end.
LONGEST = ("test_proof.py", "test_benchmarks.py", "test_accessible.py", "test_killed.py")
# Hundreds of processes would each compile a thousand modules, which takes twice as long as importing them.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
os.environ[KEY] = new_key()  # for the processes that tests start, too
# A clean clone has no table of Unicode yet: the first text takes a second. No example is held to a time.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
# A run in the background is told to ignore Ctrl-C, and so would be the processes that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)


def pytest_collection_finish() -> None:
    """Thousands of items and all that they import are there to the end."""
    collect_seldom()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: while some tests wait, for a deadline or a process, others work."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The DSN of the server at TEST_DATABASE_URL, or else of an embedded one, gone with the run."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there when root runs the tests
        with embedded(Path(directory), SETTINGS) as dsn:
            yield dsn


@pytest.fixture(scope="session")
async def template(server: str) -> AsyncIterator[str]:
    """The name of a database that has been migrated and is only copied."""
    async with new_database(server) as name:
        await migrate(with_database(server, name))
        yield name


@pytest.fixture
async def database(server: str, template: str) -> AsyncIterator[str]:
    """The DSN of a new database with every migration in it and nothing else."""
    async with new_database(server, template) as name:
        yield with_database(server, name)


@pytest.fixture
async def empty_database(server: str) -> AsyncIterator[str]:
    """The DSN of a new database without so much as a migration."""
    async with new_database(server) as name:
        yield with_database(server, name)


@pytest.fixture
async def latin_database(server: str) -> AsyncIterator[str]:
    """The DSN of a new database that can't hold every name."""
    async with new_database(server, options="ENCODING 'LATIN1' LOCALE 'C'") as name:
        yield with_database(server, name)


@asynccontextmanager
async def new_database(server: str, template: str = "template0", options: str = "") -> AsyncIterator[str]:
    name = f"custodiary_test_{os.getpid()}_{next(NUMBERS)}"
    await _execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy {options}')
    try:
        yield name
    finally:
        await _execute(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def with_database(dsn: str, name: str) -> str:
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
