"""The server itself refuses what does not follow the stream's last message, whatever a relay believes."""

import asyncio

import pytest
from nats.errors import Error
from nats.js.client import JetStreamContext

from service.relay.jetstream import TIMEOUT, Message, NotStored, connected
from tests.relay.broker import STREAM, Broker, positions

WINDOW = 0.2  # seconds for which the server remembers ids: then only the fence is left


def messages(first: int, last: int) -> list[Message]:
    return [
        Message(number, "", f"customers.label-created.label-{number}", b'{"id":"%d","digest":""}' % number)
        for number in range(first, last + 1)
    ]


@pytest.fixture
async def stream(js: JetStreamContext) -> JetStreamContext:
    await js.add_stream(name=STREAM, subjects=["customers.>"], duplicate_window=WINDOW)
    return js


async def test_a_relay_that_was_overtaken_is_refused(broker: Broker, stream: JetStreamContext) -> None:
    async with connected(broker.target()) as slow, connected(broker.target()) as fast:
        before = await slow.last(None)
        await fast.publish(messages(1, 4), before.end)
        await asyncio.sleep(2 * WINDOW)
        with pytest.raises(NotStored, match="wrong last sequence"):
            await slow.publish(messages(1, 4), before.end)
    assert await positions(stream) == [1, 2, 3, 4]


async def test_each_message_names_the_one_before_it(broker: Broker, stream: JetStreamContext) -> None:
    async with connected(broker.target()) as relay:
        last = await relay.publish(messages(1, 3), 0)
        await relay.publish(messages(4, 5), last.end)
    headers = [(await stream.get_msg(STREAM, sequence)).headers or {} for sequence in range(1, 6)]
    assert [each.get("Nats-Expected-Last-Sequence") for each in headers] == ["0", None, None, "3", None]
    assert [each.get("Nats-Expected-Last-Msg-Id") for each in headers] == [None, "1", "2", None, "4"]


async def test_where_the_server_takes_one_for_a_deleted_one_no_other_is_stored(
    broker: Broker, stream: JetStreamContext
) -> None:
    async with connected(broker.target()) as relay:
        last = await relay.publish(messages(1, 3), 0)
        await relay.delete(last)
        with pytest.raises(NotStored):
            await relay.publish(messages(3, 5), last.end)
        assert await positions(stream) == [1, 2]
        await asyncio.sleep(2 * WINDOW)
        await relay.publish(messages(3, 5), last.end)
    assert await positions(stream) == [1, 2, 3, 4, 5]


async def test_whoever_waits_for_a_server_that_is_killed_hears_of_it_at_once(
    broker: Broker, stream: JetStreamContext
) -> None:
    async with asyncio.timeout(TIMEOUT / 2), connected(broker.target()) as relay:
        publishing = asyncio.create_task(relay.publish(messages(1, 5_000), 0))
        await asyncio.sleep(0.1)
        await broker.kill()
        with pytest.raises(Error):
            await publishing
