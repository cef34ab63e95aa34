"""Use cases that need much beside what a story says."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from domain.customer import CUSTOMER, CustomerProfile, RelabelCustomer
from domain.order import PlaceOrder, RecordPayment, RecordRefund
from domain.terms import Item, ItemWords, OrderDetails, OrderWords, Terms
from domain.value import DEFAULT_CURRENCY
from eventstore.store import By, Unit
from service import customers, orders
from service.customers import Registration

NAME = "sample story"


class Bought(NamedTuple):
    """A line of an order; `price` in the smallest unit of the order's currency."""

    title: str
    price: int
    quantity: int = 1


class Acts:
    """Acts on one unit, each as of the time and by the login that `on` has set."""

    def __init__(self, unit: Unit, now: datetime) -> None:
        self.unit = unit
        self._now = now
        self._requests = 0

    def on(self, days: float, actor: str) -> None:
        """From here on it is so many days ago, and somebody else who acts."""
        self._requests += 1
        self.unit.by = by(actor, self._now - timedelta(days=days), self._requests)

    async def customer(self, profile: CustomerProfile, user_id: int | None = None) -> int:
        return await customers.register(self.unit, Registration(profile=profile, user_id=user_id), _nobody)

    async def relabel(self, customer_id: int, *carried: int) -> None:
        """Exactly these labels: decided directly, because they are of this unit, and in no table yet."""
        relabel = RelabelCustomer(labels=frozenset(carried), existing=frozenset(carried))
        await self.unit.decide(CUSTOMER, customer_id, relabel)

    async def order(
        self,
        id_: int,
        customer_id: int,
        *lines: Bought,
        currency: str = DEFAULT_CURRENCY,
        rate: Decimal | None = None,
        note: str | None = None,
    ) -> int:
        """Its total."""
        items = tuple(_item(place, line) for place, line in enumerate(lines))
        total = sum(item.line_total for item in items)
        terms = Terms(
            customer_id=customer_id,
            uuid=f"{id_:032x}",
            currency=currency,
            rate=rate,
            total_amount=total,
            subtotal=total,
            items=items,
            invoice_no=f"INV-{id_}",
            payment_method="card",
            created_at=self.unit.by.at,
        )
        words = OrderWords(items=tuple(ItemWords(title=line.title) for line in lines))
        await orders.place(self.unit, PlaceOrder(terms=terms, words=words), OrderDetails(note=note), id_)
        return total

    async def pay(self, order_id: int, amount: int, part: int = 1) -> None:
        payment = RecordPayment(amount=amount, transaction_id=f"pay_{order_id}_{part}")
        await orders.recording(order_id, payment)(self.unit)

    async def buy(self, id_: int, customer_id: int, *lines: Bought, **terms: Any) -> int:
        """An order that is paid and completed at once. Its total."""
        total = await self.order(id_, customer_id, *lines, **terms)
        await self.pay(id_, total)
        await orders.change(self.unit, id_, status="completed")
        return total

    async def refund(self, order_id: int, amount: int, reason: str) -> None:
        refund = RecordRefund(amount=amount, transaction_id=f"refund_{order_id}_{amount}", reason=reason)
        await orders.recording(order_id, refund)(self.unit)


def by(actor: str, at: datetime, number: int = 0) -> By:
    return By(actor=actor, at=at, request_id=f"sample-{number}", correlation_id=NAME)


def _item(place: int, line: Bought) -> Item:
    total = line.price * line.quantity
    return Item(id=0, cart_index=place, quantity=line.quantity, unit_price=line.price, subtotal=total, line_total=total)


async def _nobody(_email: str) -> None:
    """No user of the story is without a customer."""
