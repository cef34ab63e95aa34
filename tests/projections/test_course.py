"""The course of a customer's lifetime value is what each moment's explanation says, at a single read."""

import pytest

from domain.order import ORDER, RecordRefund
from eventstore.store import Store
from projections.checks.course import Course, course
from projections.checks.explain import explain
from projections.database import at_one_moment
from projections.history.pages import NEWEST
from tests.eventstore.acts import do, place, register, transfer
from tests.projections.history import History


async def course_of(store: Store, customer_id: int, until: int = NEWEST) -> Course:
    async with at_one_moment(store.pool) as on:
        return await course(on, store.log, customer_id, until, store_currency="USD")


@pytest.mark.parametrize("seed", [41, 42])
async def test_each_stop_has_what_is_explained_there_after_any_history(store: Store, seed: int) -> None:
    await History(store, seed).live(150)
    stops = 0
    for id_, version in await store.pool.fetch("SELECT id, version FROM figures"):
        async with at_one_moment(store.pool) as on:
            whole = await course(on, store.log, id_, store_currency="USD")
            assert len(whole.stops) == version
            for stop, ltv in zip(whole.stops, whole.ltv, strict=True):
                explained = await explain(on, store.log, id_, stop.position, store_currency="USD")
                by_then = await course(on, store.log, id_, stop.position, store_currency="USD")
                assert explained is not None
                assert explained[0].ltv == ltv
                assert by_then.explanation == explained[0]
                stops += 1
    assert stops > 50


async def test_an_order_counts_from_its_coming_to_its_going(store: Store) -> None:
    ada, grace = await register(store, "ada@example.com"), await register(store, "grace@example.com")
    order_id = await place(store, ada, 1_000)
    await do(store, ORDER, order_id, RecordRefund(amount=300, transaction_id="re_1"))
    await transfer(store, order_id, grace)
    of_ada, of_grace = await course_of(store, ada), await course_of(store, grace)
    assert of_ada.ltv == [0, 1_000, 700, 0]
    assert of_grace.ltv == [0, 700]
    assert [stop.came for stop in of_grace.stops] == [False, True]
    assert [stop.order_id for stop in of_ada.stops] == [None, order_id, order_id, order_id]
