"""PostgreSQL servers of a test's own, reached by TCP."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from eventstore.embedded.cluster import Cluster
from eventstore.embedded.server import DATABASE
from tests.eventstore.acts import until

HOST = "127.0.0.1"
# What a test makes need not outlive a power cut. Nobody can connect before the server is done with its start.
SETTINGS = (f"listen_addresses={HOST}", "unix_socket_directories=", "fsync=off", "hot_standby=on")
STREAMS = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming')"
HAS_ALL = "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn())"
IS_CUT_OFF = "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)"


class Node:
    """A server with a data directory below `directory`. What it logs is in the test's own output."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o711)
        self.cluster = Cluster(directory)
        self.port = free_port()
        self.dsn = f"postgresql://postgres@{HOST}:{self.port}/{DATABASE}"
        self._server: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._server = self.cluster.start_server([*SETTINGS, f"port={self.port}"])

        async def answers() -> bool:
            try:
                return bool(await self.ask("SELECT true"))
            except (OSError, asyncpg.CannotConnectNowError):
                return False

        await until(answers, "the server takes connections")

    async def ask(self, query: str) -> Any:
        """One value, from a connection of its own."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def set(self, name: str, value: str) -> None:
        await self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        await self.ask("SELECT pg_reload_conf()")

    async def promote(self) -> None:
        assert await self.ask("SELECT pg_promote()")

    def halt(self) -> None:
        """It hangs: whoever is connected waits, and nobody is refused."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """At once, and with all who are connected."""
        if self._server is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGKILL)
            self._server.wait()
            self._server = None

    def stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(signal.SIGINT)
            self._server.wait()
            self._server = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._server is not None
        children = Path(f"/proc/{self._server.pid}/task/{self._server.pid}/children").read_text().split()
        for pid in (self._server.pid, *map(int, children)):
            try:
                os.kill(pid, number)
            except ProcessLookupError:  # which has just ended
                continue


class Pair:
    """A primary, and a standby that streams from it."""

    def __init__(self, primary: Node, standby: Node) -> None:
        self.primary = primary
        self.standby = standby

    @property
    def dsn(self) -> str:
        """The DSN of the server that takes writes."""
        hosts = f"{HOST}:{self.primary.port},{HOST}:{self.standby.port}"
        return f"postgresql://postgres@{hosts}/{DATABASE}?target_session_attrs=read-write"

    async def cut_off(self) -> None:
        """The standby has all that there is by now, and hears of nothing more."""
        await until(lambda: self.primary.ask(HAS_ALL), "the standby has everything")
        await self.standby.set("primary_conninfo", "")
        await until(lambda: self.standby.ask(IS_CUT_OFF), "the standby is cut off")

    async def join(self) -> None:
        """The standby streams again."""
        await self.standby.set("primary_conninfo", f"host={HOST} port={self.primary.port} user=postgres")
        await until(lambda: self.primary.ask(STREAMS), "the standby streams")

    async def fail_over(self) -> None:
        """The primary is gone for good, and with it all that the standby does not have."""
        self.primary.kill()
        await self.standby.promote()


async def paired(data: Path, place: Path) -> Pair:
    """Both begin with the same data, as with a base backup."""
    pair = Pair(copied(data, place / "primary"), copied(data, place / "standby"))
    signal_file = pair.standby.cluster.data / "standby.signal"
    signal_file.touch()
    if account := pair.standby.cluster.account:
        shutil.chown(signal_file, account.pw_uid, account.pw_gid)
    await pair.primary.start()
    await pair.standby.start()
    await pair.join()
    return pair


def copied(data: Path, directory: Path) -> Node:
    node = Node(directory)
    subprocess.run(["cp", "-a", data, node.cluster.link], check=True)
    return node


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        port: int = listening.getsockname()[1]
        return port


@contextmanager
def own_place() -> Iterator[Path]:
    """A directory that the server's account gets to when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as directory:
        Path(directory).chmod(0o711)
        yield Path(directory)
