"""`custodiary serve` on a PostgreSQL of its own, from the first start in an empty directory to nothing left running."""

import re
import signal
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from msgspec import json

from api.cli.actions.listening import ListeningAddress
from api.cli.terminal import exits
from tests.cli.process import COMMAND, PATIENCE, Ended, Process, custodiary
from tests.eventstore.test_embedded import eventually, is_still
from tests.importing.desk import order, order_file

LOGIN = re.compile("Your login is (admin), its application password is ((?:[0-9A-Za-z]{4} ){5}[0-9A-Za-z]{4})")
SHOWN_ONCE = f"It is shown this once; `{COMMAND} credentials add` makes others."
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
get = partial(httpx.get, timeout=PATIENCE)


class Service:
    """The first start in an empty directory, with two workers."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.port = port
        self.process = Process("serve", "--port", port, "--workers", 2, CUSTODIARY_DATA=directory, STORE_URL="")
        self.said = self.process.lines_until("Its documentation")
        found = LOGIN.fullmatch(self.said[0])
        assert found
        self.login = found[1], found[2]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def customers(self) -> str:
        return f"{self.url}/wp-json/fluent-cart/v2/customers"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        Path(place).chmod(0o711)  # so that the server's account gets there when root runs the tests
        yield Path(place) / "data"


@pytest.fixture(scope="module")
def service(directory: Path) -> Iterator[Service]:
    service = Service(directory, free_port())
    yield service
    service.process.process.terminate()  # which does nothing when it has ended
    service.process.end()


@pytest.fixture(scope="module")
def stopped(service: Service) -> Ended:
    """Stops it by Ctrl-C. From here on no service runs."""
    service.process.press_ctrl_c()
    return service.process.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0


def of_the_store(directory: Path) -> list[str]:
    """Processes that were started for it: servers, workers, keepers, PostgreSQL."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:  # it has just ended, or is none of ours
            continue
        if str(directory).encode() in told:
            found.append((process / "comm").read_text())
    return found


def test_the_first_start_says_where_it_is_and_how_to_get_in(service: Service) -> None:
    *lines, link, documentation = service.said[1:]
    assert [*lines, documentation] == [
        SHOWN_ONCE,
        f"Custodiary serves {service.url}/wp-json/fluent-cart/v2",
        f"Its console is at {service.url}/console",
        f"Its documentation is at {service.url}/docs",
    ]
    assert re.fullmatch(
        rf"{service.url}/console/welcome/[\w-]{{43}} signs you in to it, once and within the hour\.", link
    )


def test_the_link_of_the_first_start_signs_in_once(service: Service) -> None:
    link = service.said[-2].partition(" ")[0]
    entered = get(link)
    assert (entered.status_code, entered.headers["location"]) == (303, "/console")
    page = get(f"{service.url}/console", cookies=entered.cookies)
    assert '<span class="who">admin</span>' in page.text
    assert get(link).status_code == 403


def test_what_it_says_is_so_by_then(service: Service) -> None:
    assert get(service.customers, auth=service.login).json()["customers"]["total"] == 0
    assert get(service.customers, auth=("admin", "xxxx" * 6)).status_code == 401
    assert "<html" in get(f"{service.url}/docs").text


def test_page_links_follow_the_port(service: Service) -> None:
    page = get(service.customers, auth=service.login).json()["customers"]
    assert page["first_page_url"].startswith(f"{service.customers}/?")


@pytest.mark.parametrize(
    ("host", "ip", "url"),
    [
        ("127.0.0.1", "127.0.0.1", "http://127.0.0.1:81"),
        ("shop.example", "192.0.2.7", "http://shop.example:81"),
        ("0.0.0.0", "0.0.0.0", "http://127.0.0.1:81"),
        ("::", "::", "http://[::1]:81"),
        ("fe80::1%eth0", "fe80::1%eth0", "http://[fe80::1%eth0]:81"),
    ],
)
def test_clients_are_told_an_address_that_they_can_reach(host: str, ip: str, url: str) -> None:
    """Also where the service listens on all there are."""
    assert ListeningAddress(host, ip, 81).url == url


def test_commands_join_the_store_of_a_running_service(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order(1), order(2, email="bob@shop.example")))
    assert custodiary("import", "orders", file, CUSTODIARY_DATA=service.directory).code == exits.DONE
    assert get(service.customers, auth=service.login).json()["customers"]["total"] == 2
    added = custodiary("credentials", "add", "eve", "--role", "worker", CUSTODIARY_DATA=service.directory)
    assert get(service.customers, auth=("eve", added.stdout.strip())).status_code == 200


def test_the_log_is_signed_with_a_key_that_only_its_owner_can_read(service: Service) -> None:
    assert (service.directory / "signing.key").stat().st_mode & 0o777 == 0o600
    # The second, if the service was faster.
    assert custodiary("audit", "checkpoint", CUSTODIARY_DATA=service.directory).json["number"] in {1, 2}
    assert custodiary("audit", "verify", "--json", CUSTODIARY_DATA=service.directory).json["unsigned"] == 0


def test_of_two_hundred_creates_with_one_email_on_two_workers_one_wins(service: Service) -> None:
    with (
        httpx.Client(timeout=PATIENCE, auth=service.login, limits=httpx.Limits(max_connections=50)) as http,
        ThreadPoolExecutor(50) as pool,
    ):
        bodies = [{"email": "Rush@shop.example", "first_name": f"Jane {number}"} for number in range(200)]
        answers = list(pool.map(lambda body: http.post(service.customers, json=body), bodies))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 199}
        (won,) = [answer.json()["data"]["id"] for answer in answers if answer.status_code == 200]
        found = http.get(service.customers, params={"search": "rush@shop.example"}).json()["customers"]["data"]
    assert [customer["id"] for customer in found] == [won]
    events = custodiary("history", won, "--json", CUSTODIARY_DATA=service.directory).json["data"]
    assert [event["type"] for event in events] == ["customer-registered"]


def test_the_master_key_is_made_for_its_owner_alone_and_rotated_while_the_service_runs(service: Service) -> None:
    file = service.directory / "master.key"
    assert file.stat().st_mode & 0o777 == 0o600
    [before] = file.read_text().split()
    rotated = custodiary("keys", "rotate", "--json", CUSTODIARY_DATA=service.directory).json
    assert (rotated["rewrapped"], rotated["unopened"]) == (3, 0)
    assert file.stat().st_mode & 0o777 == 0o600
    new, old = file.read_text().split()
    assert old == before != new
    with httpx.Client(timeout=PATIENCE, auth=service.login) as http:
        for number in range(10):
            answer = http.post(service.customers, json={"email": f"new{number}@shop.example", "first_name": "Jane"})
            assert answer.status_code == 200
            shown = http.get(f"{service.customers}/{answer.json()['data']['id']}/history").json()["history"]["data"]
            assert shown[0]["data"]["profile"]["first_name"] == "Jane"
    checked = custodiary("keys", "check", "--json", CUSTODIARY_DATA=service.directory).json
    counts = {"opened": 13, "unopened": 0, "missing": 0, "destroyed_again": 0, "removed": 0}
    assert checked == {"store": str(service.directory)} | counts


def test_a_port_in_use_is_said_in_one_line(service: Service) -> None:
    """Also when it is another of its kind that uses it."""
    second = custodiary("serve", "--port", service.port, CUSTODIARY_DATA=service.directory)
    code, said = second.complaint
    taken = (
        rf"Port {service.port} of 127.0.0.1 is taken by another program\. Type `{COMMAND} serve --port (\d+)` instead\."
    )
    assert code == exits.BUSY
    assert re.fullmatch(taken, said), said


@needs_proc
def test_each_worker_is_a_process(service: Service) -> None:
    assert Counter(of_the_store(service.directory))["custodiary\n"] == 3  # with the one that keeps them


@needs_proc
def test_ctrl_c_ends_everything(service: Service, stopped: Ended) -> None:
    assert (stopped.code, stopped.stdout) == (exits.DONE, "")
    assert of_the_store(service.directory) == []
    assert is_still(service.directory)
    assert is_free(service.port)


def test_all_that_it_logged_is_who_wrote_and_who_was_denied_in_lines_of_json(service: Service, stopped: Ended) -> None:
    lines = [json.decode(line) for line in stopped.stderr.splitlines()]
    assert {line["logger"] for line in lines} == {"custodiary.access"}
    assert {line["message"] for line in lines} == {"write", "denied"}
    assert {line["actor"] for line in lines if line["message"] == "write"} == {"admin"}
    assert service.login[1] not in stopped.stderr
    assert "shop.example" not in stopped.stderr


def test_commands_work_when_no_service_runs(service: Service, stopped: Ended) -> None:
    listed = custodiary("credentials", "list", "--json", CUSTODIARY_DATA=service.directory).json["credentials"]
    assert [each["login"] for each in listed] == ["admin", "eve"]
    assert is_still(service.directory)


def test_the_second_start_makes_no_login_and_ends_when_it_is_told_to(service: Service, stopped: Ended) -> None:
    process = Process("serve", "--port", service.port, CUSTODIARY_DATA=service.directory)
    assert process.lines_until("Its documentation")[0].startswith("Custodiary serves")
    assert get(service.customers, auth=service.login).json()["customers"]["total"] == 13
    process.process.terminate()
    assert process.end().code == exits.DONE
    assert is_still(service.directory)


@needs_proc
def test_of_a_killed_service_nothing_is_left(service: Service, stopped: Ended) -> None:
    process = Process("serve", "--port", service.port, CUSTODIARY_DATA=service.directory)
    process.lines_until("Its documentation")
    assert process.kill().code == -signal.SIGKILL
    eventually(lambda: not of_the_store(service.directory))
    assert is_still(service.directory)


@needs_proc
@pytest.mark.parametrize("_round", range(3))
def test_of_a_service_that_is_killed_while_it_ends_nothing_is_left(
    service: Service, stopped: Ended, _round: int
) -> None:
    """Its workers were told to end already; a second signal of that kind made them hang, one time in three."""
    again = Process("serve", "--port", service.port, "--workers", 2, CUSTODIARY_DATA=service.directory)
    again.lines_until("Its documentation")
    again.process.terminate()
    again.kill()
    eventually(lambda: is_still(service.directory) and of_the_store(service.directory) == [])
    assert is_free(service.port)
