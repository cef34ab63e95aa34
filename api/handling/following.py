"""Work that goes on, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from litestar.response.sse import ServerSentEventMessage
from msgspec import Struct

from eventstore.postgres.json import encode_numbers

LOOK_SECONDS = 0.5


class Seen(NamedTuple):
    """How far the work is now."""

    state: Struct
    has_ended: bool


async def following(
    look: Callable[[], Awaitable[Seen]], may_go_on: Callable[[], Awaitable[bool]]
) -> AsyncIterator[ServerSentEventMessage]:
    """A `progress` event whenever something has changed, and in the end `end`. It breaks off when it may not go on."""
    last = b""
    while True:
        state, has_ended = await look()
        data = encode_numbers(state)
        if data != last or has_ended:
            yield ServerSentEventMessage(event="end" if has_ended else "progress", data=data.decode())
        if has_ended:
            return
        last = data
        await asyncio.sleep(LOOK_SECONDS)
        if not await may_go_on():
            return
