"""A database that is away, read-only or full: how to recognise that among all errors, and how it is logged."""

import logging
import re
import time
from typing import Literal, TypeAlias

import asyncpg

# Why nothing can be written now. `hanging`: there is no answer, or none soon enough.
Why: TypeAlias = Literal["away", "read_only", "full", "hanging"]

LOG_SECONDS = 1.0
WORDS: dict[Why, str] = {
    "away": "the database cannot be reached",
    "read_only": "the database is read-only",
    "full": "the database's disk is full",
    "hanging": "the database does not answer in time",
}
# What asyncpg raises for a connection that was lost between two operations, or is being lost.
_CLOSED = re.compile("connection is closed|released back to the pool|another operation .* is in progress")
_AWAY = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # it shuts down, starts up, or ends our session
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InternalClientError,  # a statement meets a connection that is just being closed
)
# The session has ended.
GONE = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # a statement meets a connection that is just being closed
)
# PostgreSQL is down, shutting down, or starting: all of these end.
UNREACHABLE = (*GONE, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError, asyncpg.InterfaceError, OSError)


class Unreachable(ConnectionError):
    """No server that takes writes could be connected to."""

    def __init__(self, problem: str, why: Why = "away") -> None:
        super().__init__(problem)
        self.why = why


def why_away(error: BaseException) -> Why | None:
    """Why the database is away, or None if the error has another cause."""
    why: Why | None = None
    match error:
        case Unreachable():
            why = error.why
        case asyncpg.ReadOnlySQLTransactionError():
            why = "read_only"
        case asyncpg.DiskFullError():
            why = "full"
        case asyncpg.QueryCanceledError() | TimeoutError():
            why = "hanging"
        case asyncpg.InterfaceError():
            why = "away" if _CLOSED.search(str(error)) else None
        case asyncpg.PostgresError(severity_en="FATAL" | "PANIC"):  # whatever the reason, the session has ended
            why = "away"
        case _:
            why = "away" if isinstance(error, _AWAY) else None
    return why


class _Seldom(logging.Filter):
    """Lets one record pass in so many seconds: what affects all requests at once is not logged for each."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds
        self._until = 0.0

    def filter(self, _record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now < self._until:
            return False
        self._until = now + self._seconds
        return True


logger = logging.getLogger("custodiary.database")
logger.addFilter(_Seldom(LOG_SECONDS))


def log_away(error: BaseException) -> Why | None:
    """Logs that the database is away, if that is the error: a line a second, no traceback. Returns why, or None."""
    why = why_away(error)
    if why is not None:
        logger.warning("%s: %s", WORDS[why], error.__cause__ or error)
    return why


def _in_our_words(record: logging.LogRecord) -> bool:
    return record.exc_info is None or record.exc_info[1] is None or log_away(record.exc_info[1]) is None


# asyncpg's pool logs a traceback whenever it can't make one of the connections that it holds ready.
logging.getLogger("asyncpg.pool").addFilter(_in_our_words)
