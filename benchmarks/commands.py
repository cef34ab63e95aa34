"""Commands a second, with read models and without, beside one INSERT per transaction by pgbench on the same server.

`python -m benchmarks.commands` prints medians over rounds, and what they are of pgbench's.
"""

import asyncio
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from statistics import median
from typing import Any, TypeAlias
from urllib.parse import parse_qs, unquote, urlsplit

import uvloop

from benchmarks.server import own_server
from domain.address import AddAddress, AddressDetails, SetPrimaryAddress
from domain.customer import CUSTOMER, CustomerProfile, RegisterCustomer
from domain.label import LABEL, CreateLabel
from domain.order import ORDER, PlaceOrder, RecordPayment, Terms
from eventstore.embedded import find_bindir
from eventstore.transact import By, Store, Unit
from projections.database import migrate, open_store

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "1"))
CONCURRENCIES = [int(n) for n in os.environ.get("BENCH_CONCURRENCIES", "1,8,32,128").split(",")]
CUSTOMERS = 1_000
PEER = "CREATE TABLE peer_events (LIKE stored_events INCLUDING ALL)"
INSERT = r"""INSERT INTO peer_events (originator_id, originator_version, topic, state, occurred_at, actor, request_id)
    VALUES (gen_random_uuid(), 1, 'payment-recorded#1',
    '\x7b226576656e74223a227061796d656e742d7265636f72646564222c22616d6f756e74223a3130302c227472616e73616374696f6e5f6964223a22743132333435227d',
    now(), 'bench', '');"""

Act: TypeAlias = Callable[[Store, int], Awaitable[None]]
NUMBERS = count(1)


class Shop:
    """Customers with two addresses and an order each; new ones for each round, lest orders grow."""

    def __init__(self) -> None:
        self.customers: list[tuple[int, tuple[int, int], int]] = []

    async def open(self, store: Store) -> None:
        self.customers = []
        for _ in range(CUSTOMERS // 100):
            self.customers += await store.transact(_by(), self._hundred)

    async def _hundred(self, unit: Unit) -> list[tuple[int, tuple[int, int], int]]:
        customers = []
        for id_, order_id in zip(await unit.new_ids(CUSTOMER, 100), await unit.new_ids(ORDER, 100), strict=True):
            first, second = await unit.next_ids("address", 2)
            await unit.decide(CUSTOMER, id_, _registration(id_))
            for address_id in (first, second):
                details = AddressDetails(name="Ada Byron", city="London", country="GB")
                await unit.decide(CUSTOMER, id_, AddAddress(address_id=address_id, type="billing", details=details))
            terms = Terms(customer_id=id_, uuid="0" * 32, currency="USD", total_amount=10**9, created_at=_by().at)
            await unit.decide(ORDER, order_id, PlaceOrder(terms=terms))
            customers.append((id_, (first, second), order_id))
        return customers

    async def pay(self, store: Store, number: int) -> None:
        order_id = self.customers[number % CUSTOMERS][2]
        command = RecordPayment(amount=1, transaction_id=f"t{number}")
        await store.transact(_by(), lambda unit: unit.decide(ORDER, order_id, command))

    async def set_primary(self, store: Store, number: int) -> None:
        id_, addresses, _ = self.customers[number % CUSTOMERS]
        command = SetPrimaryAddress(address_id=addresses[number // CUSTOMERS % 2], type="billing")
        await store.transact(_by(), lambda unit: unit.decide(CUSTOMER, id_, command))

    async def create(self, store: Store, _number: int) -> None:
        async def work(unit: Unit) -> None:
            id_ = await unit.new_id(CUSTOMER)
            await unit.decide(CUSTOMER, id_, _registration(id_))

        await store.transact(_by(), work)


async def create_label(store: Store, number: int) -> None:
    await store.transact(_by(), lambda unit: unit.decide(LABEL, number, CreateLabel(value=f"l{number}")))


def _by() -> By:
    return By(actor="bench", at=datetime.now(UTC), request_id="0123456789abcdef", correlation_id="0123456789abcdef")


def _registration(id_: int) -> RegisterCustomer:
    profile = CustomerProfile(email=f"ada{id_}@example.com", first_name="Ada", last_name=f"Byron {id_}", country="GB")
    return RegisterCustomer(profile=profile, uuid=f"{id_:032x}")


async def rate(store: Store, act: Act, concurrency: int) -> tuple[float, list[float]]:
    """Commands a second, and how long each of them took."""
    times: list[float] = []
    deadline = time.perf_counter() + SECONDS

    async def client() -> None:
        started = time.perf_counter()
        while started < deadline:
            await act(store, next(NUMBERS))
            ended = time.perf_counter()
            times.append(ended - started)
            started = ended

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(concurrency)))
    return len(times) / (time.perf_counter() - started), times


def pgbench(dsn: str, concurrency: int) -> float:
    """One INSERT per transaction, prepared; a second."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    host = query.get("host", [parts.hostname or ""])[0]
    port = query.get("port", [str(parts.port or 5432)])[0]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(INSERT.replace("\n", " "))
        script.flush()
        command = [
            str(find_bindir() / "pgbench"), "-n", "-M", "prepared", "-f", script.name, "-c", str(concurrency),
            "-j", str(min(2, concurrency)), "-T", str(max(1, round(SECONDS))), "-h", unquote(host), "-p", port,
            "-U", unquote(parts.username or query.get("user", [""])[0]), parts.path.lstrip("/"),
        ]  # fmt: skip
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    [tps] = [line for line in said.splitlines() if line.startswith("tps")]
    return float(tps.split("=")[1].split()[0])


async def _nothing(*_: Any) -> None:
    pass


async def measure(dsn: str) -> dict[str, dict[int, list[tuple[float, list[float]]]]]:
    await migrate(dsn)
    results: dict[str, dict[int, list[tuple[float, list[float]]]]] = {}
    async with open_store(dsn, connections=20) as store:
        await store.pool.execute(PEER)
        shop, bare = Shop(), Store(store.pool, store.log, _nothing)
        variants: list[tuple[str, Store, Act]] = [
            ("without read models: create label", bare, create_label),
            ("without read models: record payment", bare, shop.pay),
            ("record payment", store, shop.pay),
            ("set primary address", store, shop.set_primary),
            ("create customer", store, shop.create),
        ]
        runs = [(variant, n) for variant in [None, *variants] for n in CONCURRENCIES]
        for _round in range(ROUNDS):
            await shop.open(store)
            random.shuffle(runs)
            for variant, concurrency in runs:
                if variant is None:
                    name, result = "pgbench", (await asyncio.to_thread(pgbench, dsn, concurrency), [0.0, 0.0])
                else:
                    name, on, act = variant
                    result = await rate(on, act, concurrency)
                results.setdefault(name, {}).setdefault(concurrency, []).append(result)
    return results


def show(results: dict[str, dict[int, list[tuple[float, list[float]]]]]) -> None:
    print(f"{'commands/s (of pgbench)':38}" + "".join(f"{n:>8} at once{'p50 ms':>8}{'p99':>7}" for n in CONCURRENCIES))
    peers = {n: median(rate for rate, _ in runs) for n, runs in results["pgbench"].items()}
    for name in sorted(results, key=lambda name: (name != "pgbench", name)):
        line = f"{name:38}"
        for n in CONCURRENCIES:
            rate_ = median(rate for rate, _ in results[name][n])
            times = sorted(t for _, times in results[name][n] for t in times)
            p50, p99 = times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3
            line += f"{rate_:>9,.0f} ({rate_ / peers[n]:.2f}){p50:>7.2f}{p99:>8.2f}"
        print(line)


def main() -> None:
    with own_server({"max_connections": "200"}) as dsn:
        show(uvloop.run(measure(dsn)))


if __name__ == "__main__":
    main()
