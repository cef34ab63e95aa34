"""Events as others get them: what is in the log for them, and what has arrived in NATS."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import nats
from msgspec import json
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig

from eventstore.postgres.connection import Executor

STREAM = "CUSTOMERS"
FED = "SELECT notification_id, coalesce(encode(digest, 'hex'), '') FROM stored_events ORDER BY notification_id"
# None of those about webhooks, which an endpoint is not sent of itself.
SENT = """
    SELECT notification_id, coalesce(encode(digest, 'hex'), ''),
        coalesce(customer_id::text, originator_id::text) AS about, topic LIKE 'customer-erased#%',
        notification_id > (SELECT max(notification_id) FROM stored_events WHERE topic LIKE 'webhook-created#%')
    FROM stored_events WHERE topic NOT LIKE 'webhook-%' ORDER BY notification_id"""
FETCHED = 500  # at a time


class Sent(NamedTuple):
    """An event for webhooks; `about` is its customer, or its stream. It is due unless it is from before they were made;
    also then an endpoint may get it: as when somebody was erased about whom it gets something later.
    """

    line: str
    about: str
    is_erasure: bool
    is_due: bool = True


class Arrived(NamedTuple):
    """Lines of events as others got them: by who follows the feed, and by the order of webhooks."""

    followers: Mapping[str, list[str]]
    webhooks: Mapping[str, list[str]]


NOBODY = Arrived({}, {})


async def fed_from(on: Executor) -> list[str]:
    return [f"{position} {digest}" for position, digest in await on.fetch(FED)]


async def sent_to_webhooks(on: Executor) -> list[Sent]:
    return [Sent(f"{position} {digest}", *rest) for position, digest, *rest in await on.fetch(SENT)]


def fed(event: Mapping[str, Any]) -> str:
    """A line for an event as others get it: its position, and the digest that tells it from any other."""
    return f"{event['id']} {event['digest']}"


async def last_relayed(url: str) -> int:
    """The position of the stream's last message; 0 without one, or without a server that answers."""
    with suppress(Error, OSError, TimeoutError):
        async with await nats.connect(
            url, allow_reconnect=False, max_reconnect_attempts=1, error_cb=_nothing
        ) as client:
            last = await client.jetstream(timeout=2).get_last_msg(STREAM, ">")
            return int((last.headers or {})["Nats-Msg-Id"])
    return 0


async def relayed(url: str) -> list[str]:
    """A line for each message, in the stream's order."""
    lines: list[str] = []
    async with await nats.connect(url) as client:
        js = client.jetstream()
        number = (await js.stream_info(STREAM)).state.messages
        reader = await js.pull_subscribe(">", stream=STREAM, config=ConsumerConfig(ack_policy=AckPolicy.NONE))
        while len(lines) < number:
            lines += [fed(json.decode(message.data)) for message in await reader.fetch(FETCHED)]
    return lines


async def _nothing(_error: Exception) -> None:
    """Whoever asks gets it, too."""
