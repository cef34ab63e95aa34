"""Requests over HTTP to the service, beside a bare handler's: real server processes, durable, from end to end."""

import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import httpx
import msgspec
import psutil

from api.http.paths import BASE
from benchmarks import bare, large_store
from benchmarks.harness import AT_ONCE, P50, P99, PER_SECOND, Figures, Found, Row, Run, Scale, measure, next_number
from benchmarks.load import Load
from benchmarks.processes import POSTGRES_CPU, completed, costed, memory, postgres
from benchmarks.report import Table, number, ratio
from benchmarks.server import execute, own_database
from benchmarks.shop import Shop
from projections.database import open_store

INSERT, SELECT = "bare handler: one INSERT", "bare handler: one SELECT"
BARE_LIST, BARE_SEARCH, BARE_HISTORY = (f"bare handler: {what}" for what in ("ten rows", "a search", "ten events"))
CREATE, SET_PRIMARY, PAY = "create customer", "set primary address", "record payment"
GET, LIST, SEARCH, HISTORY = "get one", "list", "search", "history"
BESIDE = {
    CREATE: INSERT, SET_PRIMARY: INSERT, PAY: INSERT,
    GET: SELECT, LIST: BARE_LIST, SEARCH: BARE_SEARCH, HISTORY: BARE_HISTORY,
}  # fmt: skip
REQUESTS = (
    SELECT, GET, BARE_LIST, LIST, BARE_SEARCH, SEARCH, BARE_HISTORY, HISTORY, INSERT, CREATE, SET_PRIMARY, PAY,
)  # fmt: skip
ROUNDS_OF_EVENTS = 3  # after which a customer has a page of history
SERVER_CPU, MEGABYTES = "server CPU µs", "MB"
AT_REST, UNDER_LOAD = "service at rest", "service under load"
SERVICE = (str(Path(sys.executable).with_name("custodiary")), "serve", "--port")
BARE = (sys.executable, "-m", "benchmarks.bare")
PATIENCE = 30  # seconds
JSON = {"Content-Type": "application/json"}
PERSON = '{"email": "bench%d@example.com", "first_name": "Ada", "last_name": "Byron %d", "country": "GB"}'
SEARCHED = ("virtanen{}", "müller+{}", "zoe+{}", "{}@example.com")

Targets = list[tuple[str, str]]  # path, body


class Site(NamedTuple):
    """A server process; `ask` are the headers of a request."""

    port: int
    process: psutil.Process
    ask: dict[str, str]


async def web(server: str, scale: Scale) -> Found:
    people = scale.sizes[0]
    async with own_database(server) as dsn:
        await large_store.fill(dsn, people)
        await execute(dsn, bare.TABLE)
        with served(dsn, SERVICE, secrets.token_hex(16)) as own, served(dsn, BARE) as peer:
            rest = Row(AT_REST, rounds={MEGABYTES: [memory(own.process)]})
            async with open_store(dsn) as store:
                shop = Shop(store)
                bench = _Bench(own, peer, await postgres(dsn), shop, people)
                await shop.open(AT_ONCE)
                for number in range(ROUNDS_OF_EVENTS * AT_ONCE):
                    await shop.set_primary(number)
                    await shop.pay(number)
                # What is read is measured first, lest it grow meanwhile.
                rows = await measure(bench.runs(reading=True), scale)
                rows += await measure(bench.runs(reading=False), scale, before_each=partial(shop.open, scale.shop))
        load = Row(UNDER_LOAD, rounds={MEGABYTES: [max(row.rounds[MEGABYTES]) for row in rows if row.name in BESIDE]})
        return Found([*rows, rest, load])


class _Bench:
    def __init__(self, own: Site, peer: Site, postgres: psutil.Process, shop: Shop, people: int) -> None:
        self._own = own
        self._peer = peer
        self._postgres = postgres
        self._shop = shop
        self._people = people

    def runs(self, *, reading: bool) -> list[tuple[Row, Run]]:
        targets: dict[str, tuple[Site, Callable[[], Targets]]] = {
            SELECT: (self._peer, lambda: [(f"/customers/{id_}", "") for id_ in self._ids()]),
            GET: (self._own, lambda: [(f"{BASE}/customers/{id_}", "") for id_ in self._ids()]),
            BARE_LIST: (self._peer, lambda: [("/list", "")]),
            LIST: (self._own, lambda: [(f"{BASE}/customers", "")]),
            BARE_SEARCH: (self._peer, lambda: [(f"/search?text={text}", "") for text in self._searches()]),
            SEARCH: (self._own, lambda: [(f"{BASE}/customers?search={text}", "") for text in self._searches()]),
            BARE_HISTORY: (self._peer, lambda: [(f"/history/{it.customer_id}", "") for it in self._shop.opened]),
            HISTORY: (
                self._own, lambda: [(f"{BASE}/customers/{it.customer_id}/history", "") for it in self._shop.opened]
            ),
        }  # fmt: skip
        if not reading:
            targets = {
                INSERT: (self._peer, lambda: [("/customers", PERSON)]),
                CREATE: (self._own, lambda: [(f"{BASE}/customers", PERSON)]),
                SET_PRIMARY: (self._own, self._primaries),
                PAY: (self._own, self._payments),
            }
        method = "GET" if reading else "POST"
        return [(Row(name), partial(self._run, site, method, of)) for name, (site, of) in targets.items()]

    def _ids(self) -> Sequence[int]:
        """Ids in no order."""
        return [1 + number * 7_919 % self._people for number in range(min(self._people, 5_000))]

    def _searches(self) -> list[str]:
        return [text.format(n) for n in range(10, 40) for text in SEARCHED]

    def _primaries(self) -> Targets:
        """Each customer's two addresses in turn."""
        return [
            (
                f"{BASE}/customers/{opened.customer_id}/address/make-primary",
                f'{{"addressId": {id_}, "type": "billing"}}',
            )
            for turn in (1, 0)
            for opened in self._shop.opened
            for id_ in (opened.addresses[turn],)
        ]

    def _payments(self) -> Targets:
        body = '{"amount": 1, "transaction_id": "t%d"}'
        return [(f"{BASE}/orders/{opened.order_id}/payments", body) for opened in self._shop.opened]

    async def _run(self, site: Site, method: str, targets: Callable[[], Targets], seconds: float) -> Figures:
        load = Load(
            port=site.port,
            connections=AT_ONCE,
            seconds=seconds,
            first=next_number() * 1_000_000,
            method=method,
            targets=targets(),
            headers=site.ask,
        )
        processes = {SERVER_CPU: site.process, POSTGRES_CPU: self._postgres}
        return await costed(partial(_loaded, load), processes, seconds) | {MEGABYTES: memory(site.process)}


async def _loaded(load: Load, _seconds: float) -> Figures:
    told = await completed([sys.executable, "-m", "benchmarks.load"], msgspec.json.encode(load))
    return msgspec.json.decode(told, type=Figures)


@contextmanager
def served(dsn: str, command: Sequence[str], password: str = "") -> Iterator[Site]:
    """From when it answers until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": dsn, "CUSTODIARY_ADMIN_PASSWORD": password or secrets.token_hex(16)}
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen([*command, str(port)], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait(process, port)
            login = b64encode(f"admin:{password}".encode()).decode()
            yield Site(port, process, JSON | ({"Authorization": f"Basic {login}"} if password else {}))
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _wait(process: psutil.Popen, port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://127.0.0.1:{port}/health/live", trust_env=False).is_success:
                return
        time.sleep(0.05)  # a server tells nobody that it listens
    raise RuntimeError(f"no server answers at port {port}")


def table(found: Found) -> Table:
    header = (
        "requests", "a second", "of the bare handler's", "by CPU", P50, P99, SERVER_CPU, POSTGRES_CPU,
    )  # fmt: skip
    lines = [_line(found, name) for name in REQUESTS if found.row(name)]
    return Table(f"HTTP, {AT_ONCE} connections, one process of each server", header, lines)


def _line(found: Found, name: str) -> list[str]:
    bare = BESIDE.get(name, name)
    figures = (P50, P99, SERVER_CPU, POSTGRES_CPU)
    return [
        name, number(found.median(PER_SECOND, name)), ratio(found.ratio(PER_SECOND, name, bare)),
        ratio(_share_of_cpu(found, name, bare)),
        *(number(found.median(figure, name)) for figure in figures),
    ]  # fmt: skip


def _share_of_cpu(found: Found, name: str, bare: str) -> float | None:
    """The bare handler's processor time, here and in PostgreSQL, of ours: other load alters it little."""
    own, its = (sum(found.median(figure, each) or 0 for figure in (SERVER_CPU, POSTGRES_CPU)) for each in (name, bare))
    return its / own if own and its else None


def memory_table(found: Found) -> Table:
    lines = [[name, number(found.median(MEGABYTES, name))] for name in (AT_REST, UNDER_LOAD)]
    return Table("Memory, of one worker and the process that started it", ("resident", "MB"), lines)
