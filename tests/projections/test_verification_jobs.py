"""Verifications that somebody asked for: one at a time, cancelled, and ended by the death of their process."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import asyncpg
import pytest

from eventstore.store import Store
from projections.checks import findings, jobs
from projections.checks.findings import Difference
from projections.checks.jobs import (
    Verification,
    VerificationNotFoundError,
    VerificationRequest,
    VerificationRunningError,
)
from projections.checks.recalculate import recalculate
from projections.checks.verify import verify
from projections.database import open_store
from projections.fold.ranges import Range
from service import verifications
from tests.eventstore.acts import PATIENCE, place, until
from tests.projections.test_verify import NO_JSON, SPOIL_EVENT, buyers, position_of

EVERYONE = VerificationRequest(started_by="ann")
RUN = "import sys, asyncio; from tests.projections.test_verification_jobs import here; asyncio.run(here(*sys.argv[1:]))"
WAITED_LONG = "UPDATE verification_jobs SET started_at = started_at - interval '1 hour'"


def unseen(*_: object) -> None:
    pass


async def here(database: str, id_: str) -> None:
    async with open_store(database) as store:
        await jobs.run(store, int(id_), unseen)


@asynccontextmanager
async def held_figures(database: str) -> AsyncIterator[None]:
    """Nobody reads figures meanwhile, so that a verification goes no further."""
    connection = await asyncpg.connect(database)
    async with connection.transaction():
        await connection.execute("LOCK TABLE figures IN ACCESS EXCLUSIVE MODE")
        yield
    await connection.close()


async def is_run(store: Store, id_: int) -> bool:
    return (await jobs.find(store.pool, id_)).status == "running"


def counts(job: Verification) -> tuple[str, int, int, int, int]:
    return job.status, job.total, job.checked, job.drifted, job.unverified


async def test_a_verification_counts_what_it_finds_and_stores_each_figure(store: Store) -> None:
    _first, second, third, fourth = await buyers(store, 4)
    await store.pool.execute("UPDATE figures SET ltv = 7, aov = 3.5 WHERE id = $1", second)
    await store.pool.execute("UPDATE figures SET purchase_value = '{}' WHERE id = $1", fourth)
    position = await position_of(store, await place(store, third))
    await store.pool.execute(SPOIL_EVENT, position, NO_JSON)
    job = await verifications.verify(store, EVERYONE, unseen)
    assert counts(job) == ("done", 4, 4, 2, 1)
    assert (job.started_by, job.has_ended, job.error) == ("ann", True, None)
    state = await verifications.drift_state(store, 9)
    assert state.newest == job
    found = {each.customer_id: each for each in state.drifting}
    assert found[second].figures == [
        Difference(second, "aov", Decimal("3.5"), 1_000, 1_000),
        Difference(second, "ltv", 7, 1_000, 1_000),
    ]
    assert [figure.by for figure in found[second].figures] == [Decimal("-996.5"), -993]
    assert found[fourth].figures == [Difference(fourth, "purchase_value", {}, {"USD": 1_000}, {"USD": 1_000})]
    assert (found[fourth].figures[0].by, found[fourth].name, found[fourth].problem) == (None, "Ada Byron", None)
    assert (found[third].figures, (found[third].problem or "")[:16]) == ([], "order-placed#1: ")


async def test_what_was_repaired_or_changed_since_takes_the_place_of_what_was_found(store: Store) -> None:
    first, second = await buyers(store, 2)
    await store.pool.execute("UPDATE figures SET ltv = 7, purchase_count = 3")
    await verifications.verify(store, EVERYONE, unseen)
    async with store.pool.acquire() as connection, connection.transaction():
        await recalculate(connection, store.log, first)
    await store.pool.execute("UPDATE figures SET ltv = 1000 WHERE id = $1", second)
    assert len(await findings.listed(store.pool, 9)) == 1
    await verifications.verify(store, EVERYONE, unseen)
    [left] = await findings.listed(store.pool, 9)
    assert left.figures == [Difference(second, "purchase_count", 3, 1, 1)]


async def test_a_sample_and_a_range_are_as_large_as_asked_for(store: Store) -> None:
    ids = await buyers(store, 5)
    some = VerificationRequest(customers=Range("customer", ids[1], ids[3]))
    assert counts(await verifications.verify(store, some, unseen))[:3] == ("done", 3, 3)
    assert counts(await verifications.verify(store, VerificationRequest(sample=2), unseen))[:3] == ("done", 2, 2)


async def test_one_runs_at_a_time(store: Store, database: str) -> None:
    await buyers(store, 1)
    id_ = await jobs.start(store, EVERYONE)
    with pytest.raises(VerificationRunningError):  # a process is about to run it
        await jobs.start(store, EVERYONE)
    async with held_figures(database):
        running = asyncio.create_task(jobs.run(store, id_, unseen))
        await until(lambda: is_run(store, id_), "it runs")
        with pytest.raises(VerificationRunningError):
            await jobs.start(store, EVERYONE)
        await verifications.run(store, id_)  # nothing, because it runs already
    assert (await asyncio.wait_for(running, PATIENCE)).status == "done"


async def test_one_is_cancelled_from_elsewhere_before_its_next_piece(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.fold.ranges.split.__defaults__", (1,))
    await buyers(store, 3)
    id_ = await jobs.start(store, EVERYONE)
    async with held_figures(database):
        running = asyncio.create_task(jobs.run(store, id_, unseen))
        await until(lambda: is_run(store, id_), "it runs")
        assert (await verifications.cancel(store, id_)).status == "running"
    assert counts(await asyncio.wait_for(running, PATIENCE))[:3] == ("cancelled", 3, 1)
    assert await findings.known(store.pool) is None  # which is said of whole ones
    assert (await verifications.cancel(store, id_)).status == "cancelled"


async def test_one_that_waits_is_cancelled_and_then_not_run(store: Store) -> None:
    await buyers(store, 1)
    id_ = await jobs.start(store, EVERYONE)
    assert (await verifications.cancel(store, id_)).status == "cancelled"
    assert counts(await jobs.run(store, id_, unseen))[:3] == ("cancelled", 0, 0)


async def test_one_whose_process_dies_has_ended_and_another_is_started(store: Store, database: str) -> None:
    await buyers(store, 1)
    id_ = await jobs.start(store, EVERYONE)
    async with held_figures(database):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, database, str(id_))
        try:
            await until(lambda: is_run(store, id_), "it runs")
        finally:
            process.send_signal(signal.SIGKILL)
            await asyncio.wait_for(process.wait(), PATIENCE)
    await until(lambda: has_ended(store, id_), "its connection is gone")
    assert (await jobs.find(store.pool, id_)).status == "interrupted"
    assert (await verifications.verify(store, EVERYONE, unseen)).status == "done"
    former = await jobs.find(store.pool, id_)
    assert (former.status, former.finished_at is None) == ("interrupted", False)


async def has_ended(store: Store, id_: int) -> bool:
    return (await jobs.find(store.pool, id_)).has_ended


async def test_one_that_no_process_came_for_has_ended(store: Store) -> None:
    id_ = await jobs.start(store, EVERYONE)
    await store.pool.execute(WAITED_LONG)
    assert (await jobs.find(store.pool, id_)).status == "interrupted"
    assert await jobs.start(store, EVERYONE) > id_


async def test_one_that_fails_tells_why(store: Store) -> None:
    await buyers(store, 1)
    id_ = await jobs.start(store, EVERYONE)
    await store.pool.execute("ALTER TABLE figures RENAME TO elsewhere")
    with pytest.raises(asyncpg.UndefinedTableError):
        await jobs.run(store, id_, unseen)
    job = await jobs.find(store.pool, id_)
    assert (job.status, job.error) == ("failed", 'UndefinedTableError: relation "figures" does not exist')


async def test_a_verification_that_is_not_there(store: Store) -> None:
    for act in (verifications.find, verifications.cancel):
        with pytest.raises(VerificationNotFoundError):
            await act(store, 7)


async def test_several_who_look_at_the_same_customers_at_once_do_not_stand_in_each_others_way(store: Store) -> None:
    ids = await buyers(store, 6)
    await store.pool.execute("UPDATE figures SET ltv = 7")

    async def look(chosen: list[int]) -> None:
        for _ in range(10):
            await findings_of(store, chosen)

    async with asyncio.TaskGroup() as looking:
        for chosen in (ids, ids[::-1], ids[::2], ids[1:]):
            looking.create_task(look(chosen))
    assert len(await findings.listed(store.pool, 9)) == 6


async def findings_of(store: Store, ids: list[int]) -> None:
    async def pieces() -> AsyncIterator[list[int]]:
        yield ids

    async for _ in verify(store, pieces()):
        pass
