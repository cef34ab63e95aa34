"""Rows into the store, many in a transaction. One that is refused does not keep its neighbours out."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import asyncpg

from domain.refusals import AmountTooLarge, ClaimTaken, Refusal
from eventstore.store import By, Contended, Unit
from service.importing.report import Remark, Report

BATCH = 1_000

TAKEN = {
    "customer-email": "Another customer has the email {}.",
    "user-link": "User {} belongs to another customer.",
    "user-login": "Another user has the login {}.",
    "user-email": "Another user has the email {}.",
    "label": "Another label is called {}.",
    "transaction": "Another order has the transaction {}, since a moment ago; import the file again.",
}

# What may be wrong with one row; anything else is wrong with the store.
REFUSALS = (Refusal, Contended, asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)

T = TypeVar("T")


class Row(Protocol):
    """Where it stands in the file, to be said to people."""

    def remark(self, message: str) -> Remark: ...


class Target(Protocol):
    """A store, or the rehearsal of a command to one."""

    async def transact(self, by: By, work: Callable[[Unit], Awaitable[T]]) -> T: ...


R = TypeVar("R", bound=Row)
Record = Callable[[Unit, Sequence[R]], Awaitable[Report]]


async def write(target: Target, by: By, rows: Sequence[R], record: Record[R]) -> Report:
    """All rows in one transaction, or where one of them is refused, those of each half."""
    try:
        return await target.transact(by, lambda unit: record(unit, rows)) if rows else Report()
    except REFUSALS as error:
        if len(rows) == 1:
            return Report(bad=[rows[0].remark(reason(error))])
    middle = len(rows) // 2
    report = await write(target, by, rows[:middle], record)
    report.add(await write(target, by, rows[middle:], record))
    return report


def reason(error: Exception) -> str:
    match error:
        case ClaimTaken(args=(kind, value)):
            return TAKEN[kind].format(value)
        case AmountTooLarge(args=(_amount, largest)):
            return f"The figures of its customer would be beyond {largest}."
        case Refusal():
            return f"It was refused: {type(error).__name__}{error.args or ''}."
        case Contended():
            return "Others changed the same data all the time; import the file again."
        case _:
            return f"It does not fit the database: {error}."
