"""Orders: place, change, transfer, delete, and record what was paid and refunded."""

from collections.abc import Awaitable, Callable

from msgspec.structs import replace

from domain import people
from domain.customer import CUSTOMER
from domain.order import (
    ORDER,
    ChangeOrderStatus,
    ChangePaymentStatus,
    DeleteOrder,
    PlaceOrder,
    RecordPayment,
    RecordRefund,
    TransferOrder,
)
from domain.refusals import TransactionExists, TransactionRecorded
from domain.terms import (
    TRANSACTION,
    OrderDetails,
    OrderStatus,
    transaction_claim,
)
from domain.value import UnpaidStatus
from eventstore.store import Unit
from service.customers import require_customer

NOTHING_SAID = OrderDetails()
# Claims that another command may take while a payment is recorded. Done again, the work tells which order has it.
CONTESTED = frozenset({TRANSACTION})


async def place(unit: Unit, order: PlaceOrder, details: OrderDetails = NOTHING_SAID, id_: int | None = None) -> int:
    """The order's id: `id_`, or a new one. Its items get new ids. Raises CustomerNotFound."""
    await require_customer(unit, order.terms.customer_id)
    if id_ is None:
        id_ = await unit.new_id(ORDER)
    else:
        await unit.pass_id("order", id_)
    ids = await unit.next_ids("item", len(order.terms.items))
    items = tuple(replace(item, id=item_id) for item, item_id in zip(order.terms.items, ids, strict=True))
    await unit.decide(ORDER, id_, replace(order, terms=replace(order.terms, items=items)))
    await _record_details(unit, id_, details)
    return id_


async def change(
    unit: Unit,
    id_: int,
    *,
    status: OrderStatus | None = None,
    payment_status: UnpaidStatus | None = None,
    note: str | None = None,
) -> int:
    """The order's id. None leaves a field as it is."""
    people.require_order(await unit.load(ORDER, id_))
    if status is not None:
        await unit.decide(ORDER, id_, ChangeOrderStatus(status=status))
    if payment_status is not None:
        await unit.decide(ORDER, id_, ChangePaymentStatus(payment_status=payment_status))
    await _record_details(unit, id_, OrderDetails(note=note))
    return id_


async def transfer(unit: Unit, id_: int, customer_id: int) -> int:
    """The order's id. The figures of both customers follow. Raises CustomerNotFound."""
    await unit.decide(ORDER, id_, TransferOrder(customer_id=customer_id))
    await require_customer(unit, customer_id)
    return id_


async def delete(unit: Unit, id_: int) -> int | None:
    """Its customer's id."""
    await unit.decide(ORDER, id_, DeleteOrder())
    order = await unit.load(ORDER, id_)
    return order.customer_id if order else None


def recording(order_id: int, command: RecordPayment | RecordRefund) -> Callable[[Unit], Awaitable[int]]:
    """The work that records money that moved; its result is the order's id. Raises TransactionRecorded.

    Done again, because another order has taken the transaction's id, it tells which: to look for that at once would
    cost every payment a round trip.
    """
    is_again = False

    async def work(unit: Unit) -> int:
        nonlocal is_again
        if is_again:
            await _require_free(unit, order_id, command)
        is_again = True
        try:
            await unit.decide(ORDER, order_id, await _without_words_of_the_erased(unit, order_id, command))
        except TransactionExists as refusal:
            id_, recorded, sent = refusal.args
            raise TransactionRecorded(id_, (order_id, recorded), (order_id, sent)) from refusal
        return order_id

    return work


async def _require_free(unit: Unit, order_id: int, command: RecordPayment | RecordRefund) -> None:
    claim = transaction_claim(command.transaction_id)
    holder = (await unit.holders([claim])).get(claim)
    if holder is not None:
        people.require_other_transaction(order_id, command, holder.id, await unit.load(ORDER, holder.id))


async def _without_words_of_the_erased(
    unit: Unit, order_id: int, command: RecordPayment | RecordRefund
) -> RecordPayment | RecordRefund:
    """Nothing more is written down of what is said about an erased customer."""
    if not isinstance(command, RecordRefund) or not command.reason:
        return command
    order = await unit.load(ORDER, order_id)
    customer = await unit.load(CUSTOMER, order.customer_id) if order else None
    return people.without_words_of_the_erased(command, customer)


async def _record_details(unit: Unit, order_id: int, details: OrderDetails) -> None:
    order = await unit.load(ORDER, order_id)
    if order is not None and details != NOTHING_SAID:
        await unit.decide(CUSTOMER, order.customer_id, people.details_recorded(order_id, order, details))
