"""Processes that fold and load ranges of a replay beside the one that runs it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def helpers(dsn: str, id_: int, count: int) -> AsyncIterator[None]:
    """Starts `count` processes, and ends them with the context."""
    command = (sys.executable, "-m", "projections.replay_worker", str(id_))
    environment = os.environ | {"DATABASE_URL": dsn}
    started = [await asyncio.create_subprocess_exec(*command, env=environment) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            if process.returncode is None:
                process.terminate()
            await process.wait()
