"""What a command or a query costs in stores of ever more customers, all of them measured in the same rounds."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import asyncpg
import psutil

from benchmarks import large_store
from benchmarks.harness import AT_ONCE, PER_SECOND, Act, Found, Row, Run, Scale, measure, rate
from benchmarks.processes import CPU, POSTGRES_CPU, costed, postgres
from benchmarks.report import Table, number, ratio
from benchmarks.server import own_database
from benchmarks.shop import Shop
from benchmarks.web import CREATE, GET, HISTORY, LIST, PAY, SEARCH, SET_PRIMARY
from eventstore.postgres.watch import watched
from eventstore.store import Store
from projections.database import open_store
from projections.history.pages import customer_history
from projections.queries.customers import find_customer, list_customers
from projections.queries.language.query import ListQuery
from projections.queries.pages import open_lists
from projections.queries.totals import Totals

COMMANDS = (CREATE, SET_PRIMARY, PAY)
READS = (GET, LIST, SEARCH, HISTORY)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def growth(server: str, scale: Scale) -> Found:
    async with AsyncExitStack() as stack:
        runs: list[tuple[Row, Run]] = []
        shops: list[Shop] = []
        for size in scale.sizes:
            dsn = await stack.enter_async_context(own_database(server))
            shop, acts = await stack.enter_async_context(_store(dsn, size))
            shops.append(shop)
            runs += [(Row(name, size), partial(rate, act, AT_ONCE)) for name, act in acts.items()]

        async def open_shops() -> None:
            for shop in shops:
                await shop.open(scale.shop)

        processes = {CPU: psutil.Process(), POSTGRES_CPU: await postgres(server)}
        runs = [(row, partial(costed, run, processes)) for row, run in runs]
        return Found(await measure(runs, scale, before_each=open_shops))


@asynccontextmanager
async def _store(dsn: str, size: int) -> AsyncIterator[tuple[Shop, dict[str, Act]]]:
    await large_store.fill(dsn, size)
    async with watched(dsn) as servers, open_lists(servers) as lists, open_store(dsn) as store:
        shop = Shop(store)
        reads = _reads(store, lists, shop, size)
        yield shop, {CREATE: shop.create, SET_PRIMARY: shop.set_primary, PAY: shop.pay, **reads}


def _reads(store: Store, lists: asyncpg.Pool, shop: Shop, size: int) -> dict[str, Act]:
    totals = Totals()

    async def get_one(number: int) -> None:
        await find_customer(store.pool, 1 + number * 7_919 % size)

    async def first_page(_number: int) -> None:
        await list_customers(lists, ListQuery(), now=NOW, totals=totals)

    async def search(number: int) -> None:
        """For what one customer or a few have, in a store of any size."""
        text = f"n{1 + number * 7_919 % size}@example"
        await list_customers(lists, ListQuery(search=text), now=NOW, totals=totals)

    async def history(number: int) -> None:
        id_ = shop.opened[number % len(shop.opened)].customer_id
        await customer_history(store.pool, store.log, id_, limit=10)

    return {GET: get_one, LIST: first_page, SEARCH: search, HISTORY: history}


def table(found: Found) -> Table:
    sizes = sorted({row.at for row in found.rows})
    header = (
        f"µs of each, {AT_ONCE} at once, without HTTP", *(f"{size:,} customers" for size in sizes), "last to first",
    )  # fmt: skip
    lines = [
        [name, *(number(_cost(found, name, size)) for size in sizes), ratio(growth_of(found, name))]
        for name in dict.fromkeys(row.name for row in found.rows)
    ]
    return Table("Cost as the store grows", header, sorted(lines))


def _cost(found: Found, name: str, size: int) -> float | None:
    a_second = found.median(PER_SECOND, name, size)
    return None if a_second is None else 1e6 / a_second


def growth_of(found: Found, name: str) -> float | None:
    """How many times more it costs in the largest store than in the smallest."""
    sizes = [row.at for row in found.rows]
    return found.ratio(PER_SECOND, name, name, min(sizes), max(sizes))
