"""Good, refused, conflicting, failing and abandoned commands from several processes at once: what was told is so."""

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from eventstore.store import Store
from proof.checks import claims, claims_of_the_log
from tests.eventstore.acts import PATIENCE, add_user, place, register
from tests.eventstore.arriving import versions_with_gaps
from tests.eventstore.chained import unchained
from tests.eventstore.mix import CUSTOMERS, ORDERS, USERS, Told
from tests.projections.rows import folded, live

PROCESSES = 3
SEEDS = range(int(os.environ.get("MIX_SEEDS", "2")))
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


async def mixing(dsn: str, seed: int) -> list[Told]:
    """A process of its own, and what its commands were told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.eventstore.mix", dsn, str(seed),
        cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await asyncio.wait_for(process.communicate(), 2 * PATIENCE)
    assert process.returncode == 0, errors.decode()
    return msgspec.json.decode(said, type=list[Told])


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_commands_of_several_processes_were_told_is_so(store: Store, database: str, seed: int) -> None:
    for number in USERS:
        await add_user(store, number, f"user{number}")
    for number in CUSTOMERS:
        await register(store, f"{number}@example.com")
    for number in ORDERS:
        await place(store, number % len(CUSTOMERS) + 1)
    told = await asyncio.gather(*(mixing(database, seed * PROCESSES + number) for number in range(PROCESSES)))
    commands = [command for process in told for command in process]
    written: Counter[str] = Counter()
    async for page in store.log.pages(store.pool):
        written.update(recorded.request_id for recorded in page)
    for command in commands:
        expected = {"done": {command.events}, "refused": {0}, "nothing": {0, command.events}}[command.outcome]
        assert written[command.request_id] in expected, command
    outcomes = Counter(command.outcome for command in commands)
    assert min(outcomes["done"], outcomes["refused"], outcomes["nothing"]) > 50, outcomes
    assert await versions_with_gaps(store) == []
    assert await unchained(store) == []
    assert await live(store) == await folded(store)
    assert await claims(store) == await claims_of_the_log(store)
    assert await store.pool.fetchval(DEADLOCKS) == 0
