"""A command on streams of ever more events: when the process remembers the stream, and when it has to read it."""

import time
from contextlib import AsyncExitStack
from functools import partial

from api.process.tables import migrate
from benchmarks.harness import P50, Figures, Found, Row, Run, Scale, measure, next_number, rate, summary
from benchmarks.report import Table, number
from benchmarks.server import own_database
from benchmarks.shop import Opened, Shop, by
from domain.address import SetPrimaryAddress
from domain.customer import CUSTOMER
from eventstore.store import Store, Unit
from projections.database import open_store

KNOWN, READ = "stream remembered", "stream read anew"
CUSTOMERS = 100
BEGUN_WITH = 4  # events: registered, two addresses, the first of them primary


async def streams(server: str, scale: Scale) -> Found:
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(own_database(server))
        await migrate(dsn)
        runs: list[tuple[Row, Run]] = []
        store = await stack.enter_async_context(open_store(dsn))
        for length in scale.lengths:
            known, read = Shop(store), Shop(store)
            for shop in (known, read):
                await shop.open(CUSTOMERS)
                for opened in shop.opened:
                    await _lengthen(store, opened, length - BEGUN_WITH)
            runs.append((Row(KNOWN, length), partial(rate, known.set_primary, 1)))
            runs.append((Row(READ, length), partial(_anew, dsn, read)))
        return Found(await measure(runs, scale))


async def _lengthen(store: Store, opened: Opened, events: int) -> None:
    """Each time the other address becomes the primary one."""

    async def work(unit: Unit) -> None:
        for turn in range(events):
            command = SetPrimaryAddress(address_id=opened.addresses[1 - turn % 2], type="billing")
            await unit.decide(CUSTOMER, opened.customer_id, command)

    await store.transact(by(), work)


async def _anew(dsn: str, shop: Shop, seconds: float) -> Figures:
    """Once for each customer, by a process that has not met any of them."""
    times: list[float] = []
    while sum(times) < seconds:
        async with open_store(dsn, connections=2) as store:
            strange = Shop(store)
            strange.opened = shop.opened
            await strange.create(0)  # by which its connection is there, and knows its statements
            for _ in range(CUSTOMERS):
                started = time.perf_counter()
                await strange.set_primary(next_number())
                times.append(time.perf_counter() - started)
    return summary(times, sum(times))


def table(found: Found) -> Table:
    lengths = sorted({row.at for row in found.rows})
    lines = [[name, *(number(found.median(P50, name, length)) for length in lengths)] for name in (KNOWN, READ)]
    header = ("set primary address, alone, p50 ms", *(f"{length:,} events" for length in lengths))
    return Table("Cost as a stream grows", header, lines)
