"""An import whose process or whose PostgreSQL is killed: what had arrived is whole; importing again brings the rest."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

import api
from api.cli.actions.serve import SAMPLE
from api.cli.terminal import exits
from api.process.tables import migrate
from eventstore.embedded.server import embedded
from eventstore.store import Store
from projections.database import open_store
from tests.cli.process import Process, custodiary
from tests.eventstore.acts import a_writer_waits, until
from tests.eventstore.test_embedded import new_directory, postmaster  # noqa: F401 - the first is a fixture
from tests.importing.test_sample import expected, figures
from tests.projections.rows import folded, live

FILE = Path(api.__file__).parent / "data" / SAMPLE
NAME = "import"
CONNECTED = f"SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '{NAME}')"
ARRIVED = "SELECT id FROM orders"
HALF_THERE = """
    SELECT 'order', orders.id FROM orders LEFT JOIN customers ON customers.id = customer_id WHERE customers.id IS NULL
    UNION ALL SELECT 'customer', id FROM customers WHERE id NOT IN (SELECT customer_id FROM orders)
    UNION ALL SELECT 'claim', id FROM customers WHERE email_identity NOT IN (SELECT value FROM claims)"""
HOLD = "SELECT pg_advisory_lock(hashtext('stored_events'))"
RELEASE = "SELECT pg_advisory_unlock(hashtext('stored_events'))"
LET_ONE_THROUGH = f"{RELEASE}, pg_advisory_lock(hashtext('stored_events'))"

# How many transactions are let through, and where the next is when the end comes: it has written claims and read
# models and waits to write its events, or it is on its way through.
ENDS = [(1, "waiting"), (2, "on its way"), (1, "waiting")]


class Gate:
    """The log's lock: whoever waits for it is in the middle of a transaction."""

    def __init__(self, store: Store, holder: asyncpg.Connection) -> None:
        self._store = store
        self._holder = holder

    async def let_through(self, transactions: int) -> None:
        """Comes back when the next one waits."""
        for _ in range(transactions):
            await a_writer_waits(self._store.pool)
            await self._holder.execute(LET_ONE_THROUGH)
        await a_writer_waits(self._store.pool)

    async def open(self) -> None:
        await self._holder.execute(RELEASE)


@asynccontextmanager
async def closed_gate(dsn: str, store: Store) -> AsyncIterator[Gate]:
    holder = await asyncpg.connect(dsn)
    try:
        await holder.execute(HOLD)
        yield Gate(store, holder)
    finally:
        holder.terminate()  # a server that has been killed takes no leave


async def arrived(store: Store) -> set[int]:
    """Orders that everybody sees."""
    return {row["id"] for row in await store.pool.fetch(ARRIVED)}


async def assert_whole(store: Store, acknowledged: set[int], place: str) -> None:
    """Every acknowledged order, none half there, and figures as a fresh computation gives them."""
    found = await arrived(store)
    assert found == acknowledged if place == "waiting" else found >= acknowledged
    assert await store.pool.fetch(HALF_THERE) == []
    assert await live(store) == await folded(store)


async def assert_complete(store: Store) -> None:
    assert await figures(store) == expected()
    assert await live(store) == await folded(store)


async def test_an_import_that_is_killed_time_and_again_leaves_whole_orders_and_completes(database: str) -> None:
    async with open_store(database) as store:

        async def is_gone() -> bool:
            return not await store.pool.fetchval(CONNECTED)

        acknowledged: set[int] = set()
        for transactions, place in ENDS:
            async with closed_gate(database, store) as gate:
                process = Process("import", "orders", FILE, DATABASE_URL=f"{database}&application_name={NAME}")
                await gate.let_through(transactions)
                assert len(await arrived(store)) >= len(acknowledged) + 1_000 * transactions
                acknowledged = await arrived(store)
                if place == "on its way":
                    await gate.open()
                assert process.kill().code == -signal.SIGKILL
            await until(is_gone, "PostgreSQL notices that the process is gone")
            await assert_whole(store, acknowledged, place)
        assert custodiary("import", "orders", FILE, DATABASE_URL=database).code == exits.DONE
        await assert_complete(store)


@pytest.fixture
async def own_server(new_directory: Path) -> AsyncIterator[tuple[Path, str]]:  # noqa: F811 - how a fixture is asked for
    with embedded(new_directory) as dsn:
        await migrate(dsn)
        yield new_directory, dsn


@pytest.mark.parametrize(("transactions", "place"), sorted(set(ENDS)))
async def test_an_import_whose_postgresql_is_killed_goes_on_or_says_so_and_loses_nothing_that_had_arrived(
    own_server: tuple[Path, str], transactions: int, place: str
) -> None:
    """It goes on when the server is back soon enough."""
    directory, dsn = own_server
    async with open_store(dsn) as store, closed_gate(dsn, store) as gate:
        process = Process("import", "orders", FILE, CUSTODIARY_DATA=directory, MASTER_KEY=os.environ["MASTER_KEY"])
        await gate.let_through(transactions)
        acknowledged = await arrived(store)
        if place == "on its way":
            await gate.open()
        os.kill(postmaster(directory), signal.SIGKILL)
        ended = process.end()
    await until(lambda: lets_in(dsn), "PostgreSQL is back")
    if ended.code != exits.DONE:
        code, complaint = ended.complaint
        assert code == exits.NO_STORE
        assert complaint.startswith("The database cannot be reached: ")
        async with open_store(dsn) as store:
            await assert_whole(store, acknowledged, place)
        assert (
            custodiary("import", "orders", FILE, CUSTODIARY_DATA=directory, MASTER_KEY=os.environ["MASTER_KEY"]).code
            == exits.DONE
        )
    async with open_store(dsn) as store:
        await assert_complete(store)


async def lets_in(dsn: str) -> bool:
    try:
        await (await asyncpg.connect(dsn)).close()
    except (OSError, asyncpg.PostgresError):
        return False
    return True
