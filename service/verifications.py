"""Verifications of stored figures against the events: start one, or run it here; look at what it found, cancel it."""

from contextlib import suppress
from typing import NamedTuple

from eventstore.store import Store
from projections.checks import findings, jobs
from projections.checks.findings import Drifting, Known
from projections.checks.jobs import Found, Verification, VerificationRequest, VerificationRunningError
from projections.checks.verify import count_between


class DriftState(NamedTuple):
    """What is known of all customers, the newest verification that somebody asked for, and the first who drift.

    A verification of everyone compares `customers` with `head` events.
    """

    known: Known | None
    newest: Verification | None
    drifting: list[Drifting]
    customers: int
    head: int


async def start(store: Store, asked: VerificationRequest) -> Verification:
    """A new verification, which waits for another process to run it. Raises VerificationRunningError."""
    return await find(store, await jobs.start(store, asked))


async def verify(store: Store, asked: VerificationRequest, found: Found) -> Verification:
    """Run a new one to its end. Raises VerificationRunningError."""
    return await jobs.run(store, await jobs.start(store, asked), found)


async def run(store: Store, id_: int) -> None:
    """Run one that was started; nothing where another process verifies already."""
    with suppress(VerificationRunningError):
        await jobs.run(store, id_, _unseen)


async def find(store: Store, id_: int) -> Verification:
    """Raises VerificationNotFoundError."""
    return await jobs.find(store.pool, id_)


async def cancel(store: Store, id_: int) -> Verification:
    """End it, whichever process runs it. Raises VerificationNotFoundError."""
    return await jobs.cancel(store, id_)


async def drift_state(store: Store, limit: int) -> DriftState:
    on = store.pool
    return DriftState(
        await findings.known(on),
        await jobs.newest(on),
        await findings.listed(on, limit),
        await count_between(on),
        await store.log.head(on),
    )


def _unseen(*_progress: object) -> None:
    """Who follows it looks at the job."""
