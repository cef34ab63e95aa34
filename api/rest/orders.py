"""Orders: what feeds the figures."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from litestar.params import FromPath
from msgspec import Struct
from msgspec.structs import asdict

from api.handling.serving import AnyRequest, found, id_in_path, serving
from api.handling.writes import Outcome, carry_out
from api.http.answer import Answer, answer
from api.http.headers import header
from api.http.request import read
from api.openapi.operation import delete, get, post, put
from api.presentation.orders import ShownOrder, whole_order
from api.presentation.values import Done
from domain.order import RecordPayment, RecordRefund
from domain.refusals import (
    AmountTooLarge,
    ClaimTaken,
    CustomerNotFound,
    OrderExists,
    OrderNotFound,
    PaymentStatusFollowsAmounts,
    RefundExceedsPayment,
    TransactionRecorded,
)
from domain.terms import Move
from domain.value import MAX_CENTS
from eventstore.postgres.connection import Session
from eventstore.store import Unit
from projections.queries.customers import find_version
from projections.queries.lookups import find_order, owner_of, version_of
from service import orders
from service.fields.input import Input, Nothing
from service.fields.kinds import Cents, Id, Moment, Text
from service.fields.order import NewOrder, OrderChange

T = TypeVar("T")

GROUP = "Orders"
PATH = "/orders/{order_id:str}"
RECORDED = (
    OrderNotFound,
    TransactionRecorded("re_1", (10, Move("refund", 300)), (10, Move("refund", 200))),
    ClaimTaken("transaction", "re_1"),
)


class OneOrder(Struct):
    order: ShownOrder


class OrderSaved(Struct):
    message: str
    data: ShownOrder


class Payment(Input, forbid_unknown_fields=True):
    amount: Annotated[int, Cents(1, example=5000)]
    transaction_id: Annotated[str, Text(255, example="ch_1")]
    paid_at: Annotated[datetime | None, Moment()] = None


class Refund(Input, forbid_unknown_fields=True):
    amount: Annotated[int, Cents(1, example=1000)]
    transaction_id: Annotated[str, Text(255, example="re_1")]
    refunded_at: Annotated[datetime | None, Moment()] = None
    reason: Annotated[str, Text(example="Damaged")] = ""


class Transfer(Input, forbid_unknown_fields=True):
    customer_id: Annotated[int, Id(example=2)]


@post(
    "/orders", "Place an order", GROUP, "orders/manage", takes=NewOrder, answers=OrderSaved,
    refuses=(CustomerNotFound, OrderExists), versioned=True,
)  # fmt: skip
async def place_order(request: AnyRequest) -> Answer:
    """Also one that is already paid or refunded. `id` may be given, else it is allocated. The customer's figures follow
    in the same transaction.
    """
    new = await read(request, NewOrder)
    order = new.placed(serving(request).settings.store_currency, datetime.now(UTC))
    return await carry_out(
        request,
        lambda unit: orders.place(unit, order, new.details, new.id),
        _saved("Order placed successfully!"),
        customer_id=new.customer_id,
    )


@get(PATH, "Get an order", GROUP, "orders/view", answers=OneOrder, refuses=OrderNotFound, versioned="unless erased")
async def get_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """With its items, transactions and the addresses that it was given. Amounts are in cents of its currency."""
    pool = serving(request).store.pool
    row = found(await find_order(pool, id_in_path(order_id)), OrderNotFound)
    return answer(OneOrder(whole_order(row)), version=await version_of(pool, row["customer_id"]))


@put(
    PATH, "Change an order's status, note or payment status", GROUP, "orders/manage", takes=OrderChange,
    answers=OrderSaved, versioned="unless erased",
    refuses=(OrderNotFound, CustomerNotFound, PaymentStatusFollowsAmounts("paid")),
)  # fmt: skip
async def update_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """What is sent is changed and no more. Once money has moved, the payment status follows from the amounts, and
    cannot be set.
    """
    id_, change = id_in_path(order_id), asdict(await read(request, OrderChange))
    saved = _saved("Order updated successfully!")
    return await _carry_out(request, id_, lambda unit: orders.change(unit, id_, **change), saved)


@post(
    f"{PATH}/payments", "Record a payment", GROUP, "orders/manage", takes=Payment, answers=OrderSaved,
    versioned="unless erased", refuses=(*RECORDED, AmountTooLarge(MAX_CENTS + 1, MAX_CENTS)),
)  # fmt: skip
async def record_payment(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """Adds to what was paid; payment status and the customer's figures follow. A repeated `transaction_id` changes
    nothing; with another amount, type or order it is refused.
    """
    id_, command = id_in_path(order_id), RecordPayment(**asdict(await read(request, Payment)))
    return await _carry_out(request, id_, orders.recording(id_, command), _saved("Payment recorded successfully!"))


@post(
    f"{PATH}/refunds", "Record a refund", GROUP, "orders/manage", takes=Refund, answers=OrderSaved,
    versioned="unless erased", refuses=(*RECORDED, RefundExceedsPayment(5000, 4000)),
)  # fmt: skip
async def record_refund(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """Adds to what was refunded, never beyond what was paid. A repeated `transaction_id` changes nothing; with another
    amount, type or order it is refused. The `reason` is kept unless the customer is erased.
    """
    id_, command = id_in_path(order_id), RecordRefund(**asdict(await read(request, Refund)))
    return await _carry_out(request, id_, orders.recording(id_, command), _saved("Refund recorded successfully!"))


@post(
    f"{PATH}/transfer", "Give an order to another customer", GROUP, "orders/manage", takes=Transfer, answers=OrderSaved,
    versioned="unless erased", refuses=(OrderNotFound, CustomerNotFound),
)  # fmt: skip
async def transfer_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """The figures of both customers follow. What the order says about the person goes with it, until either of the two
    is erased.
    """
    id_, customer_id = id_in_path(order_id), (await read(request, Transfer)).customer_id
    saved = _saved("Order transferred successfully!")
    return await _carry_out(request, id_, lambda unit: orders.transfer(unit, id_, customer_id), saved)


@delete(
    PATH, "Delete an order", GROUP, "orders/manage", takes=Nothing, answers=Done, refuses=OrderNotFound,
    versioned="unless erased",
)  # fmt: skip
async def delete_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """It leaves all lists, and its customer's figures are told without it. The history keeps it."""
    id_ = id_in_path(order_id)
    await read(request, Nothing)

    async def show(session: Session, customer_id: int | None) -> Outcome:
        version = customer_id and await find_version(session, customer_id)
        return Outcome(Done("Order deleted successfully!"), customer_id, version)

    return await _carry_out(request, id_, lambda unit: orders.delete(unit, id_), show)


async def _carry_out(
    request: AnyRequest,
    order_id: int,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Session, T], Awaitable[Outcome]],
) -> Answer:
    """An order has no version but its customer's, of which everything that happens to it is part."""
    owner = 0
    if header(request.scope, b"if-match") is not None:
        owner = await owner_of(serving(request).store.pool, order_id) or 0
    return await carry_out(request, work, show, customer_id=owner, again=orders.CONTESTED)


def _saved(message: str) -> Callable[[Session, int], Awaitable[Outcome]]:
    async def show(session: Session, id_: int) -> Outcome:
        row = found(await find_order(session, id_), OrderNotFound)
        customer_id = row["customer_id"]
        version = await find_version(session, customer_id)
        return Outcome(OrderSaved(message, whole_order(row)), customer_id, version)

    return show


HANDLERS: list[Any] = [
    place_order, get_order, update_order, record_payment, record_refund, transfer_order, delete_order,
]  # fmt: skip
