"""`custodiary relay nats`, and the service with NATS_URL: as processes that are killed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from nats.js.client import JetStreamContext

from eventstore.store import Store
from tests.cli.process import Ended, Process, custodiary
from tests.eventstore.acts import append, facts, until
from tests.relay.broker import Broker, arrived, free_port, positions
from tests.relay.test_relay import lose

METRIC = r'custodiary_relay_(\w+)\{relay="([^"]+)"\} (\S+)'


@asynccontextmanager
async def running(*arguments: object, **settings: object) -> AsyncIterator[Process]:
    process = Process(*arguments, **settings)
    try:
        yield process
    finally:
        await asyncio.to_thread(process.kill)


async def test_relays_that_are_killed_send_everything_once(
    store: Store, database: str, broker: Broker, js: JetStreamContext
) -> None:
    last = 0
    for number in range(1, 4):
        async with running("relay", "nats", DATABASE_URL=database, NATS_URL=broker.url):
            last = (await append(store, facts(number, 1_500)))[-1]
            await arrived(broker, last - 1_000)  # and is killed somewhere in the middle
    async with running("relay", "nats", "--url", broker.url, DATABASE_URL=database):
        await arrived(broker, last)
    assert await positions(js) == list(range(1, last + 1))


async def test_a_log_that_was_set_back_is_another_exit_code(store: Store, database: str, broker: Broker) -> None:
    await append(store, facts(1, 3))
    async with running("relay", "nats", "--url", broker.url, DATABASE_URL=database):
        await arrived(broker, 3)
    await lose(store, 2)

    def relay(*options: str) -> Ended:
        return custodiary("relay", "nats", *options, DATABASE_URL=database, NATS_URL=broker.url)

    ended = await asyncio.to_thread(relay)
    assert ended.code == 3
    assert ended.stderr.splitlines()[-1].startswith("custodiary: The log was set back: the event that was sent from")


async def test_one_worker_of_the_service_relays_and_metrics_tell_how_far(
    store: Store, database: str, broker: Broker, js: JetStreamContext
) -> None:
    port = free_port()
    settings = {"DATABASE_URL": database, "NATS_URL": broker.url, "CUSTODIARY_ADMIN_PASSWORD": "secret words"}
    async with running("serve", "--port", port, "--workers", 2, **settings) as process:
        await asyncio.to_thread(process.lines_until, "Its documentation")
        await append(store, facts(1, 100))
        await arrived(broker, 100)
        async with httpx.AsyncClient(auth=("admin", "secret words")) as http:

            async def told() -> dict[str, float]:
                text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                found = re.findall(METRIC, text)
                assert {relay for _, relay, _ in found} <= {broker.target().name}
                return {name: float(value) for name, _, value in found}

            async def is_up_to_date() -> bool:
                return await told() == {"lag_events": 0, "lag_seconds": 0, "stopped": 0}

            await until(is_up_to_date, "it reports that it is up to date")
            await lose(store, 90)

            async def has_stopped() -> bool:
                return (await told())["stopped"] == 1

            await until(has_stopped, "it reports that it has stopped")
    assert await positions(js) == list(range(1, 101))
