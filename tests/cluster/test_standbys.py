"""Commits wait for a standby: what is answered was there, too, whatever happened on the way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from eventstore.commit import writer
from eventstore.store import OutcomeUnknown, Store
from projections.database import open_store
from tests.api.shop import done, new_email, open_shop
from tests.cluster.nodes import Pair
from tests.cluster.proxy import Proxy, way_to
from tests.eventstore.acts import PATIENCE, count, register, rename, until

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query NOT LIKE '%activity%'"
CANCEL = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
END = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
VISIBLE = "SELECT count(*) FROM stored_events WHERE originator_version = 2"


@pytest.fixture
async def far(careful: Pair) -> AsyncIterator[tuple[Store, Proxy]]:
    async with AsyncExitStack() as stack:
        dsn, proxy = await stack.enter_async_context(way_to(careful.primary.dsn))
        yield await stack.enter_async_context(open_store(dsn, connections=5)), proxy


async def commits_wait(pair: Pair) -> None:
    await until(lambda: pair.primary.ask(WAITING), "a commit waits for its standby")


@pytest.mark.parametrize("fate", ["cut", "ended", "cancelled"])
async def test_an_answer_waits_for_the_standby_whatever_befalls_its_commit(
    careful: Pair, far: tuple[Store, Proxy], fate: str
) -> None:
    store, proxy = far
    customer_id = await register(store, "ann@example.com")
    await careful.cut_off()
    renaming = asyncio.ensure_future(rename(store, customer_id, "Zoe"))
    await commits_wait(careful)
    if fate == "cut":
        proxy.cut()
    else:
        assert await careful.primary.ask(END if fate == "ended" else CANCEL) == 1
        await until(lambda: careful.primary.ask(VISIBLE), "the event is visible")
        await commits_wait(careful)
    assert not renaming.done()
    await careful.join()
    await asyncio.wait_for(renaming, PATIENCE)
    await careful.fail_over()
    assert await careful.standby.ask(VISIBLE) == 1


@pytest.mark.parametrize("fate", [END, CANCEL])
async def test_what_no_standby_has_is_not_answered_as_done(
    careful: Pair, far: tuple[Store, Proxy], monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    monkeypatch.setattr(writer, "PATIENCE", 0.5)
    monkeypatch.setattr("eventstore.store.PATIENCE", 0.5)
    store, _proxy = far
    customer_id = await register(store, "ann@example.com")
    await careful.cut_off()
    renaming = asyncio.ensure_future(rename(store, customer_id, "Zoe"))
    await commits_wait(careful)
    await careful.primary.ask(fate)
    with pytest.raises(OutcomeUnknown):
        await asyncio.wait_for(renaming, PATIENCE)
    with pytest.raises(OutcomeUnknown):  # nothing is to be changed, by what can be seen
        await asyncio.wait_for(rename(store, customer_id, "Zoe"), PATIENCE)
    await careful.join()
    await rename(store, customer_id, "Zoe")
    assert await count(store.pool, "stored_events") == 2


async def test_a_kept_answer_is_not_shown_before_it_is_durable(careful: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    key, body = {"Idempotency-Key": "once"}, {"email": new_email(), "first_name": "Ann"}
    async with open_shop(careful.primary.dsn) as shop:
        await shop.customer()  # who asks is known from now on, and nothing is written for that
        await careful.cut_off()
        first = asyncio.ensure_future(shop.post("/customers", body, headers=key))
        await commits_wait(careful)
        monkeypatch.setattr(writer, "PATIENCE", 0.5)
        monkeypatch.setattr("eventstore.store.PATIENCE", 0.5)
        await careful.primary.ask(CANCEL)
        assert (await asyncio.wait_for(first, PATIENCE)).status_code == 503
        again = await asyncio.wait_for(shop.post("/customers", body, headers=key), PATIENCE)
        assert again.status_code == 503
        monkeypatch.undo()
        waiting = asyncio.ensure_future(shop.post("/customers", body, headers=key))
        await commits_wait(careful)
        await careful.join()
        shown = await asyncio.wait_for(waiting, PATIENCE)
        assert done(shown)["data"]["email"] == body["email"]
        assert shown.headers["Idempotency-Replayed"] == "true"
        assert await count(shop.pool, "customers") == 2
