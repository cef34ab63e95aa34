"""The process that a helper is: `python -m projections.replay_worker ID`, with the store at DATABASE_URL."""

import os
import sys

import uvloop

from projections.database import open_store
from projections.replay.build import AT_ONCE, build_ranges
from projections.replay.registry import find


async def build(dsn: str, id_: int) -> None:
    async with open_store(dsn, connections=AT_ONCE) as store:
        await build_ranges(store, await find(store.pool, id_), _done)


async def _done() -> None:
    """Who runs the replay looks at what is done."""


if __name__ == "__main__":
    uvloop.run(build(os.environ["DATABASE_URL"], int(sys.argv[1])))
