"""Two services on one database, each a process of its own with a worker: what one does, the other knows."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.process import Process, custodiary
from tests.cli.test_serve import free_port

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
CUSTOMERS = "/customers"


class Service:
    def __init__(self, url: str) -> None:
        port = free_port()
        self.base = f"http://127.0.0.1:{port}/wp-json/fluent-cart/v2"
        self.process = Process("serve", "--port", port, DATABASE_URL=url, CUSTODIARY_ADMIN_PASSWORD="open sesame")
        self.process.lines_until("Its documentation")
        self.http = httpx.Client(base_url=self.base)

    def status(self, credential: dict[str, Any]) -> int:
        return self.http.get(CUSTOMERS, auth=(credential["login"], credential["password"])).status_code

    def make(self, name: str) -> dict[str, Any]:
        body = {"login": "ann", "name": name, "role": "manager"}
        answer = self.http.post("/credentials", json=body, auth=("admin", "open sesame")).raise_for_status()
        made: dict[str, Any] = answer.json()["data"]
        return made

    def revoke(self, credential: dict[str, Any]) -> None:
        path = f"/credentials/{credential['uuid']}"
        self.http.delete(path, auth=("admin", "open sesame")).raise_for_status()

    def send(self, number: signal.Signals) -> None:
        """To the process that answers."""
        main = self.process.process.pid
        for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
            os.kill(int(child), number)

    def end(self) -> None:
        self.http.close()
        self.process.process.terminate()
        self.process.end()


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
