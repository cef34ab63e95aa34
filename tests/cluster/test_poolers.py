"""Behind a pooler the server's processes have other numbers than those that a client is told."""

import asyncio

from domain.order import ORDER, RecordPayment
from projections.database import open_store
from tests.cluster.nodes import Pair
from tests.cluster.proxy import way_to
from tests.eventstore.acts import PATIENCE, a_writer_waits, append, count, do, facts, place, register


async def test_a_statement_that_goes_on_behind_a_pooler_is_waited_for_and_not_done_again(pair: Pair) -> None:
    async with (
        open_store(pair.primary.dsn, connections=3) as near,
        way_to(pair.primary.dsn, is_pooler=True) as (dsn, proxy),
        open_store(dsn, connections=5) as distant,
    ):
        customer_id = await register(distant, "ann@example.com")
        order_id = await place(distant, customer_id)
        async with near.pool.acquire() as slow, slow.transaction():
            await near.log.append(slow, facts(999))
            acts = [
                asyncio.ensure_future(place(distant, customer_id)),
                asyncio.ensure_future(
                    do(distant, ORDER, order_id, RecordPayment(amount=1, transaction_id="t")),
                ),
            ]
            await a_writer_waits(near.pool)
            proxy.cut()
        await asyncio.wait_for(asyncio.gather(*acts), PATIENCE)
        assert await count(near.pool, "orders") == 2
        assert await count(near.pool, "stored_events WHERE topic LIKE 'payment-recorded%'") == 1
        await append(near, facts(998))  # nothing is left that holds the log
