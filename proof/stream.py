"""What of the feed has arrived in NATS."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import nats
from msgspec import json
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig

STREAM = "CUSTOMERS"
FETCHED = 500  # at a time


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
