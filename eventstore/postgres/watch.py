"""Watching the server that takes writes: one that hangs, or has become read-only, is left for the one that is there."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from eventstore.postgres.away import WORDS, Unreachable, tell, why_away
from eventstore.postgres.servers import Servers, Session
from eventstore.postgres.sessions import IS_READ_ONLY

logger = logging.getLogger("custodiary.database")

EVERY = 1.0  # seconds between two looks, and between two attempts at finding a server
SILENCE = 5.0  # seconds without an answer to a question that takes no work, after which a server hangs


@asynccontextmanager
async def watched(dsn: str) -> AsyncIterator[Servers]:
    """The servers of a DSN, looked at every second on a connection that is for nothing else, to the end of the block.

    When the one that takes writes hangs, all connections to it are ended: nobody waits for it any more. While there is
    none, who wants a connection is told so at once.
    """
    servers = Servers(dsn)
    task = asyncio.create_task(_watch(servers))
    try:
        yield servers
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def reachable(dsn: str) -> AsyncIterator[Servers]:
    """`watched`, from when one of them lets us in: a worker that is started while none does waits, and does not die."""
    async with watched(dsn) as servers:
        while True:
            try:
                session = await servers.find()
            except Exception as error:
                if not tell(error):
                    raise
                await asyncio.sleep(EVERY)
            else:
                session.connection.terminate()
                break
        yield servers


async def _watch(servers: Servers) -> None:
    was_read_only = False
    await asyncio.sleep(EVERY)  # who opens the store finds out first, and says so
    while True:
        try:
            session = await servers.find()
        except Exception as error:
            if servers.missing is not None and why_away(error) == "hanging":  # again, so it is not only busy
                servers.leave()
            _miss(servers, error)
            await asyncio.sleep(EVERY)
            continue
        servers.missing = None
        if session.is_read_only:
            session.connection.terminate()
            logger.warning(WORDS["read_only"])
            was_read_only = True
            await asyncio.sleep(EVERY)
        elif was_read_only:  # other sessions may be so still, or be with a server that is
            servers.leave()
            was_read_only = False
        else:
            servers.leave(but=session.dsn)
            await _stay(servers, session)


async def _stay(servers: Servers, session: Session) -> None:
    """Return when the server no longer answers or takes writes, or has let somebody in who may only read."""
    try:
        while not await session.connection.fetchval(IS_READ_ONLY, timeout=SILENCE):
            if servers.has_read_only():
                return
            await asyncio.sleep(EVERY)
    except TimeoutError as error:
        _miss(servers, error)
        servers.leave()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        tell(error)
    finally:
        session.connection.terminate()


def _miss(servers: Servers, error: Exception) -> None:
    if not tell(error):
        logger.error("no server could be connected to", exc_info=error)
    servers.missing = Unreachable(str(error), why_away(error) or "away")
    servers.missing.__cause__ = error
