"""Pages of the feed: every event once, in the order of commits, whatever is filtered, and what is durable only."""

import asyncio
from datetime import timedelta

import pytest

from domain.label import LABEL, CreateLabel
from eventstore.store import Store
from projections.history import pages
from service.feed.pages import AheadOfTheLog, Wanted, page_after, position_before
from tests.eventstore.acts import a_writer_waits, append, do, facts, place, register, rename, transfer
from tests.feed.following import follow
from tests.projections import plainly
from tests.projections.history import History

GAP = "SELECT nextval('stored_events_notification_id_seq')"


@pytest.mark.parametrize("limit", [1, 7, 1_000])
async def test_every_event_comes_once_in_the_order_of_commits(store: Store, limit: int) -> None:
    await History(store, 41).live(120)
    log = [recorded.position for recorded in await plainly.everything(store)]
    assert [entry.recorded.position for entry in await follow(store, limit=limit)] == log
    assert [entry.recorded.position for entry in await follow(store, after=log[50], limit=limit)] == log[51:]


async def test_filters_leave_out_all_else_and_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LOG_WINDOW", 10)
    monkeypatch.setattr(pages, "WINDOW", 10)
    await History(store, 42).live(200)
    everything = await follow(store)
    ids = {entry.recorded.customer_id for entry in everything} - {None}
    assert len(ids) > 3
    for types in ((), ("customer-renamed", "order-placed", "order-transferred"), ("label-created",)):
        for customer_id in (None, *ids):
            expected = [
                entry.recorded.position
                for entry in everything
                if (not types or entry.type in types)
                and customer_id in (None, entry.recorded.customer_id, entry.recorded.former_customer_id)
            ]
            found = await follow(store, Wanted(types, customer_id))
            assert [entry.recorded.position for entry in found] == expected


async def test_a_transfer_is_in_the_feed_of_both_customers(store: Store) -> None:
    ada, bob = await register(store, "ada@example.com"), await register(store, "bob@example.com")
    order = await place(store, ada)
    await transfer(store, order, bob)
    types = {
        customer_id: [entry.type for entry in await follow(store, Wanted(customer_id=customer_id))]
        for customer_id in (ada, bob)
    }
    assert types == {
        ada: ["customer-registered", "order-placed", "order-transferred"],
        bob: ["customer-registered", "order-transferred"],
    }


async def test_whoever_filters_does_not_read_again_what_was_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "LOG_WINDOW", 20)
    await append(store, facts(1, 45))
    await do(store, LABEL, 2, CreateLabel(value="wanted, but of another type"))
    id_ = await register(store, "ada@example.com")
    wanted = Wanted(("customer-registered", "customer-renamed"))
    nexts = []
    after = 0
    while True:
        page = await page_after(store, after, wanted, limit=5)
        nexts.append((page.next, len(page.entries), page.caught_up))
        if page.caught_up:
            break
        after = page.next
    assert nexts == [(20, 0, False), (40, 0, False), (47, 1, True)]
    await rename(store, id_, "Augusta")
    assert (await page_after(store, page.next, wanted, limit=5)).next == 48


async def test_a_page_that_is_full_ends_at_its_last_event(store: Store) -> None:
    await append(store, facts(1, 10))
    page = await page_after(store, 0, limit=4)
    assert (page.next, page.caught_up) == (4, False)
    assert [entry.recorded.position for entry in page.entries] == [1, 2, 3, 4]
    page = await page_after(store, 6, limit=4)
    assert (page.next, page.caught_up) == (10, True)


async def test_a_gap_that_a_rolled_back_command_left_is_nothing_to_wait_for(store: Store) -> None:
    await append(store, facts(1, 2))
    await store.pool.execute(GAP)
    await append(store, facts(2, 1))
    page = await page_after(store, 2, limit=4)
    assert [entry.recorded.position for entry in page.entries] == [4]
    assert (page.next, page.caught_up) == (4, True)


async def test_an_event_whose_transaction_commits_late_is_not_skipped(store: Store) -> None:
    """Others wait for it before they get their positions, so nobody sees what comes after it first."""
    async with store.pool.acquire() as connection:
        late = connection.transaction()
        await late.start()
        await store.log.append(connection, facts(1))
        sooner = asyncio.create_task(append(store, facts(2)))
        await a_writer_waits(store.pool)
        assert await page_after(store, 0, limit=4) == ([], 0, True)
        await late.commit()
        assert await sooner == [2]
    assert [entry.recorded.stream.id for entry in await follow(store)] == [1, 2]


async def test_nothing_comes_after_the_end_and_whoever_is_beyond_it_is_told(store: Store) -> None:
    assert await page_after(store, 0, limit=4) == ([], 0, True)
    await append(store, facts(1, 3))
    assert await page_after(store, 3, limit=4) == ([], 3, True)
    with pytest.raises(AheadOfTheLog) as refused:
        await page_after(store, 4, limit=4)
    assert refused.value.head == 3


async def test_a_time_is_the_position_before_the_first_event_recorded_from_then_on(store: Store) -> None:
    for number in (1, 2, 3):
        await append(store, facts(number))
    second = (await follow(store))[1].recorded.recorded_at
    assert second is not None
    assert await position_before(store, second) == 1
    assert await position_before(store, second + timedelta(microseconds=1)) == 2
    assert await position_before(store, second - timedelta(days=1)) == 0
