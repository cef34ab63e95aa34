"""The store that a command works on: the one at DATABASE_URL, or the embedded one, running already or not."""

import getpass
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from api.cli.terminal import exits
from api.cli.terminal.naming import LOGGER, directory_of, name_of
from api.cli.terminal.output import say
from api.cli.terminal.typed import typed
from api.process.settings import Settings
from api.process.tables import migrate
from eventstore.chain import signing
from eventstore.embedded.server import embedded, has_cluster
from eventstore.sealing import master_keys
from eventstore.sealing.key_material import ensure_file
from eventstore.store import Store
from projections.database import has_store, open_store

T = TypeVar("T")


class NoStoreError(Exception):
    """There is none where this command looks, and it is not one of those that make one."""

    def __init__(self, settings: Settings) -> None:
        names = "DATABASE_URL" if settings.database_url else "CUSTODIARY_DATA"
        made = f"`{typed('migrate')}` makes an empty one there; {names} names another."
        super().__init__(f"No store in {name_of(settings)}. {made}")


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of the database, for as long as it is needed. Raises EmbeddedError and StoreOfAnotherError."""
    LOGGER.info("The store is %s.", name_of(settings))
    if settings.database_url is not None:
        yield settings.database_url.reveal()
    else:
        directory = directory_of(settings)
        with embedded(directory) as dsn:
            _set_key(directory / "master.key", master_keys.KEY, master_keys.KEY_FILE)
            _set_key(directory / "signing.key", signing.KEY, signing.KEY_FILE)
            yield dsn


def _set_key(file: Path, variable: str, file_variable: str) -> None:
    """Makes a key of the embedded store beside it, if there is none, and sets it for child processes, too."""
    if not any(os.environ.get(name, "").strip() for name in (variable, file_variable)):
        ensure_file(file.absolute())
        os.environ[file_variable] = str(file.absolute())


def with_store(work: Callable[[Store], Awaitable[T]], *, make: bool = False) -> T:
    """Do the work on the migrated store, which is made where there is none if `make`. Raises NoStoreError."""
    return with_store_at(lambda store, _dsn: work(store), make=make)


def with_store_at(work: Callable[[Store, str], Awaitable[T]], *, make: bool = False) -> T:
    """The same for work that other processes take part in, by the database's address."""
    settings = Settings.from_environment()
    if not make and settings.database_url is None and not has_cluster(directory_of(settings)):
        raise NoStoreError(settings)

    async def session(dsn: str) -> T:
        if not make and not await has_store(dsn):
            raise NoStoreError(settings)
        await migrate(dsn)
        async with open_store(dsn) as store:
            return await work(store, dsn)

    with database(settings) as dsn:
        return run(session(dsn))


def make_store() -> None:
    """Or bring it up to date."""

    async def nothing_more(_store: Store) -> None:
        pass

    with_store(nothing_more, make=True)
    say("The database is up to date.")


def who() -> str:
    """The account that runs the command."""
    with suppress(KeyError, OSError):  # one that has no name
        return getpass.getuser()
    return f"uid {os.getuid()}"


def run(work: Coroutine[Any, Any, T]) -> T:
    """To the end, or to Ctrl-C."""
    for name in ("asyncpg", "custodiary.database"):  # what they log of a lost connection, the command fails for
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        return uvloop.run(work)
    except KeyboardInterrupt:
        raise SystemExit(exits.INTERRUPTED) from None
