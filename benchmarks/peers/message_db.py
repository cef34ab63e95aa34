"""Message DB: its functions in the database, called through asyncpg. It keeps the order of a category.

Its SQL comes from its npm package, so npm is needed. pgcrypto, which it asks for, has been part of PostgreSQL itself
since 13, as far as it goes here.
"""

import asyncio
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg

from benchmarks.harness import Unavailable, rate
from benchmarks.peers import CONNECTIONS, PAYLOAD, TOPIC, RunAt
from eventstore.postgres.connection import Connection

PACKAGE = "@eventide/message-db@1.3.1"
PATIENCE = 60  # seconds
WRITE = "SELECT write_message($1, $2, $3, $4, NULL, -1)"
# In the order of its own install.sh.
FILES = (
    "schema/message-store", "tables/messages", "types/message", "functions/message-store-version", "functions/hash-64",
    "functions/acquire-lock", "functions/category", "functions/is-category", "functions/cardinal-id", "functions/id",
    "functions/stream-version", "functions/write-message", "functions/get-stream-messages",
    "functions/get-category-messages", "functions/get-last-stream-message", "indexes/messages-category",
    "indexes/messages-id", "indexes/messages-stream",
)  # fmt: skip


def message_db(dsn: str) -> AbstractAsyncContextManager[RunAt]:
    """All in one category, as an application's events of a kind are."""
    return _writing(dsn, lambda _number: "payment")


def message_db_in_categories(dsn: str) -> AbstractAsyncContextManager[RunAt]:
    """Uses as many categories as connections: then there is no common order to keep."""
    return _writing(dsn, lambda number: f"payment{number % CONNECTIONS}")


@asynccontextmanager
async def _writing(dsn: str, category: Callable[[int], str]) -> AsyncIterator[RunAt]:
    async with _installed(dsn) as pool:
        data = json.dumps(PAYLOAD)

        async def write(number: int) -> None:
            await pool.execute(WRITE, str(uuid4()), f"{category(number)}-{uuid4()}", TOPIC, data)

        yield lambda concurrency: partial(rate, write, concurrency)


@asynccontextmanager
async def _installed(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    statements = await asyncio.to_thread(_downloaded)
    async with asyncpg.create_pool(
        dsn,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        reset=_keep,
        server_settings={"search_path": "message_store, public"},
    ) as pool:
        for statement in statements:
            await pool.execute(statement)
        yield pool


def _downloaded() -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("its SQL is in an npm package, and there is no npm on the PATH")
    with tempfile.TemporaryDirectory() as directory:
        try:
            subprocess.run(
                [npm, "pack", "--silent", PACKAGE], cwd=directory, capture_output=True, timeout=PATIENCE, check=True
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise Unavailable(f"npm could not get {PACKAGE}") from error
        [archive] = Path(directory).glob("*.tgz")
        with tarfile.open(archive) as files:
            files.extractall(directory, filter="data")
        database = Path(directory) / "package" / "database"
        return [(database / f"{name}.sql").read_text() for name in FILES]


async def _keep(_connection: Connection) -> None:
    """No reset query, as in our own pool."""
