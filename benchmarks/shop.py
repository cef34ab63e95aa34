"""Customers with two addresses and an order each, and commands of one event on them."""

from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from domain.address import AddAddress, AddressDetails
from domain.customer import CUSTOMER, CustomerProfile, RegisterCustomer
from domain.order import ORDER, PlaceOrder, RecordPayment
from domain.terms import Terms
from eventstore.store import By, Store, Unit
from service import addresses, orders

AT_ONCE = 100


class Opened(NamedTuple):
    customer_id: int
    addresses: tuple[int, int]
    order_id: int


class Shop:
    def __init__(self, store: Store) -> None:
        self._store = store
        self.opened: list[Opened] = []

    async def open(self, customers: int) -> None:
        """New ones, in place of those before: orders with few payments."""
        self.opened = []
        while len(self.opened) < customers:
            count = min(AT_ONCE, customers - len(self.opened))
            self.opened += await self._store.transact(by(), partial(_opened, count))

    async def pay(self, number: int) -> None:
        order_id = self.opened[number % len(self.opened)].order_id
        command = RecordPayment(amount=1, transaction_id=f"t{order_id} {number}")
        await self._store.transact(by(), orders.recording(order_id, command))

    async def set_primary(self, number: int) -> None:
        """Each time the other one of the customer's two addresses."""
        turn, which = divmod(number, len(self.opened))
        customer_id, both, _ = self.opened[which]
        address_id = both[1 - turn % 2]
        await self._store.transact(by(), lambda unit: addresses.make_primary(unit, customer_id, address_id, "billing"))

    async def create(self, _number: int) -> None:
        async def work(unit: Unit) -> None:
            id_ = await unit.new_id(CUSTOMER)
            await unit.decide(CUSTOMER, id_, _registration(id_))

        await self._store.transact(by(), work)


async def _opened(count: int, unit: Unit) -> list[Opened]:
    opened = []
    for id_, order_id in zip(await unit.new_ids(CUSTOMER, count), await unit.new_ids(ORDER, count), strict=True):
        first, second = await unit.next_ids("address", 2)
        await unit.decide(CUSTOMER, id_, _registration(id_))
        for address_id in (first, second):
            details = AddressDetails(name="Ada Byron", city="London", country="GB")
            await unit.decide(CUSTOMER, id_, AddAddress(address_id=address_id, type="billing", details=details))
        terms = Terms(customer_id=id_, uuid="0" * 32, currency="USD", total_amount=10**9, created_at=by().at)
        await unit.decide(ORDER, order_id, PlaceOrder(terms=terms))
        opened.append(Opened(id_, (first, second), order_id))
    return opened


def by() -> By:
    return By(actor="bench", at=datetime.now(UTC), request_id="0123456789abcdef", correlation_id="0123456789abcdef")


def _registration(id_: int) -> RegisterCustomer:
    profile = CustomerProfile(email=f"ada{id_}@example.com", first_name="Ada", last_name=f"Byron {id_}", country="GB")
    return RegisterCustomer(profile=profile, uuid=f"{id_:032x}")
