"""Work in the background, every so many seconds."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from eventstore.postgres.away import log_away

Work = Callable[[], Awaitable[Any]]


@asynccontextmanager
async def regularly(seconds: float, work: Work, logger: logging.Logger, problem: str) -> AsyncIterator[None]:
    """From now until the end of the block; 0 is never. What goes wrong is logged, and tried again the next time."""
    task = asyncio.create_task(_go_on(seconds, work, logger, problem)) if seconds else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _go_on(seconds: float, work: Work, logger: logging.Logger, problem: str) -> None:
    while True:
        await attempt(work, logger, problem)
        await asyncio.sleep(seconds)


async def attempt(work: Work, logger: logging.Logger, problem: str) -> None:
    """Whatever goes wrong is logged: nobody waits for this work, who could be told."""
    try:
        await work()
    except Exception as error:
        if log_away(error) is None:
            logger.exception(problem)
