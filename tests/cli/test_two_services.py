"""Two services on one database, each a process of its own with a worker: what one does, the other knows."""

import os
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import httpx
import pytest

from api.access.throttle import LONGEST
from api.http.paths import BASE
from tests.cli.process import PATIENCE, Process, custodiary
from tests.cli.test_serve import free_port
from tests.plain import PLAIN

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
CUSTOMERS = "/customers"
PASSWORD = "open sesame"
GUESSES = 4_000
ROOT = Path(__file__).parents[2]


class Service:
    def __init__(self, url: str) -> None:
        self.port = free_port()
        self.process = Process("serve", "--port", self.port, DATABASE_URL=url, CUSTODIARY_ADMIN_PASSWORD=PASSWORD)
        self.process.lines_until("Its documentation")
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}{BASE}", timeout=PATIENCE, verify=PLAIN)

    def status(self, credential: dict[str, Any]) -> int:
        return self.http.get(CUSTOMERS, auth=(credential["login"], credential["password"])).status_code

    def make(self, name: str) -> dict[str, Any]:
        body = {"login": "ann", "name": name, "role": "manager"}
        answer = self.http.post("/credentials", json=body, auth=("admin", PASSWORD)).raise_for_status()
        made: dict[str, Any] = answer.json()["data"]
        return made

    def revoke(self, credential: dict[str, Any]) -> None:
        path = f"/credentials/{credential['uuid']}"
        self.http.delete(path, auth=("admin", PASSWORD)).raise_for_status()

    def send(self, number: signal.Signals) -> None:
        """To the process that answers."""
        main = self.process.process.pid
        for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
            os.kill(int(child), number)

    def end(self) -> None:
        self.http.close()
        self.process.process.terminate()
        self.process.end()


def guesser(guesses: int, connections: int, *services: Service) -> subprocess.Popen[str]:
    arguments = map(str, [guesses, connections, *(service.port for service in services)])
    return subprocess.Popen(
        [sys.executable, "-m", "tests.cli.guesser", *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.fixture(scope="module")
def services(url: str) -> Iterator[tuple[Service, Service]]:
    both = Service(url), Service(url)
    yield both
    for service in both:
        service.end()


def test_a_credential_that_one_revokes_is_unknown_to_both_at_once(services: tuple[Service, Service]) -> None:
    """Though it was in use, on the same connections, until just before."""
    one, other = services
    for round_ in range(3):
        credential = one.make(f"round {round_}")
        for _ in range(20):
            assert [service.status(credential) for service in services] == [200, 200]
        one.revoke(credential)
        assert [service.status(credential) for service in (other, one, other, one)] == [401] * 4


def test_so_is_one_that_the_command_line_revokes(services: tuple[Service, Service], url: str) -> None:
    credential = services[0].make("by hand")
    assert [service.status(credential) for service in services] == [200, 200]
    assert custodiary("credentials", "revoke", credential["uuid"], DATABASE_URL=url).lines == ["Revoked."]
    assert [service.status(credential) for service in services] == [401, 401]


@needs_proc
def test_a_process_that_was_halted_meanwhile_does_not_go_by_what_it_knew(services: tuple[Service, Service]) -> None:
    """The one thing it could not have been told."""
    one, other = services
    credential = one.make("halted")
    assert other.status(credential) == 200
    other.send(signal.SIGSTOP)
    try:
        one.revoke(credential)
    finally:
        other.send(signal.SIGCONT)
    assert other.status(credential) == 401


def latencies(services: tuple[Service, Service], credential: dict[str, Any], number: int) -> list[float]:
    """Latencies in seconds, of a client of both that does as little as possible itself."""
    login = b64encode(f"{credential['login']}:{credential['password']}".encode()).decode()
    clients = [HTTPConnection("127.0.0.1", service.port) for service in services]
    times = []
    for each in range(number):
        began = perf_counter()
        clients[each % 2].request("GET", BASE + CUSTOMERS, headers={"Authorization": f"Basic {login}"})
        answer = clients[each % 2].getresponse()
        answer.read()
        times.append(perf_counter() - began)
        assert answer.status == 200
    for client in clients:
        client.close()
    return times


def test_wrong_passwords_that_one_was_sent_are_slow_at_the_other(services: tuple[Service, Service]) -> None:
    one, other = services
    assert guesser(100, 50, one).communicate(timeout=PATIENCE)[0] == "{401: 100}\n"
    began = perf_counter()
    assert other.http.get(CUSTOMERS, auth=("admin", "wrong")).status_code == 401
    assert perf_counter() - began >= LONGEST - 1


def test_thousands_of_wrong_passwords_from_one_address_harm_nobody(services: tuple[Service, Service]) -> None:
    """Sent from the same address as the right ones, for the same login.

    The guesser is halted now and then: what else the machine has to do comes and goes, and must not be held against it.
    """
    admin = {"login": "admin", "password": PASSWORD}
    latencies(services, admin, 100)
    attack, times_longer = guesser(GUESSES, 1_000, *services), list[float]()
    while attack.poll() is None:
        meanwhile = latencies(services, admin, 300)
        attack.send_signal(signal.SIGSTOP)
        time.sleep(LONGEST)  # after which nobody is kept waiting any more
        times_longer.append(median(meanwhile) / median(latencies(services, admin, 300)))
        attack.send_signal(signal.SIGCONT)
    assert attack.communicate()[0] == f"{{401: {GUESSES}}}\n"
    assert len(times_longer) > 2
    assert median(times_longer) < 10, times_longer  # who is slowed waits a thousand times as long
