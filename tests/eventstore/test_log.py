from datetime import timedelta

import asyncpg
import pytest
from msgspec.structs import replace

from domain.event import Recorded, Stream
from domain.label import LabelCreated
from eventstore.store import Store
from tests.eventstore.acts import NOW, append, count, facts

LABEL = Stream("label", 1)


async def test_an_append_to_a_version_that_is_taken_writes_nothing(store: Store) -> None:
    await append(store, facts(1, 2))
    with pytest.raises(asyncpg.UniqueViolationError):
        await append(store, [*facts(2, 3), *facts(1, 2, after=1)])
    assert await count(store.pool, "stored_events") == 2
    assert await store.log.stream(store.pool, Stream("label", 2)) == []


async def test_a_log_goes_on_after_a_refused_append(store: Store) -> None:
    [first] = await append(store, facts(1))
    with pytest.raises(asyncpg.UniqueViolationError):
        await append(store, facts(1))
    [second] = await append(store, facts(1, after=1))
    assert second > first
    assert await store.log.head(store.pool) == second


async def test_several_streams_in_one_transaction_stand_in_the_order_in_which_they_were_given(store: Store) -> None:
    events = [*facts(5), *facts(3, 2), *facts(5, 2, after=1), *facts(4)]
    positions = await append(store, events)
    assert positions == [1, 2, 3, 4, 5, 6]
    logged = await store.log.page(store.pool, 0)
    assert [(each.stream.id, each.version) for each in logged] == [(5, 1), (3, 1), (3, 2), (5, 2), (5, 3), (4, 1)]


async def test_nothing_of_a_transaction_that_fails_is_in_the_log(store: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await append_and_fail(store)
    assert await store.log.head(store.pool) == 0


async def append_and_fail(store: Store) -> None:
    async with store.pool.acquire() as connection, connection.transaction():
        await store.log.append(connection, facts(1, 3))
        raise ZeroDivisionError


async def test_a_stream_is_read_after_a_version_and_up_to_one(store: Store) -> None:
    await append(store, facts(1, 5))
    assert [each.version for each in await store.log.stream(store.pool, LABEL)] == [1, 2, 3, 4, 5]
    assert [each.version for each in await store.log.stream(store.pool, LABEL, until=3)] == [1, 2, 3]
    assert [each.version for each in await store.log.stream(store.pool, LABEL, after=3)] == [4, 5]
    assert [each.version for each in await store.log.stream(store.pool, LABEL, after=1, until=3)] == [2, 3]


async def test_a_stream_is_read_as_it_was_recorded_at_a_time(store: Store) -> None:
    for version in range(3):
        await append(store, facts(1, after=version))
    times = [each.recorded_at or NOW for each in await store.log.stream(store.pool, LABEL)]
    assert times == sorted(times)
    assert [each.version for each in await store.log.stream(store.pool, LABEL, at=times[1])] == [1, 2]
    before = times[1] - timedelta(microseconds=1)
    assert [each.version for each in await store.log.stream(store.pool, LABEL, at=before)] == [1]


async def test_streams_are_read_together_each_in_order(store: Store) -> None:
    await append(store, [*facts(2), *facts(1), *facts(2, after=1), *facts(3)])
    together, _keys = await store.log.streams(store.pool, [LABEL, Stream("label", 2), Stream("label", 99)])
    assert [(each.stream.id, each.version) for each in together] == [(1, 1), (2, 1), (2, 2)]


async def test_streams_of_two_categories_with_one_id_are_two(store: Store) -> None:
    await append(store, [*facts(1), *(replace(each, stream=Stream("user", 1)) for each in facts(1))])
    assert [each.position for each in await store.log.stream(store.pool, Stream("user", 1))] == [2]


async def test_the_log_is_read_from_a_position_in_pages(store: Store) -> None:
    await append(store, facts(1, 25))
    pages = [page async for page in store.log.pages(store.pool, after=3)]
    assert [each.position for page in pages for each in page] == list(range(4, 26))
    assert [each.position for each in await store.log.page(store.pool, 3, 10)] == list(range(4, 14))
    assert await store.log.page(store.pool, 25) == []


@pytest.mark.parametrize("until", [0, 1, 12, 25, 99])
async def test_pages_end_at_a_position(store: Store, until: int) -> None:
    await append(store, facts(1, 25))
    read = [each.position async for page in store.log.pages(store.pool, until=until) for each in page]
    assert read == list(range(1, min(until, 25) + 1))


async def test_the_envelope_comes_back_as_it_went_in(store: Store) -> None:
    sent = Recorded(
        stream=LABEL,
        version=1,
        event=LabelCreated(value="gold"),
        occurred_at=NOW,
        actor="ann",
        request_id="r-1",
        correlation_id="c-1",
        customer_id=2**53 - 1,
        former_customer_id=8,
    )
    [position] = await append(store, [sent])
    [came] = await store.log.page(store.pool, 0)
    assert came.recorded_at is not None
    assert came == replace(sent, position=position, recorded_at=came.recorded_at, digest=came.digest)


async def test_an_envelope_that_says_little_comes_back_so(store: Store) -> None:
    await append(store, facts(1))
    [came] = await store.log.page(store.pool, 0)
    assert (came.request_id, came.correlation_id, came.customer_id, came.former_customer_id) == ("", "", None, None)
