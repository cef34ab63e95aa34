"""Orders: what feeds the figures."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from litestar import delete, get, post, put
from litestar.params import FromPath

from api.handling.serving import AnyRequest, id_in_path, needs, serving
from api.handling.writes import Shown, carry_out
from api.http.answer import Answer, answer
from api.http.headers import header
from api.http.request import read_input, refuse_fields
from api.presentation.records import whole_order
from domain.order import ORDER_STATUSES, RecordPayment, RecordRefund
from domain.refusals import OrderNotFound
from domain.transaction import UNPAID_STATUSES
from eventstore.log.log import Session
from eventstore.store import Unit
from projections.queries.customers import find_version
from projections.queries.lookups import find_order, owner_of, version_of
from service import orders
from service.fields.order import read_details, read_note, read_order
from service.fields.reader import Fields

T = TypeVar("T")

PATH = "/orders/{order_id:str}"
MAX_TRANSACTION_ID = 255


@post("/orders", opt=needs("orders/manage"), summary="Place an order", status_code=200)
async def place_order(request: AnyRequest) -> Answer:
    """Also one that is already paid or refunded. `id` may be given, else it is allocated. The customer's figures follow
    in the same transaction.
    """
    service, fields = serving(request), Fields(await read_input(request))
    given_id = fields.optional(absent=None, empty=None).id("id")
    order, details = read_order(fields, service.settings.store_currency, datetime.now(UTC)), read_details(fields)
    fields.check_all()
    return await carry_out(
        request,
        lambda unit: orders.place(unit, order, details, given_id),
        _shown("Order placed successfully!"),
        customer_id=order.terms.customer_id,
    )


@get(PATH, opt=needs("orders/view"), summary="Get an order")
async def get_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """With its items, transactions and the addresses that it was given. Amounts are in cents of its currency."""
    pool = serving(request).store.pool
    row = await find_order(pool, id_in_path(order_id))
    if row is None:
        raise OrderNotFound
    return answer({"order": whole_order(row)}, version=await version_of(pool, row["customer_id"]))


@put(PATH, opt=needs("orders/manage"), summary="Change an order's status, note or payment status")
async def update_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """What is sent is changed and no more. Once money has moved, the payment status follows from the amounts, and
    cannot be set.
    """
    id_, fields = id_in_path(order_id), Fields(await read_input(request))
    optional = fields.optional(absent=None, empty=None)
    status = optional.choice("status", ORDER_STATUSES)
    payment_status = optional.choice("payment_status", UNPAID_STATUSES)
    note = read_note(fields)
    fields.check_all()
    return await _carry_out(
        request,
        id_,
        lambda unit: orders.change(unit, id_, status=status, payment_status=payment_status, note=note),
        _shown("Order updated successfully!"),
    )


@post(f"{PATH}/payments", opt=needs("orders/manage"), summary="Record a payment", status_code=200)
async def record_payment(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """Adds to what was paid; payment status and the customer's figures follow. A repeated `transaction_id` changes
    nothing; with another amount, type or order it is refused.
    """
    fields = Fields(await read_input(request))
    command = RecordPayment(
        amount=fields.required.cents("amount", minimum=1),
        transaction_id=fields.required.text("transaction_id", max_length=MAX_TRANSACTION_ID),
        paid_at=fields.optional(absent=None, empty=None).moment("paid_at"),
    )
    fields.check_all()
    id_ = id_in_path(order_id)
    return await _carry_out(request, id_, orders.recording(id_, command), _shown("Payment recorded successfully!"))


@post(f"{PATH}/refunds", opt=needs("orders/manage"), summary="Record a refund", status_code=200)
async def record_refund(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """Adds to what was refunded, never beyond what was paid. A repeated `transaction_id` changes nothing; with another
    amount, type or order it is refused. The `reason` is kept unless the customer is erased.
    """
    fields = Fields(await read_input(request))
    optional = fields.optional(absent=None, empty=None)
    command = RecordRefund(
        amount=fields.required.cents("amount", minimum=1),
        transaction_id=fields.required.text("transaction_id", max_length=MAX_TRANSACTION_ID),
        refunded_at=optional.moment("refunded_at"),
        reason=optional.text("reason") or "",
    )
    fields.check_all()
    id_ = id_in_path(order_id)
    return await _carry_out(request, id_, orders.recording(id_, command), _shown("Refund recorded successfully!"))


@post(f"{PATH}/transfer", opt=needs("orders/manage"), summary="Give an order to another customer", status_code=200)
async def transfer_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """The figures of both customers follow. What the order says about the person goes with it, until either of the two
    is erased.
    """
    id_, fields = id_in_path(order_id), Fields(await read_input(request))
    customer_id = fields.required.id("customer_id")
    fields.check_all()
    show = _shown("Order transferred successfully!")
    return await _carry_out(request, id_, lambda unit: orders.transfer(unit, id_, customer_id), show)


@delete(PATH, opt=needs("orders/manage"), summary="Delete an order", status_code=200)
async def delete_order(request: AnyRequest, order_id: FromPath[str]) -> Answer:
    """It leaves all lists, and its customer's figures are told without it. The history keeps it."""
    id_ = id_in_path(order_id)
    await refuse_fields(request)

    async def show(session: Session, customer_id: int | None) -> Shown:
        body = {"message": "Order deleted successfully!", "data": ""}
        return Shown(body, customer_id, customer_id and await find_version(session, customer_id))

    return await _carry_out(request, id_, lambda unit: orders.delete(unit, id_), show)


async def _carry_out(
    request: AnyRequest,
    order_id: int,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Session, T], Awaitable[Shown]],
) -> Answer:
    """An order has no version but its customer's, of which everything that happens to it is part."""
    owner = 0
    if header(request.scope, b"if-match") is not None:
        owner = await owner_of(serving(request).store.pool, order_id) or 0
    return await carry_out(request, work, show, customer_id=owner, again=orders.CONTESTED)


def _shown(message: str) -> Callable[[Session, int], Awaitable[Shown]]:
    async def show(session: Session, id_: int) -> Shown:
        row = await find_order(session, id_)
        if row is None:
            raise OrderNotFound
        customer_id = row["customer_id"]
        version = await find_version(session, customer_id)
        return Shown({"message": message, "data": whole_order(row)}, customer_id, version)

    return show


HANDLERS: list[Any] = [
    place_order, get_order, update_order, record_payment, record_refund, transfer_order, delete_order,
]  # fmt: skip
