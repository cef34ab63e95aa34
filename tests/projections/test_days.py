"""Figures of the store by day: the sum over its orders, whatever happened to them."""

import asyncio
from collections import Counter
from datetime import date
from typing import get_args

import pytest

from api.process.tables import migrate
from domain.customer import CUSTOMER, ChangeCustomer
from domain.order import ORDER, DeleteOrder, RecordRefund
from eventstore.store import Store
from projections.database import open_store
from projections.fold import days
from projections.fold.days import Period, Summed, Sums, Unit, bring_on, periods, read, unbroken
from projections.models import PROJECTIONS
from projections.replay.engine import replay
from service.background import summing
from service.background.summing import Summing
from tests.eventstore.acts import do, erase, place, register, transfer, until
from tests.eventstore.conftest import elsewhere
from tests.projections.history import History

__all__ = ["elsewhere"]

# As one would ask the tables, with nothing of the code that sums the log.
TRUE = """
    SELECT day, sum(net)::text::bigint AS net, sum(orders) AS orders, sum(customers) AS customers FROM (
        SELECT o.created_at::date AS day, round(greatest(0, total_paid - total_refund) * rate) AS net, 1 AS orders,
            0 AS customers
        FROM orders AS o JOIN customers AS c ON c.id = o.customer_id
        WHERE payment_status IN ('paid', 'partially_paid', 'partially_refunded')
        UNION ALL SELECT created_at::date, 0, 0, 1 FROM customers) AS each
    GROUP BY 1 ORDER BY 1"""
STORED = "SELECT day, net::text::bigint AS net, orders, customers FROM figures_by_day WHERE {} ORDER BY day"
OF_ANYTHING = "orders <> 0 OR customers <> 0"
EACH_WAY = [pytest.param(1, id="brought on"), pytest.param(10**9, id="summed anew")]


async def look(store: Store) -> Summed:
    return await Summing(store).look()


async def true(store: Store) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await store.pool.fetch(TRUE)]


def rows(sums: Sums) -> list[tuple[object, ...]]:
    return [(day, sums.net[day], sums.orders[day], sums.customers[day]) for day in sums.days]


async def require_exact(store: Store) -> None:
    """What one looks at, and what is written then, is the sum over the orders."""
    expected = await true(store)
    assert rows((await look(store)).sums) == expected
    assert [tuple(row) for row in await store.pool.fetch(STORED.format(OF_ANYTHING))] == expected


@pytest.mark.parametrize("at_most", EACH_WAY)
@pytest.mark.parametrize("seed", [51, 52])
async def test_days_are_the_sum_over_orders_after_any_history(
    store: Store, seed: int, at_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(days, "A_TENTH", at_most)
    history = History(store, seed)
    for _ in range(12):
        await history.live(25)
        await require_exact(store)


async def test_a_refund_a_transfer_a_deletion_and_an_erasure_change_the_day_of_the_order(store: Store) -> None:
    one, other = await register(store, "one@example.com"), await register(store, "other@example.com")
    refunded, moved, deleted = [await place(store, one) for _ in range(3)]
    await require_exact(store)
    await do(store, ORDER, refunded, RecordRefund(amount=400, transaction_id="r"))
    await transfer(store, moved, other)
    await do(store, ORDER, deleted, DeleteOrder())
    [(_day, *sums)] = rows((await look(store)).sums)
    assert sums == [1_600, 2, 2]
    await erase(store, other)
    [(_day, *sums)] = rows((await look(store)).sums)
    assert sums == [600, 1, 1]
    await require_exact(store)


async def test_days_are_the_same_after_a_replay_of_everything(store: Store) -> None:
    await History(store, 53).live(150)
    before = await look(store)
    await replay(store, [projection.name for projection in PROJECTIONS])
    assert await look(store) == before
    await require_exact(store)


async def test_what_has_nothing_to_do_with_figures_sums_nothing_anew(store: Store) -> None:
    one = await register(store, "one@example.com")
    await place(store, one)
    before = await look(store)
    await do(store, CUSTOMER, one, ChangeCustomer(city="Rome"))
    assert await store.pool.fetch(days.TOUCHED, before.position, before.position + 1) == []
    after = await look(store)
    assert (after.sums, after.position) == (before.sums, before.position + 1)


async def test_processes_that_look_at_the_same_time_add_nothing_twice(store: Store, database: str) -> None:
    await History(store, 54).live(100)
    async with open_store(database) as elsewhere:
        seen = [await read(each.pool) for each in (store, elsewhere)]
        for each in await asyncio.gather(bring_on(store, seen[0]), bring_on(elsewhere, seen[1])):
            assert rows(each.sums) == await true(store)
    await require_exact(store)


async def lose(store: Store, after: int) -> None:
    """Events after a position, as a failover does to a standby that lacked them."""
    await store.pool.execute("DELETE FROM stored_events WHERE notification_id > $1", after)
    await store.pool.execute("SELECT setval('stored_events_notification_id_seq', $1)", after)


async def test_sums_of_events_that_were_lost_are_not_shown(store: Store, elsewhere: Store) -> None:
    """Others have their positions by now."""
    looking, one = Summing(store), await register(store, "one@example.com")
    kept = (await looking.look()).position
    await place(store, one)
    lost = await looking.look()
    await lose(store, kept)
    await store.pool.execute("TRUNCATE figures_by_day; UPDATE figures_by_day_until SET position = 0")
    for number in range(lost.position - kept):
        await register(elsewhere, f"{number}@example.com")
    there = await look(elsewhere)
    assert there.position == lost.position
    assert rows((await looking.look()).sums) == rows(there.sums) != rows(lost.sums)


async def test_sums_of_events_that_are_lost_meanwhile_are_not_written(store: Store, elsewhere: Store) -> None:
    one = await register(store, "one@example.com")
    kept = (await look(store)).position
    await place(store, one)
    seen = await read(store.pool)
    await lose(store, kept)
    await bring_on(store, seen)
    assert (await read(store.pool)).position == kept
    for number in range(seen.head - kept):
        await register(elsewhere, f"{number}@example.com")
    await bring_on(store, seen)  # others are at their positions by now
    assert (await read(store.pool)).position == kept
    assert (await look(store)).sums.customers.total() == 1 + seen.head - kept


async def test_nobody_waits_for_much_that_is_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "FEW", 0)
    monkeypatch.setattr(summing, "SMALL", 0)
    await History(store, 55).live(50)
    async with summing.summing(store) as looking:
        first = await looking.look()
        assert (first.position, rows(first.sums)) == (0, [])

        async def is_there() -> bool:
            return (await looking.look()).position == first.head

        await until(is_there, "the sums at the log's end")
        await require_exact(store)


async def test_another_version_sums_all_anew_and_this_one_leaves_it_alone(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await register(store, "one@example.com")
    await look(store)
    await place(store, one)
    with monkeypatch.context() as newer:
        newer.setattr(days, "FINGERPRINT", "another")
        await migrate(database)
        assert (await read(store.pool)).position == 0
        await require_exact(store)
        await place(store, one)
    seen = await look(store)
    assert (seen.is_ours, seen.position < seen.head) == (False, True)


def test_months_are_the_sums_of_their_days_and_those_between_are_empty() -> None:
    sums = Sums(
        Counter({date(1997, 1, 31): 5, date(1997, 3, 1): 7, date(1997, 3, 31): -2}),
        Counter({date(1997, 1, 31): 1, date(1997, 3, 1): 2}),
        Counter({date(1996, 12, 31): 9}),
    )
    december, january, march = months = periods(sums, "month")
    assert december == Period(date(1996, 12, 1), 0, 0, 9)
    assert unbroken(months, "month", date(1997, 1, 31), date(1997, 3, 1)) == [
        january, Period(date(1997, 2, 1), 0, 0, 0), march,
    ]  # fmt: skip
    assert (january, march) == (Period(date(1997, 1, 1), 5, 1, 0), Period(date(1997, 3, 1), 5, 2, 0))
    assert [each.first.year for each in periods(sums, "year")] == [1996, 1997]
    days = unbroken(periods(sums, "day"), "day", date(1997, 2, 28), date(1997, 3, 2))
    assert [each.net for each in days] == [0, 7, 0]


@pytest.mark.parametrize("unit", get_args(Unit))
def test_time_has_a_first_period_and_a_last(unit: Unit) -> None:
    assert len(unbroken([], unit, date(9999, 12, 31), date.max)) == 1
    assert unbroken([], unit, date.min, date.min)[0].first == date.min


async def test_what_a_process_knows_already_is_right_after_another_has_gone_on(store: Store) -> None:
    one, other = Summing(store), Summing(store)
    history = History(store, 56)
    for looking in (one, other, other, one, one):
        await history.live(20)
        assert rows((await looking.look()).sums) == await true(store)
