"""A process that follows the log until it is told to stop: `python -m proof.follower DSN FILE`.

What it has seen is also its checkpoint: a line for each event, on which it goes on when it is started again.
"""

import asyncio
import os
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg

from domain.event import Recorded
from eventstore.log.subscription import Subscription
from eventstore.postgres.away import UNREACHABLE
from projections.database import open_store
from proof.processes import NOT_YET


def line(recorded: Recorded) -> str:
    """All that tells one event from any other."""
    stream = f"{recorded.stream.category}/{recorded.stream.id}"
    return f"{recorded.position} {stream} {recorded.version} {recorded.request_id}"


def last_seen(path: Path) -> int:
    """0 for a follower that has seen nothing."""
    *_, last = [b"0", *path.read_bytes().splitlines()] if path.exists() else [b"0"]
    return int(last.split()[0])


async def follow(dsn: str, path: Path) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    async with AsyncExitStack() as stack:
        try:
            store = await stack.enter_async_context(open_store(dsn, connections=3))
            subscription: Subscription[Recorded] = Subscription(
                store.pool,
                lambda after, limit: store.log.page(store.pool, after, limit),
                lambda recorded: recorded.position,
                after=last_seen(path),
            )
            await stack.enter_async_context(subscription)
        except (asyncpg.InsufficientResourcesError, *UNREACHABLE):
            sys.exit(NOT_YET)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, subscription.stop)
        async for recorded in subscription:
            os.write(file, f"{line(recorded)}\n".encode())  # in one call, so that no kill leaves half a line


if __name__ == "__main__":
    asyncio.run(follow(sys.argv[1], Path(sys.argv[2])))
