"""Verifications that people ask for: one at a time in the whole store. One whose process dies has ended."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from datetime import datetime
from typing import Literal, TypeAlias

import asyncpg
import msgspec

from eventstore.postgres.away import UNREACHABLE
from eventstore.postgres.connection import Connection, Executor
from eventstore.postgres.exclusive import exclusive, is_held
from eventstore.store import Store
from projections.checks.verify import EVERYONE, Checked, between, count_between, drawn, verify
from projections.fold.ranges import Range

Status: TypeAlias = Literal["waiting", "running", "done", "cancelled", "interrupted", "failed"]

# Takes what was compared, of so many customers, of how many.
Found: TypeAlias = Callable[[Checked, int, int], None]

WORK = "custodiary verification"
# A process that is to run it has started by then, or never will.
PATIENCE = 60  # seconds

INSERT = "INSERT INTO verification_jobs (low, high, sample, started_by) VALUES ($1, $2, $3, $4) RETURNING id"
# `is_run` tells whether a process holds the lock; then the newest is the one that runs.
COLUMNS = """id, low, high, sample, is_to_end, total, checked, drifted, unverified, error, started_by, started_at,
    finished_at, CASE
        WHEN status = 'running' AND NOT $1 THEN 'interrupted'
        WHEN status = 'waiting' AND NOT $1 AND started_at < clock_timestamp() - make_interval(secs => $2)
            THEN 'interrupted'
        ELSE status END AS status"""
FIND = f"SELECT {COLUMNS} FROM verification_jobs WHERE id = $3"
NEWEST = f"SELECT {COLUMNS} FROM verification_jobs ORDER BY id DESC LIMIT 1"
RUN = "UPDATE verification_jobs SET status = 'running' WHERE id = $1"
SET_TOTAL = "UPDATE verification_jobs SET total = $2 WHERE id = $1"
# Of the erased there are events and no figures: they are compared too, and not in the total before.
ADVANCE = """
    UPDATE verification_jobs SET checked = checked + $2, total = greatest(total, checked + $2),
        drifted = drifted + $3, unverified = unverified + $4
    WHERE id = $1 RETURNING is_to_end"""
END = "UPDATE verification_jobs SET status = $2, error = $3, finished_at = clock_timestamp() WHERE id = $1"
# Whatever was not ended by then never was.
GIVE_UP = """
    UPDATE verification_jobs SET status = 'interrupted', finished_at = clock_timestamp()
    WHERE status IN ('waiting', 'running')"""
# That of one that waits, or whose process has died.
CANCEL = """
    UPDATE verification_jobs SET status = 'cancelled', finished_at = clock_timestamp()
    WHERE id = $1 AND status IN ('waiting', 'running')"""
ASK_TO_END = "UPDATE verification_jobs SET is_to_end = true WHERE id = $1"


class VerificationRunningError(Exception):
    """One verification at a time."""


class VerificationNotFoundError(Exception):
    """There is no verification of this id."""


class VerificationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A `sample` of so many random customers, or all of a range."""

    customers: Range = EVERYONE
    sample: int | None = None
    started_by: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """`checked` of `total` customers are compared. It is interrupted where its process has died."""

    id: int
    low: int
    high: int
    sample: int | None
    status: Status
    is_to_end: bool
    total: int
    checked: int
    drifted: int
    unverified: int
    error: str | None
    started_by: str
    started_at: datetime
    finished_at: datetime | None

    @property
    def has_ended(self) -> bool:
        return self.status not in {"waiting", "running"}


def alone(pool: asyncpg.Pool) -> AbstractAsyncContextManager[Connection]:
    """A connection that verifies alone. Raises VerificationRunningError."""
    return exclusive(pool, WORK, VerificationRunningError)


async def start(store: Store, asked: VerificationRequest) -> int:
    """The id of a new one, which waits to be run. Raises VerificationRunningError."""
    async with alone(store.pool) as connection:
        last = await _newest(connection, is_run=False)
        if last is not None and last.status == "waiting":  # its process is about to run it
            raise VerificationRunningError
        await connection.execute(GIVE_UP)
        id_: int = await connection.fetchval(INSERT, *asked.customers[1:], asked.sample, asked.started_by)
    return id_


async def run(store: Store, id_: int, found: Found) -> Verification:
    """Verify to the end, or until it is cancelled, here or elsewhere. `found` gets each piece as it is compared.

    Raises VerificationRunningError, and VerificationNotFoundError.
    """
    async with alone(store.pool) as connection:
        job = await find(connection, id_)
        if job.status == "waiting":  # and not cancelled meanwhile
            await _run(store, connection, job, found)
        return await find(connection, id_)


async def _run(store: Store, connection: Connection, job: Verification, found: Found) -> None:
    status: Status = "failed"
    problem: str | None = None
    try:
        status = await _verify(store, job, found)
    except asyncio.CancelledError:
        status = "cancelled"
        raise
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        raise
    finally:
        with suppress(*UNREACHABLE):  # it is interrupted
            await connection.execute(END, job.id, status, problem)


async def _verify(store: Store, job: Verification, found: Found) -> Status:
    """How it ended."""
    await store.pool.execute(RUN, job.id)
    customers = Range("customer", job.low, job.high)
    total = job.sample or await count_between(store.pool, customers)
    await store.pool.execute(SET_TOTAL, job.id, total)
    pieces = drawn(store.pool, job.sample) if job.sample else between(store.pool, customers)
    done = 0
    async with aclosing(verify(store, pieces)) as verified:
        async for checked in verified:
            done += checked.customers
            found(checked, min(done, total), total)
            counts = checked.customers, len(checked.drifted_ids), len(checked.unverified_ids)
            if await store.pool.fetchval(ADVANCE, job.id, *counts):
                return "cancelled"
    return "done"


async def cancel(store: Store, id_: int) -> Verification:
    """Makes the process that runs it end it; ends it here if none does. Nothing happens to one that has ended."""
    await store.pool.execute(ASK_TO_END, id_)
    with suppress(VerificationRunningError):
        async with alone(store.pool) as connection:
            await connection.execute(CANCEL, id_)
    return await find(store.pool, id_)


async def find(on: Executor, id_: int) -> Verification:
    """Raises VerificationNotFoundError."""
    row = await on.fetchrow(FIND, await is_held(on, WORK), PATIENCE, id_)
    if row is None:
        raise VerificationNotFoundError(id_)
    return msgspec.convert(dict(row), Verification)


async def newest(on: Executor) -> Verification | None:
    return await _newest(on, is_run=await is_held(on, WORK))


async def _newest(on: Executor, *, is_run: bool) -> Verification | None:
    row = await on.fetchrow(NEWEST, is_run, PATIENCE)
    return msgspec.convert(dict(row), Verification) if row else None
