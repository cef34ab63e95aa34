"""A service with a PostgreSQL of its own, of which each process is killed: it repairs itself within seconds."""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest
from msgspec import json

from api.http.paths import BASE
from tests.cli.process import Process
from tests.cli.test_serve import free_port, of_the_store
from tests.eventstore.test_embedded import is_still, keeper, postmaster
from tests.plain import PLAIN

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")

PASSWORD = "open sesame"
PATIENCE = 60.0  # seconds, on a machine that has much else to do
NUMBERS = count()


class Service:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.process = Process(
            "serve", "--port", self.port, "--workers", 2,
            CUSTODIARY_DATA=directory, CUSTODIARY_ADMIN_PASSWORD=PASSWORD,
        )  # fmt: skip
        self.process.lines_until("Its documentation")

    def workers(self) -> set[int]:
        main = self.process.process.pid
        return set(map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split()))

    def writes(self) -> bool:
        """Whether each worker does, most likely: every request comes on a connection of its own."""
        try:
            for _ in range(8):
                body = {"email": f"ann{next(NUMBERS)}@shop.example", "first_name": "Ann"}
                url = f"http://127.0.0.1:{self.port}{BASE}/customers"
                if httpx.post(url, json=body, auth=("admin", PASSWORD), timeout=5, verify=PLAIN).status_code != 200:
                    return False
        except httpx.TransportError:
            return False
        return True

    def customers(self) -> int:
        url = f"http://127.0.0.1:{self.port}{BASE}/customers"
        answer = httpx.get(url, auth=("admin", PASSWORD), timeout=PATIENCE, verify=PLAIN).raise_for_status()
        return int(answer.json()["customers"]["total"])

    def end(self) -> str:
        """What it has logged."""
        self.process.process.terminate()
        return self.process.end().stderr


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service whose socket lies elsewhere, because the path is too long for one."""
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        Path(place).chmod(0o711)  # so that the server's account gets there when root runs the tests
        service = Service(Path(place) / ("long" * 30))
        yield service
        service.end()


@pytest.fixture(scope="module")
def log(service: Service) -> list[str]:
    """The errors, told when it has ended. From here on no service runs."""
    lines = [json.decode(line) for line in service.end().splitlines()]
    return [line["message"] for line in lines if line["level"] in {"ERROR", "CRITICAL"}]


def within_seconds(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_workers_that_are_killed_are_replaced(service: Service) -> None:
    before = service.workers()
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    within_seconds(lambda: len(service.workers() - before) == 2 and service.writes())


def test_a_postgresql_that_dies_is_started_again_with_all_that_was_written(service: Service) -> None:
    within_seconds(service.writes)
    written = service.customers()
    os.kill(postmaster(service.directory), signal.SIGKILL)
    within_seconds(service.writes)
    assert service.customers() >= written + 8


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_keeper_that_dies_is_replaced_with_its_server(service: Service, number: signal.Signals) -> None:
    within_seconds(service.writes)
    before = keeper(service.directory)
    os.kill(before, number)
    within_seconds(lambda: is_kept_by_another(service, before) and service.writes())


def is_kept_by_another(service: Service, keeper_before: int) -> bool:
    try:
        return keeper(service.directory) != keeper_before
    except (OSError, ValueError, IndexError):  # it is just starting
        return False


def test_all_that_die_at_once_are_replaced(service: Service) -> None:
    within_seconds(service.writes)
    for process in (keeper(service.directory), postmaster(service.directory), min(service.workers())):
        os.kill(process, signal.SIGKILL)
    within_seconds(service.writes)


def test_each_death_is_logged(service: Service, log: list[str]) -> None:
    assert "Unexpected exit from worker-1" in log
    assert log.count("the keeper of the embedded PostgreSQL has died; another one is started") == 3
    assert log.count("the embedded PostgreSQL has ended, and was started again") == 4
    assert (
        "The keeper starts PostgreSQL again, which ended with -9." in (service.directory / "postgres.log").read_text()
    )


def test_nothing_is_left_of_them(service: Service, log: list[str]) -> None:
    assert of_the_store(service.directory) == []
    assert is_still(service.directory)
