"""A page of history costs the same at 200 and 20,000 events. What it reads is counted; a clock would prove nothing."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import NamedTuple, TypeAlias

import pytest

from domain.address import AddAddress, AddressDetails, ChangeAddress
from domain.customer import CUSTOMER, ChangeCustomer
from domain.order import PlaceOrder, RecordPayment
from domain.terms import ORDER_STATUSES, OrderDetails
from eventstore.log.log import Log
from eventstore.postgres.connection import Connection
from eventstore.store import Store, Unit
from projections.database import at_one_moment
from projections.history import pages
from projections.history.pages import EVERYTHING, Filters, Page, customer_history, store_history
from service import orders
from tests.eventstore.acts import BY, place, register, terms

FEW, MORE, MANY = 200, 2_000, 20_000
EACH_ROUND = 10  # events in the customer's history
AT_ONCE = 100
# Blocks of tables, of their indexes and of their long values; rows and index entries.
READ = """
    SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::int,
        sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::int
    FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'pg_toast'::regnamespace)"""
ABOUT = """
    SELECT count(*) FROM (
        SELECT notification_id FROM stored_events WHERE $1 IN (customer_id, former_customer_id)
        UNION SELECT notification_id FROM inherited_events WHERE customer_id = $1) AS e"""


class Read(NamedTuple):
    blocks: int
    rows: int


Look: TypeAlias = Callable[[Connection], Awaitable[Page]]


class Busy:
    """A customer to whom everything keeps happening, and another who hands orders over."""

    def __init__(self, store: Store, customer_id: int, other: int, order_id: int) -> None:
        self._store = store
        self.id = customer_id
        self._other = other
        self._order_id = order_id  # one whose status never rests
        self._round = 0

    async def until(self, events: int) -> None:
        while self._round * EACH_ROUND < events:
            rounds = range(self._round, min(self._round + AT_ONCE, events // EACH_ROUND))
            await self._store.transact(BY, partial(self._live, rounds))
            self._round = rounds.stop
        await self._store.pool.execute("VACUUM ANALYZE")
        assert events <= await self._store.pool.fetchval(ABOUT, self.id) <= events * 1.05

    async def _live(self, rounds: Iterable[int], unit: Unit) -> None:
        for number in rounds:
            await self._once(unit, number)

    async def _once(self, unit: Unit, number: int) -> None:
        await unit.decide(CUSTOMER, self.id, ChangeCustomer(first_name=f"Ada {number}"))
        await unit.decide(CUSTOMER, self.id, ChangeAddress(address_id=1, city=f"City {number}"))
        await orders.change(unit, self._order_id, status=ORDER_STATUSES[number % len(ORDER_STATUSES)])
        note = OrderDetails(note=f"Note {number}")
        id_ = await orders.place(unit, PlaceOrder(terms=terms(self.id, 0)), note)
        await orders.recording(id_, RecordPayment(amount=100, transaction_id=f"t{id_}"))(unit)
        came = await orders.place(unit, PlaceOrder(terms=terms(self._other, 0)))
        await orders.recording(came, RecordPayment(amount=100, transaction_id=f"t{came}"))(unit)
        await orders.transfer(unit, came, self.id)
        await orders.change(unit, came, note=f"Note {number}")


async def busy(store: Store) -> Busy:
    id_, other = await register(store, "ada@example.com"), await register(store, "grace@example.com")

    async def settle(unit: Unit) -> None:
        await unit.decide(CUSTOMER, id_, AddAddress(address_id=1, type="billing", details=AddressDetails(name="Ada")))

    await store.transact(BY, settle)
    return Busy(store, id_, other, await place(store, id_))


async def read(store: Store, look: Look) -> Read:
    """What it takes, with the plans that a connection comes to after many a page."""
    async with at_one_moment(store.pool) as on:
        for _ in range(7):
            await look(on)
        [before] = await on.fetch(READ)
        await look(on)
        [after] = await on.fetch(READ)
    return Read(*(now - then for now, then in zip(after, before, strict=True)))


def pages_of(customer: Busy, log: Log) -> dict[str, Look]:
    """Pages by name; `share` says how far back in the log each begins."""

    def of(customer_id: int | None, filters: Filters = EVERYTHING, *, share: float = 1, limit: int = 10) -> Look:
        async def look(on: Connection) -> Page:
            before = int(await log.head(on) * share) + 1
            if customer_id is None:
                return await store_history(on, log, filters, before=before, limit=limit)
            return await customer_history(on, log, customer_id, filters, before=before, limit=limit)

        return look

    return {
        "newest": of(customer.id),
        "middle": of(customer.id, share=0.5),
        "long": of(customer.id, limit=199),
        "rare type": of(customer.id, Filters(type="customer-registered")),
        "nobody's": of(customer.id, Filters(actor="nobody")),
        "frequent type": of(customer.id, Filters(type="order-status-changed")),
        "store's newest": of(None),
        "store's middle": of(None, share=0.5),
        "store's rare type": of(None, Filters(type="customer-registered")),
        "store's nobody's": of(None, Filters(actor="nobody")),
    }


async def test_a_page_costs_the_same_however_long_the_history(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "LOG_WINDOW", 1_000)
    customer = await busy(store)
    looks = pages_of(customer, store.log)
    costs: dict[int, dict[str, Read]] = {}
    for events in (FEW, MORE, MANY):
        await customer.until(events)
        costs[events] = {name: await read(store, look) for name, look in looks.items()}
    few, more, many = costs.values()
    for name in looks:
        assert many[name].blocks <= 2 * more[name].blocks, (name, costs)
        assert many[name].rows <= 2 * more[name].rows, (name, costs)
    for name in ("newest", "middle", "store's newest", "store's middle"):  # there is no filter that little passes
        assert many[name].blocks <= 4 * few[name].blocks, (name, costs)
        assert many[name].rows <= 4 * few[name].rows, (name, costs)
    await store.pool.execute("DELETE FROM snapshots")
    assert (await read(store, looks["newest"])).rows > 20 * many["newest"].rows
