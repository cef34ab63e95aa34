"""What it means that the database is away, and what is said of it."""

import logging

import asyncpg
import pytest

from eventstore.postgres.away import Unreachable, Why, log_away, why_away


def fatal(kind: type[asyncpg.PostgresError]) -> asyncpg.PostgresError:
    error = kind("the server's own words")
    error.severity_en = "FATAL"
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Unreachable("no route"), "away"),
        (Unreachable("no answer", "hanging"), "hanging"),
        (ConnectionRefusedError(), "away"),
        (ConnectionResetError(), "away"),
        (asyncpg.ConnectionDoesNotExistError("closed in the middle of an operation"), "away"),
        (asyncpg.InterfaceError("connection is closed"), "away"),
        (asyncpg.TargetServerAttributeNotMatched("it is a standby"), "away"),
        (asyncpg.CannotConnectNowError("the database system is starting up"), "away"),
        (asyncpg.AdminShutdownError("terminating connection"), "away"),
        (asyncpg.CrashShutdownError("terminating connection"), "away"),
        (asyncpg.TooManyConnectionsError("sorry, too many clients already"), "away"),
        (asyncpg.OutOfMemoryError("out of memory"), "away"),
        (asyncpg.PostgresIOError("could not read block"), "away"),
        (fatal(asyncpg.ObjectNotInPrerequisiteStateError), "away"),  # "is not currently accepting connections"
        (fatal(asyncpg.InvalidAuthorizationSpecificationError), "away"),
        (fatal(asyncpg.InvalidCatalogNameError), "away"),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"), "read_only"),
        (asyncpg.DiskFullError("could not extend file"), "full"),
        (asyncpg.QueryCanceledError("canceling statement due to statement timeout"), "hanging"),
        (TimeoutError(), "hanging"),
        (asyncpg.UniqueViolationError("duplicate key"), None),
        (asyncpg.UndefinedTableError("relation does not exist"), None),
        (asyncpg.ObjectNotInPrerequisiteStateError("currval is not yet defined"), None),
        (asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"), None),
        (FileNotFoundError("signing.checkpoint"), None),
        (ValueError(), None),
    ],
)
def test_that_it_is_away_is_told_from_all_else_that_goes_wrong(error: Exception, why: Why | None) -> None:
    assert why_away(error) == why
    assert log_away(error) == why


def test_it_is_said_in_a_line_a_second_without_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("custodiary.database")
    for seldom in logger.filters:
        vars(seldom)["_until"] = 0.0  # as if nothing had been said for a while
    for _ in range(1_000):
        log_away(ConnectionRefusedError())
    (record,) = (record for record in caplog.records if record.name == logger.name)
    assert record.exc_info is None
