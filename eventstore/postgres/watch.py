"""Watches the server that takes writes: when it hangs or becomes read-only, connections move to one that works."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

from eventstore.postgres.away import WORDS, Unreachable, log_away, why_away
from eventstore.postgres.servers import Servers, ServerSession
from eventstore.postgres.sessions import IS_READ_ONLY

logger = logging.getLogger("custodiary.database")

EVERY = 1.0  # seconds between two checks, and between two attempts to find a server
SILENCE = 5.0  # seconds without an answer to a trivial query, after which a server counts as hanging


@asynccontextmanager
async def watched(dsn: str) -> AsyncIterator[Servers]:
    """The servers of a DSN, checked every second on a connection of its own until the block ends.

    When the one that takes writes hangs, all connections to it are ended, so that nobody waits for it. While there is
    none, a request for a connection fails at once.
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
    """Like `watched`, but waits until a server can be reached: a worker that starts while none can does not exit."""
    async with watched(dsn) as servers:
        while True:
            try:
                session = await servers.find()
            except Exception as error:
                if not log_away(error):
                    raise
                await asyncio.sleep(EVERY)
            else:
                session.connection.terminate()
                break
        yield servers


async def _watch(servers: Servers) -> None:
    was_read_only = False
    await asyncio.sleep(EVERY)  # opening the store meets the error first, and reports it
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
        elif was_read_only:  # other sessions may still be read-only, or be connected to a server that is
            servers.leave()
            was_read_only = False
        else:
            servers.leave(but=session.dsn)
            await _stay(servers, session)


async def _stay(servers: Servers, session: ServerSession) -> None:
    """Returns when the server no longer answers or takes writes, or when a session began as read-only."""
    try:
        while not await session.connection.fetchval(IS_READ_ONLY, timeout=SILENCE):
            if servers.has_read_only():
                return
            await asyncio.sleep(EVERY)
    except TimeoutError as error:
        _miss(servers, error)
        servers.leave()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        log_away(error)
    finally:
        session.connection.terminate()


def _miss(servers: Servers, error: Exception) -> None:
    if not log_away(error):
        logger.error("no server could be connected to", exc_info=error)
    servers.missing = Unreachable(str(error), why_away(error) or "away")
    servers.missing.__cause__ = error
