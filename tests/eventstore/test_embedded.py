"""The embedded server under real processes that join, leave and are killed. What is waited for has a deadline."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from eventstore.embedded import cluster as embedded_cluster
from eventstore.embedded.server import KEEPER, EmbeddedError, embedded, find_bindir, locked

USE = """
import sys
from pathlib import Path
from eventstore.embedded.server import embedded
with embedded(Path(sys.argv[1])) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""
REPOSITORY = Path(__file__).parents[2]
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another")


class User:
    """A process that uses the server until it is told to leave."""

    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-c", USE, str(directory)]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )

    def dsn(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate()
        assert self.process.returncode == 0

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)  # as Ctrl-C does: to all in the terminal's foreground
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def new_directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        Path(place).chmod(0o711)
        yield Path(place)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        Path(place).chmod(0o711)
        with embedded(Path(place)) as dsn, psycopg.connect(dsn) as connection:
            connection.execute("CREATE TABLE told (what text)")
        yield Path(place)


@pytest.fixture
def directory(made: Path) -> Iterator[Path]:
    """One that holds a cluster, and no server before and after."""
    assert is_still(made)
    yield made
    eventually(lambda: is_still(made))


def is_still(directory: Path) -> bool:
    return not list(directory.glob("pg*/postmaster.pid")) and not list(directory.glob("run/.s.PGSQL.*"))


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def postmaster(directory: Path) -> int:
    (pid_file,) = directory.glob("pg*/postmaster.pid")
    return int(pid_file.read_text().splitlines()[0])


def keeper(directory: Path) -> int:
    status = Path(f"/proc/{postmaster(directory)}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def kill_keeper(directory: Path) -> None:
    os.kill(keeper(directory), signal.SIGKILL)
    with locked(directory / KEEPER, fcntl.LOCK_EX):
        pass  # it is dead; its server may still be about to hear of it


def tell(dsn: str, what: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("INSERT INTO told VALUES (%s)", [what])


def told(dsn: str) -> set[str]:
    with psycopg.connect(dsn) as connection:
        return {what for (what,) in connection.execute("SELECT what FROM told")}


def lets_in(dsn: str) -> bool:
    try:
        psycopg.connect(dsn).close()
    except psycopg.OperationalError:
        return False
    return True


def test_the_first_user_makes_the_database_and_the_last_stops_the_server(new_directory: Path) -> None:
    with embedded(new_directory) as dsn:
        with psycopg.connect(dsn) as connection:
            row = connection.execute("SELECT current_database(), current_setting('fsync')").fetchone()
        assert row == ("custodiary", "on")
        assert not is_still(new_directory)
    assert is_still(new_directory)


def test_nobody_but_its_owner_reads_the_data_the_log_or_the_socket(directory: Path) -> None:
    with embedded(directory):
        private = [*directory.glob("pg*"), directory / "run", directory / "postgres.log", directory / "users.lock"]
        assert {path.stat().st_mode & 0o077 for path in private} == {0}


def test_a_second_process_joins_the_server_that_runs(directory: Path) -> None:
    with embedded(directory) as dsn:
        first = postmaster(directory)
        second_user = User(directory)
        assert second_user.dsn() == dsn
        assert postmaster(directory) == first
        second_user.leave()


def test_the_server_stays_when_its_starter_leaves_and_stops_with_the_last(directory: Path) -> None:
    starter = User(directory)
    dsn = starter.dsn()
    joiner = User(directory)
    joiner.dsn()
    starter.leave()
    assert lets_in(dsn)
    joiner.leave()
    assert is_still(directory)


def test_one_process_can_use_it_twice(directory: Path) -> None:
    with embedded(directory) as dsn:
        with embedded(directory) as again:
            assert again == dsn
        assert lets_in(dsn)


def test_all_who_come_at_once_get_one_server(directory: Path) -> None:
    users = [User(directory) for _ in range(6)]
    assert len({user.dsn() for user in users}) == 1
    for user in users:
        assert user.process.stdin
        user.process.stdin.close()
    assert [user.process.wait() for user in users] == [0] * 6
    for user in users:
        assert user.process.stdout
        user.process.stdout.close()
    assert is_still(directory)


def test_ctrl_c_ends_the_user_and_leaves_the_server_to_the_others(directory: Path) -> None:
    starter, other = User(directory), User(directory)
    dsn = starter.dsn()
    other.dsn()
    starter.interrupt()
    assert lets_in(dsn)
    other.interrupt()
    assert is_still(directory)


def test_a_killed_user_is_no_user(directory: Path) -> None:
    user = User(directory)
    user.dsn()
    user.kill()
    eventually(lambda: is_still(directory))


def test_a_killed_server_comes_back_with_what_it_had_committed(directory: Path) -> None:
    with embedded(directory) as dsn:
        tell(dsn, "before its death")
        os.kill(postmaster(directory), signal.SIGKILL)
        eventually(lambda: lets_in(dsn))
        assert "before its death" in told(dsn)


def test_a_server_that_somebody_else_stops_comes_back(directory: Path) -> None:
    with embedded(directory) as dsn:
        first = postmaster(directory)
        os.kill(first, signal.SIGINT)
        eventually(lambda: lets_in(dsn) and postmaster(directory) != first)


@needs_proc
def test_after_a_killed_keeper_the_next_start_works(directory: Path) -> None:
    user = User(directory)
    tell(user.dsn(), "under the first keeper")
    kill_keeper(directory)
    with embedded(directory) as dsn:
        assert "under the first keeper" in told(dsn)
        user.leave()


@needs_proc
def test_after_keeper_and_server_are_killed_the_next_start_works(directory: Path) -> None:
    user = User(directory)
    tell(user.dsn(), "under the killed server")
    os.kill(keeper(directory), signal.SIGSTOP)  # or it would have the server back at once
    os.kill(postmaster(directory), signal.SIGKILL)
    kill_keeper(directory)
    user.kill()
    with embedded(directory) as dsn:
        assert "under the killed server" in told(dsn)


@needs_proc
def test_a_pid_file_that_names_another_process_by_now_keeps_nobody_out(directory: Path) -> None:
    (data,) = directory.glob("pg*")
    (data / "postmaster.pid").write_text(f"{os.getpid()}\n{data}\n")
    with embedded(directory) as dsn:
        assert lets_in(dsn)


def test_a_long_path_has_its_socket_elsewhere_and_leaves_none(new_directory: Path) -> None:
    with embedded(new_directory / ("long" * 30)) as dsn:
        assert lets_in(dsn)
        socket_directory = (new_directory / ("long" * 30) / "run").readlink()
    assert not socket_directory.exists()


def test_a_blank_and_a_percent_sign_in_the_path_do_no_harm(new_directory: Path) -> None:
    with embedded(new_directory / "100 % ours, & more") as dsn:
        assert lets_in(dsn)


def test_a_server_that_cannot_start_says_why(directory: Path) -> None:
    with pytest.raises(EmbeddedError, match="max_connections"), embedded(directory, {"max_connections": "many"}):
        pass


def test_another_major_version_s_data_is_left_alone_and_named(new_directory: Path) -> None:
    (new_directory / "pg9").mkdir()
    with pytest.raises(EmbeddedError, match=r"holds pg9, and the PostgreSQL found is \d+"), embedded(new_directory):
        pass


def test_a_directory_that_cannot_be_made_is_named(new_directory: Path) -> None:
    (new_directory / "file").touch()
    with pytest.raises(EmbeddedError, match=r"can't use .*file: File exists"), embedded(new_directory / "file"):
        pass


@needs_root
def test_what_only_root_may_enter_has_its_data_elsewhere(new_directory: Path) -> None:
    new_directory.chmod(0o700)
    try:
        for _ in range(2):
            with embedded(new_directory / "store") as dsn:
                assert lets_in(dsn)
        (data,) = (new_directory / "store").glob("pg*")
        assert data.readlink().parent == embedded_cluster.OPEN_PLACE
    finally:
        for data in (new_directory / "store").glob("pg*"):
            shutil.rmtree(data.resolve())


@needs_root
def test_root_runs_a_user_s_server_as_that_user(new_directory: Path) -> None:
    os.chown(new_directory, 65534, 65534)
    with embedded(new_directory):
        owners = {path.stat().st_uid for path in [*new_directory.glob("pg*"), new_directory / "postgres.log"]}
    assert owners == {65534}


def test_a_user_without_a_name_is_told(monkeypatch: pytest.MonkeyPatch, new_directory: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 2_000_000_001)
    with pytest.raises(EmbeddedError, match="2000000001 has no name"):
        embedded_cluster.Cluster(new_directory)


def test_the_binaries_are_a_wheel_s_or_those_on_the_path(monkeypatch: pytest.MonkeyPatch, new_directory: Path) -> None:
    monkeypatch.setattr("eventstore.embedded.server.SYSTEM", new_directory / "nowhere")
    monkeypatch.setenv("PATH", str(new_directory))
    for name in ("postgres", "initdb"):
        (new_directory / name).touch(mode=0o755)
    with monkeypatch.context() as without_wheels:
        without_wheels.setattr("eventstore.embedded.server.WHEELS", {})
        assert find_bindir() == new_directory.resolve()
        (new_directory / "initdb").unlink()
        with pytest.raises(EmbeddedError, match="set DATABASE_URL"):
            find_bindir()


@needs_proc
def test_no_key_is_in_the_servers_environment(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MASTER_KEY", "MASTER_KEY_FILE", "SIGNING_KEY", "SIGNING_KEY_FILE"):
        monkeypatch.setenv(name, "what opens or signs")
    with embedded(directory):
        environment = Path(f"/proc/{postmaster(directory)}/environ").read_bytes()
    assert b"LC_ALL=C" in environment
    assert b"what opens or signs" not in environment
