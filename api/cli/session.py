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
from eventstore import master_keys
from eventstore.chain import signing
from eventstore.embedded import embedded
from eventstore.key_material import ensure_file
from eventstore.transact import Store
from projections.database import migrate, open_store

T = TypeVar("T")


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of the database, for as long as it is needed. Raises EmbeddedError."""
    if settings.database_url is not None:
        yield settings.database_url.reveal()
    else:
        with embedded(settings.data) as dsn:
            _set_key(settings.data / "master.key", master_keys.KEY, master_keys.KEY_FILE)
            _set_key(settings.data / "signing.key", signing.KEY, signing.KEY_FILE)
            yield dsn


def _set_key(file: Path, variable: str, file_variable: str) -> None:
    """Of the embedded store: made with it, kept beside it, and known to the processes of this one, too."""
    if not any(os.environ.get(name, "").strip() for name in (variable, file_variable)):
        ensure_file(file.absolute())
        os.environ[file_variable] = str(file.absolute())


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
