"""The read models at a position are what they were when the log ended there."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.customer import CUSTOMER, ChangeCustomer
from domain.event import Stream
from eventstore.postgres.connection import Connection
from eventstore.postgres.servers import Servers
from eventstore.postgres.stream_ids import from_uuid
from eventstore.store import Store
from projections.fold.fold import PoisonedError
from projections.fold.past import CONNECTIONS, POSITION_AT, Pasts, open_pasts
from projections.models import PROJECTIONS
from projections.models.orders import silenced
from tests.eventstore.acts import NOW, do, erase, place, register, rename, transfer
from tests.projections.history import History
from tests.projections.rows import Rows, live, rows_on

EARLY = "UPDATE stored_events SET recorded_at = $1::timestamptz + notification_id / 3 * interval '1 minute'"
UNTIL = "SELECT coalesce(max(notification_id), 0) FROM stored_events WHERE recorded_at <= $1"
SKIP = "SELECT setval('stored_events_notification_id_seq', nextval('stored_events_notification_id_seq') + 5)"
SPOIL = "UPDATE stored_events SET state = 'nonsense' WHERE notification_id = $1"


@pytest.fixture
async def pasts(store: Store, database: str) -> AsyncIterator[Pasts]:
    async with open_pasts(Servers(database), store) as pasts:
        yield pasts


ENDED = "SELECT originator_id FROM stored_events WHERE topic ~ '^(user-erased|webhook-deleted)#'"


async def as_of(pasts: Pasts, position: int, customer_id: int | None = None) -> Rows:
    async with pasts.at(position, customer_id) as connection:
        return await rows_on(connection)


def without_words_of_others(rows: Rows, standing: set[int]) -> Rows:
    """An order's words that were written when it was an erased customer's went with that one, from the past too."""

    def left(row: Any) -> Any:
        return silenced(row, [name for name, whose in (row.words_of or {}).items() if whose not in standing])

    return rows | {"orders": {id_: left(row) for id_, row in rows["orders"].items()}}


def of(rows: Rows, wanted: set[int]) -> Rows:
    """What belongs to these customers, with the labels and users that there are."""
    return {
        projection.name: {
            id_: row
            for id_, row in rows[projection.name].items()
            if projection.part != "customer" or getattr(row, projection.owner) in wanted
        }
        for projection in PROJECTIONS
    }


async def ended_by_now(store: Store) -> set[Stream]:
    return {from_uuid(row[0]) for row in await store.pool.fetch(ENDED)}


def without(rows: Rows, ended: set[Stream]) -> Rows:
    """What is left of users who are erased and webhooks that are deleted by now: nothing, in the past too."""
    left = {
        f"{kind}s": {id_: row for id_, row in rows[f"{kind}s"].items() if Stream(kind, id_) not in ended}
        for kind in ("user", "webhook")
    }
    return rows | left


def with_its_own(rows: Rows, customer_id: int) -> Rows:
    """What belongs to one customer."""
    own = of(rows, {customer_id})
    customer = own["customers"].get(customer_id)
    labels, user_id = (customer.labels, customer.user_id) if customer else ((), None)
    return own | {
        "labels": {id_: row for id_, row in rows["labels"].items() if id_ in labels},
        "users": {id_: row for id_, row in rows["users"].items() if id_ == user_id},
        "webhooks": {},
    }


@pytest.mark.parametrize("seed", [31, 32])
async def test_the_past_of_any_history_is_what_was_live(store: Store, pasts: Pasts, seed: int) -> None:
    history, seen = History(store, seed), dict[int, Rows]()
    seen[0] = await live(store)
    for _ in range(8):
        await history.live(40)
        seen[await store.log.head(store.pool)] = await live(store)
    standing = set((await live(store))["figures"])
    everybody = {id_ for rows in seen.values() for id_ in rows["figures"]}
    ended = await ended_by_now(store)
    seen = {position: without_words_of_others(without(rows, ended), standing) for position, rows in seen.items()}
    assert len(standing) < len(everybody), "nobody was erased"
    for position, rows in seen.items():
        assert await as_of(pasts, position) == of(rows, standing)
        for id_ in everybody:
            expected = with_its_own(rows, id_) if id_ in standing else with_its_own(rows, 0)
            assert await as_of(pasts, position, id_) == expected


async def test_a_look_at_the_past_leaves_nothing(store: Store, pasts: Pasts) -> None:
    await History(store, 33).live(40)
    written, head = await live(store), await store.log.head(store.pool)
    told = await as_of(pasts, head)
    for whose in (None, next(iter(told["customers"]))):
        with pytest.raises(ZeroDivisionError):
            await _change_the_past(pasts, head, whose)
    for _ in range(CONNECTIONS):
        assert await as_of(pasts, head) == told
        assert (await as_of(pasts, head, 0))["customers"] == {}
    assert await live(store) == written


async def _change_the_past(pasts: Pasts, position: int, customer_id: int | None) -> None:
    async with pasts.at(position, customer_id) as connection:
        await connection.execute("UPDATE customers SET first_name = 'Eve'")
        raise ZeroDivisionError


async def test_looks_at_many_pasts_at_once_do_not_see_each_other(store: Store, pasts: Pasts) -> None:
    history, seen = History(store, 34), dict[int, Rows]()
    for _ in range(6):
        await history.live(20)
        seen[await store.log.head(store.pool)] = await live(store)
    standing = set((await live(store))["figures"])
    ended = await ended_by_now(store)
    looks = [(position, whose) for position in seen for whose in (None, *standing)]
    told = await asyncio.gather(*(as_of(pasts, position, whose) for position, whose in looks))
    for (position, whose), rows in zip(looks, told, strict=True):
        then = without(seen[position], ended)
        assert rows == (of(then, standing) if whose is None else with_its_own(then, whose))


async def test_a_look_at_the_past_is_in_no_swaps_way(store: Store, pasts: Pasts) -> None:
    await History(store, 35).live(40)
    async with pasts.at(await store.log.head(store.pool)), store.pool.acquire() as connection, connection.transaction():
        for projection in PROJECTIONS:
            await connection.execute(f"LOCK TABLE {projection.name} IN ACCESS EXCLUSIVE MODE NOWAIT")


async def test_orders_are_where_they_were(store: Store, pasts: Pasts) -> None:
    one, other = await register(store, "one@example.com"), await register(store, "other@example.com")
    order_id = await place(store, one)
    before = await store.log.head(store.pool)
    await transfer(store, order_id, other)
    after = await store.log.head(store.pool)

    async def whose(position: int) -> dict[int, list[int]]:
        return {id_: list((await as_of(pasts, position, id_))["orders"]) for id_ in (one, other)}

    assert await whose(before) == {one: [order_id], other: []}
    assert await whose(after) == {one: [], other: [order_id]}


async def test_a_time_is_the_position_at_which_the_log_then_ended(store: Store) -> None:
    async def found(connection: Connection, moment: datetime) -> tuple[Any, Any]:
        return await connection.fetchval(POSITION_AT, moment), await connection.fetchval(UNTIL, moment)

    async with store.pool.acquire() as connection:
        assert await found(connection, NOW) == (0, 0)
        for number in range(20):
            await register(store, f"{number}@example.com")
            if number % 4 == 0:
                await connection.execute(SKIP)  # as a command that came to nothing does
        await connection.execute(EARLY, NOW)
        positions = set()
        for halves in range(-2, 60):
            halved, summed = await found(connection, NOW + timedelta(seconds=30 * halves))
            assert halved == summed
            positions.add(halved)
        assert len(positions) > 10


async def test_a_past_that_cannot_be_told_is_not_told_wrong(store: Store, pasts: Pasts) -> None:
    id_, other = await register(store, "ada@example.com"), await register(store, "joe@example.com")
    await do(store, CUSTOMER, id_, ChangeCustomer(first_name="Grace"))
    head = await store.log.head(store.pool)
    await store.pool.execute(SPOIL, head)
    for whose in (id_, None):
        with pytest.raises(PoisonedError):
            await as_of(pasts, head, whose)
    assert list((await as_of(pasts, head, other))["figures"]) == [other]
    assert list((await as_of(pasts, head - 1))["figures"]) == [id_, other]


async def test_what_cannot_be_told_of_an_erased_customer_stops_nobody(store: Store, pasts: Pasts) -> None:
    id_, other = await register(store, "ada@example.com"), await register(store, "joe@example.com")
    await rename(store, id_, "Grace")
    position = await store.log.head(store.pool)
    await erase(store, id_)
    await store.pool.execute(SPOIL, position)
    assert list((await as_of(pasts, position))["figures"]) == [other]
