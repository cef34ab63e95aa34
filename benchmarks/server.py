"""A PostgreSQL of a benchmark's own, as `make run` starts one: durable, on a disk."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from eventstore.embedded.server import embedded
from eventstore.sealing.key_material import new_key
from eventstore.sealing.master_keys import KEY

SETTINGS = {"max_connections": "400"}
NUMBERS = count(1)


@contextmanager
def own_server(settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The DSN of an empty database, gone afterwards."""
    os.environ.setdefault(KEY, new_key())
    with tempfile.TemporaryDirectory(prefix="custodiary-bench-") as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there when root runs this
        with embedded(Path(directory), {**SETTINGS, **(settings or {})}) as dsn:
            yield dsn


@asynccontextmanager
async def own_database(server: str) -> AsyncIterator[str]:
    """The DSN of another empty database on the same server, gone afterwards."""
    name = f"bench_{next(NUMBERS)}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE template0")
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        await execute(server, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
