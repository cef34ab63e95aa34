"""The feed where there are standbys: never beyond what is durable, and what was lost with a primary is noticed."""

import asyncio
from contextlib import suppress

import pytest

from eventstore.postgres.away import UNREACHABLE
from eventstore.store import Store
from projections.database import open_store
from service.feed.following import Following
from service.feed.pages import AheadOfTheLog, page_after
from tests.cluster.nodes import Pair
from tests.cluster.test_standbys import CANCEL, VISIBLE, commits_wait
from tests.eventstore.acts import PATIENCE, register, rename, until
from tests.feed.following import follow, thin

LOST = 40  # so many that positions are given again


async def test_an_event_is_not_handed_out_before_the_standby_has_it(
    careful: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(careful.primary.dsn, connections=8) as store, Following(store).joined() as following:
        customer_id = await register(store, "ann@example.com")
        assert [entry.recorded.position for entry in await follow(store)] == [1]
        await careful.cut_off()
        renaming = asyncio.ensure_future(rename(store, customer_id, "Zoe"))
        await commits_wait(careful)
        assert await careful.primary.ask(CANCEL) >= 1
        await until(lambda: careful.primary.ask(VISIBLE), "the event is visible")
        monkeypatch.setattr("eventstore.store.PATIENCE", 0.5)
        assert await page_after(store, 1, limit=10) == ([], 1, False)
        assert not await following.beyond(1, 1)
        monkeypatch.undo()
        await careful.join()
        assert await following.beyond(1, PATIENCE)
        page = await page_after(store, 1, limit=10)
        assert ([entry.recorded.position for entry in page.entries], page.next, page.caught_up) == ([2], 2, True)
        await asyncio.wait_for(renaming, PATIENCE)


async def test_whoever_has_what_a_failover_lost_can_tell(pair: Pair) -> None:
    async with open_store(pair.dsn, connections=5) as store:
        await register(store, "ann@example.com")
        await pair.cut_off()
        for number in range(LOST):
            await register(store, f"lost{number}@example.com")
        seen = {event["id"]: event["digest"] for event in map(thin, await follow(store, limit=100))}
        await pair.fail_over()
        await until(lambda: is_back(store), "the process has found the new primary")
        with pytest.raises(AheadOfTheLog) as refused:
            await page_after(store, LOST + 1, limit=10)
        assert refused.value.head == 1
        for number in range(LOST):
            await register(store, f"new{number}@example.com")
        known = {event["id"]: event["digest"] for event in map(thin, await follow(store, limit=100))}
        again = (seen.keys() & known.keys()) - {"1"}
        assert again
        assert seen["1"] == known["1"]
        assert not [position for position in again if seen[position] == known[position]]


async def is_back(store: Store) -> bool:
    with suppress(*UNREACHABLE):
        return bool(await store.pool.fetchval("SELECT NOT pg_is_in_recovery()"))
    return False
