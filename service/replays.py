"""Replays: started for somebody else to run."""

import asyncpg

from projections.replay import engine, registry
from projections.replay.engine import ReplayRunningError
from projections.replay.registry import Asked


async def start(pool: asyncpg.Pool, asked: Asked) -> int:
    """The id of a new replay, which waits to be run. Raises ReplayRunningError."""
    async with engine.alone(pool) as connection:
        if await registry.unfinished(connection):  # it is about to be run, or to be resumed
            raise ReplayRunningError
        return await registry.start(connection, asked)
