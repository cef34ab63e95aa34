"""What the service logs: a line of JSON for each record, on stderr, in which there is no secret and nobody's data.

What may be said is decided by its type, not by what it looks like: a value that can't be JSON by itself shows its type
alone, and an exception where it was raised and of what kind it is. Its message may quote a row, or a request.
"""

import asyncio
import logging
import logging.config
import sys
from collections.abc import Iterator
from copy import copy
from traceback import extract_tb, format_list
from types import TracebackType
from typing import Any

import asyncpg
from pythonjsonlogger.msgspec import MsgspecFormatter

from eventstore.postgres.away import log_away
from service.redaction import Redacted

logger = logging.getLogger("custodiary")

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "api.process.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    "loggers": {"custodiary": {"level": "INFO"}, "_granian": {}},
}


class JsonLines(MsgspecFormatter):
    def __init__(self) -> None:
        names = {"levelname": "level", "name": "logger", "exc_info": "exception"}
        super().__init__(
            "%(levelname)s %(name)s %(message)s", rename_fields=names, timestamp="time", json_default=_by_type
        )

    def format(self, record: logging.LogRecord) -> str:
        if isinstance(record.args, tuple) and any(isinstance(arg, BaseException) for arg in record.args):
            record = copy(record)
            record.args = tuple(_kind(arg) if isinstance(arg, BaseException) else arg for arg in record.args or ())
        return str(super().format(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - its name in logging
        return "\n".join(_told(ei[1]))


def configure() -> None:
    """For a process that is not the server's: what ends it is logged, too."""
    logging.config.dictConfig(LOGGING)

    def log(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logger.critical("the process ends", exc_info=(kind, error, trace))

    sys.excepthook = log


def log_lost(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """For the event loop: an exception that nobody waits for. The loop's own words have its message in them."""
    error = context.get("exception")
    if error is None or log_away(error) is None:
        logger.error("an exception was lost", exc_info=error)


def _by_type(value: Any) -> str:
    return repr(value) if isinstance(value, Redacted) else f"<{type(value).__name__}>"


def _kind(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    match error:
        case asyncpg.PostgresError():
            where = (error.sqlstate, error.table_name, error.column_name, error.constraint_name)
            return " ".join([name, *(each for each in where if each)])
        case OSError(strerror=str(words)):
            return f"{name} {words}"
        case _:
            return name


def _told(error: BaseException) -> Iterator[str]:
    """The oldest first, as Python does."""
    if error.__cause__ is not None:
        yield from _told(error.__cause__)
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _told(error.__context__)
    yield "".join(format_list(extract_tb(error.__traceback__))) + _kind(error)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _told(inner)
