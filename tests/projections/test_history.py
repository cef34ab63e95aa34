"""What history tells is what a plain fold of the whole log gives, page by page, whatever has been kept of it."""

from datetime import timedelta

import pytest

from domain.customer import CUSTOMER, ChangeCustomer, CustomerRenamed
from domain.event import Recorded, Stream, tag
from eventstore.store import Store
from projections.database import at_one_moment
from projections.history import pages, snapshots
from projections.history.pages import EVERYTHING, NEWEST, Entry, Filters, customer_history, store_history
from tests.eventstore.acts import NOW, append, count, do, erase, register, rename
from tests.eventstore.arriving import arriving_together, transactions
from tests.projections import plainly
from tests.projections.history import History

STALE = "UPDATE snapshots SET fingerprint = 'of other code'"
STALE_ROWS = "UPDATE snapshot_rows SET fingerprint = 'of other code', state = '{}'"
KEPT = "SELECT version FROM snapshots WHERE fingerprint <> 'of other code' ORDER BY version"
INHERITED = """
    SELECT DISTINCT t.customer_id, e.notification_id
    FROM stored_events AS t
    JOIN stored_events AS e ON e.originator_id = t.originator_id AND e.originator_version < t.originator_version
    WHERE t.former_customer_id IS NOT NULL
        AND e.customer_id <> t.customer_id AND e.former_customer_id IS DISTINCT FROM t.customer_id
    ORDER BY 1, 2"""
SPOIL = "UPDATE stored_events SET state = 'nonsense' WHERE notification_id = $1"


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots every few events, so that a short history has many."""
    monkeypatch.setattr(snapshots, "EVERY", 4)


async def read(
    store: Store, customer_id: int | None = None, filters: Filters = EVERYTHING, *, limit: int = 7
) -> list[Entry]:
    """The whole history, page by page; of the store, if of nobody."""
    entries: list[Entry] = []
    before: int | None = NEWEST
    while before is not None:
        async with at_one_moment(store.pool) as on:
            if customer_id is None:
                page = await store_history(on, store.log, filters, before=before, limit=limit)
            else:
                page = await customer_history(on, store.log, customer_id, filters, before=before, limit=limit)
        assert page.before is None or page.before < before
        assert len(page.entries) == limit or page.before is None or filters != EVERYTHING
        entries += page.entries
        before = page.before
    return entries


def told(entries: list[Entry]) -> list[tuple[int, plainly.Changes | None]]:
    return [(entry.recorded.position, entry.changes) for entry in entries]


@pytest.mark.parametrize("seed", [21, 22, 23])
async def test_every_page_is_what_a_plain_fold_gives_after_any_history(store: Store, often: None, seed: int) -> None:
    history = History(store, seed)
    await history.live(300)
    log = await plainly.everything(store)
    changes = plainly.changes(log)
    ids = [recorded.stream.id for recorded in log if tag(recorded.event) == "customer-registered"]
    for id_ in ids:
        own = plainly.changes(log, id_)
        expected = [(recorded.position, own[recorded.position]) for recorded in plainly.about(log, id_)]
        assert told(await read(store, id_)) == expected
    assert told(await read(store, limit=50)) == [
        (recorded.position, changes[recorded.position]) for recorded in reversed(log)
    ]
    assert await count(store.pool, "snapshots") > 15
    assert await count(store.pool, "inherited_events") > 0


TYPES = "SELECT notification_id, split_part(topic, '#', 1) FROM stored_events"


@pytest.mark.parametrize("of_store", [False, True])
async def test_filters_find_what_there_is_though_a_page_looks_at_little(
    store: Store, monkeypatch: pytest.MonkeyPatch, of_store: bool
) -> None:
    monkeypatch.setattr(pages, "WINDOW", 9)
    monkeypatch.setattr(pages, "LOG_WINDOW", 9)
    await History(store, 24).live(150)
    log = await plainly.everything(store)
    id_ = None if of_store else next(each.stream.id for each in log if each.stream.category == "customer")
    whole = [*reversed(log)] if id_ is None else plainly.about(log, id_)
    middle = whole[len(whole) // 2].occurred_at
    types = {row[0]: row[1] for row in await store.pool.fetch(TYPES)}  # also of what is forgotten
    for filters in (
        Filters(type="customer-registered"),
        Filters(type="refund-recorded"),
        Filters(actor="ann"),
        Filters(actor="nobody"),
        Filters(since=middle),
        Filters(until=middle),
        Filters(actor="ann", until=middle, type="customer-renamed"),
    ):
        found = [entry.recorded.position for entry in await read(store, id_, filters, limit=3)]
        assert found == [each.position for each in whole if passes(each, types[each.position], filters)], filters


def passes(recorded: Recorded, type_: str, filters: Filters) -> bool:
    return (
        filters.type in (None, type_)
        and filters.actor in (None, recorded.actor)
        and (filters.since is None or filters.since <= recorded.occurred_at)
        and (filters.until is None or recorded.occurred_at < filters.until)
    )


async def test_what_an_order_brings_along_is_entered_when_it_is_transferred(store: Store) -> None:
    await History(store, 26).live(200)
    entered = await store.pool.fetch("SELECT customer_id, notification_id FROM inherited_events ORDER BY 1, 2")
    assert entered
    assert await store.pool.fetch(INHERITED) == entered


async def test_an_orders_details_change_on_a_page_without_the_order(store: Store) -> None:
    history = History(store, 25)
    await history.live(60)
    log = await plainly.everything(store)
    changes = plainly.changes(log)
    said = [recorded for recorded in log if tag(recorded.event) == "order-details-recorded"]
    assert said
    for recorded in said:
        async with at_one_moment(store.pool) as on:
            page = await store_history(on, store.log, before=recorded.position + 1, limit=1)
        assert told(page.entries) == [(recorded.position, changes[recorded.position])]
        assert changes[recorded.position] != {}


async def renamed(store: Store, customer_id: int, times: int) -> None:
    for number in range(times):
        await rename(store, customer_id, f"Ada {number}")


async def test_snapshots_of_other_code_are_ignored_and_made_anew(store: Store, often: None) -> None:
    id_ = await register(store, "ada@example.com")
    await renamed(store, id_, 10)
    before = told(await read(store, id_))
    assert [row[0] for row in await store.pool.fetch(KEPT)] == [4, 8]
    await store.pool.execute(STALE)
    await store.pool.execute(STALE_ROWS)
    assert told(await read(store, id_)) == before
    await rename(store, id_, "Grace")
    assert [row[0] for row in await store.pool.fetch(KEPT)] == [4, 8, 12]
    assert told(await read(store, id_))[1:] == before


async def test_a_stream_that_another_tool_wrote_is_folded_from_its_beginning(store: Store, often: None) -> None:
    id_ = await register(store, "ada@example.com")
    await append(store, renamings(id_, 2, 15))
    log = await plainly.everything(store)
    changes = plainly.changes(log)
    assert told(await read(store, id_)) == [(each.position, changes[each.position]) for each in reversed(log)]
    assert await count(store.pool, "snapshots") == 0
    await rename(store, id_, "Grace")
    assert [row[0] for row in await store.pool.fetch(KEPT)] == [4, 8, 12, 16]


def renamings(customer_id: int, first: int, last: int) -> list[Recorded]:
    return [
        Recorded(
            stream=Stream("customer", customer_id),
            version=version,
            event=CustomerRenamed(first_name=f"Ada {version}", last_name=""),
            occurred_at=NOW + timedelta(seconds=version),
            actor="ann",
            customer_id=customer_id,
        )
        for version in range(first, last + 1)
    ]


async def test_commands_that_share_a_transaction_pass_no_multiple_without_a_snapshot(store: Store, often: None) -> None:
    id_ = await register(store, "ada@example.com")
    async with arriving_together(store) as start:
        start(*(rename(store, id_, f"Ada {number}") for number in range(15)))
    assert await transactions(store, Stream("customer", id_)) == 2
    assert [row[0] for row in await store.pool.fetch(KEPT)] == [4, 8, 12, 16]
    log = await plainly.everything(store)
    changes = plainly.changes(log)
    expected = [(each.position, changes[each.position]) for each in plainly.about(log, id_)]
    assert told(await read(store, id_)) == expected


async def test_one_command_may_pass_several_multiples(store: Store, often: None) -> None:
    id_ = await register(store, "ada@example.com")
    await do(store, CUSTOMER, id_, *(ChangeCustomer(first_name=f"Ada {number}") for number in range(13)))
    assert [row[0] for row in await store.pool.fetch(KEPT)] == [4, 8, 12]
    log = await plainly.everything(store)
    changes = plainly.changes(log)
    assert told(await read(store, id_)) == [(each.position, changes[each.position]) for each in reversed(log)]


async def test_nothing_is_kept_of_the_erased(store: Store, often: None) -> None:
    id_, other = await register(store, "ada@example.com"), await register(store, "grace@example.com")
    await renamed(store, id_, 10)
    await renamed(store, other, 5)
    await erase(store, id_)
    assert await count(store.pool, "snapshots") == 1
    assert await store.pool.fetchval("SELECT bool_and(id = $1) FROM snapshot_rows", other)
    await do(store, CUSTOMER, other, *(ChangeCustomer(first_name=name) for name in "abcdef"))
    await erase(store, other)
    assert (await count(store.pool, "snapshots"), await count(store.pool, "snapshot_rows")) == (0, 0)


async def test_an_erased_customers_history_says_what_happened_but_not_to_whom(store: Store, often: None) -> None:
    id_ = await register(store, "ada@example.com")
    await renamed(store, id_, 5)
    await erase(store, id_)
    for entries in (await read(store, id_), await read(store)):
        erased, *others = entries
        assert (erased.type, erased.recorded.actor, erased.changes) == ("customer-erased", "ann", None)
        assert erased.data == {"addresses": (), "orders": (), "users": (), "reason": ""}
        assert [(entry.type, entry.data, entry.changes) for entry in others] == [
            *[("customer-renamed", None, None)] * 5, ("customer-registered", None, None),
        ]  # fmt: skip


async def test_an_event_that_cannot_be_read_stops_no_command(store: Store, often: None) -> None:
    id_ = await register(store, "ada@example.com")
    await renamed(store, id_, 2)
    await store.pool.execute(SPOIL, 2)
    await renamed(store, id_, 6)
    assert len(await read(store, id_)) == 9
    assert await count(store.pool, "snapshots") == 0


async def test_an_event_that_cannot_be_read_leaves_a_gap_and_no_more(store: Store) -> None:
    id_ = await register(store, "ada@example.com")
    await renamed(store, id_, 2)
    other = await register(store, "grace@example.com")
    newest, spoilt, first = await read(store, id_)
    await store.pool.execute(SPOIL, spoilt.recorded.position)
    entries = await read(store)
    assert [(entry.type, entry.data is None, entry.changes is None) for entry in entries] == [
        ("customer-registered", False, False),
        ("customer-renamed", False, True),
        ("customer-renamed", True, True),
        ("customer-registered", False, False),
    ]
    assert entries[0].recorded.stream.id == other
    assert entries[1].data == newest.data
    assert entries[3].changes == first.changes
