"""The store that a command works on: the one at DATABASE_URL, or the embedded one, running already or not."""

import getpass
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from api.cli import exits
from api.settings import Settings
from eventstore.embedded import embedded
from eventstore.masters import KEY, KEY_FILE, ensure_file
from eventstore.transact import Store
from projections.database import migrate, open_store

T = TypeVar("T")


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of the database, for as long as it is needed. Raises EmbeddedError."""
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with embedded(settings.data) as dsn:
            if not any(os.environ.get(name, "").strip() for name in (KEY, KEY_FILE)):
                os.environ[KEY_FILE] = str(_master_key_file(settings.data))  # for the processes of this one, too
            yield dsn


def _master_key_file(data: Path) -> Path:
    """Of the embedded store: made with it, and kept beside it."""
    file = data.absolute() / "master.key"
    ensure_file(file)
    return file


def with_store(work: Callable[[Store], Awaitable[T]]) -> T:
    """Do the work on the migrated store."""
    return with_store_at(lambda store, _dsn: work(store))


def with_store_at(work: Callable[[Store, str], Awaitable[T]]) -> T:
    """The same for work that other processes take part in, by the database's address."""

    async def session(dsn: str) -> T:
        await migrate(dsn)
        async with open_store(dsn) as store:
            return await work(store, dsn)

    with database(Settings.from_environment()) as dsn:
        return run(session(dsn))


def who() -> str:
    """The account that runs the command."""
    with suppress(KeyError, OSError):  # one that has no name
        return getpass.getuser()
    return f"uid {os.getuid()}"


def run(work: Coroutine[Any, Any, T]) -> T:
    """To the end, or to Ctrl-C."""
    try:
        return uvloop.run(work)
    except KeyboardInterrupt:
        raise SystemExit(exits.INTERRUPTED) from None
