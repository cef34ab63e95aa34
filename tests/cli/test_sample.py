"""The sample that comes with a first start."""

from api.cli.actions import serve
from domain.customer import CUSTOMER, ChangeCustomer
from projections.database import open_store
from tests.cli.process import Process
from tests.eventstore.acts import count, do, register
from tests.importing.test_killed import closed_gate
from tests.importing.test_sample import expected, figures

PORT = 65_535


async def test_a_sample_whose_loading_was_killed_is_completed_by_the_next_start_and_left_alone_then(
    database: str,
) -> None:
    async with open_store(database) as store:
        async with closed_gate(database, store) as gate:
            process = Process("serve", "--sample", "--port", PORT, DATABASE_URL=database)
            await gate.let_through(2)
            process.kill()
        assert await count(store.pool, "orders") == 2_000
        await serve._load_sample(store)
        assert await figures(store) == expected()
        await do(store, CUSTOMER, 1, ChangeCustomer(first_name="Ada"))
        head = await store.log.head(store.pool)
        await serve._load_sample(store)
        assert await store.log.head(store.pool) == head


async def test_a_store_that_somebody_uses_gets_no_sample(database: str) -> None:
    async with open_store(database) as store:
        await register(store, "ann@shop.example")
        await serve._load_sample(store)
        assert await count(store.pool, "customers") == 1
