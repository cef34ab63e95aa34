"""What can be done with an order: record a payment or a refund, give it to another customer."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import post
from litestar.params import FromPath
from msgspec.structs import asdict

from api.console.door import needs
from api.console.forms import read_form, read_sent, submit
from api.console.screens.customer.page import answer_form
from api.console.screens.customer.views.asked import CustomerPageWanted
from api.handling.serving import AnyRequest, customer_in_path, id_in_path, serving
from api.http.html import Html
from api.presentation.money import smallest_units, units
from api.rest.orders import Payment, Refund, Transfer
from domain.order import RecordPayment, RecordRefund
from domain.refusals import OrderNotFound
from projections.queries.lookups import find_order
from service import orders
from service.fields.reader import UnfitFields

PATH = "/customers/{customer_id:str}/orders/{order_id:str}"


@post(f"{PATH}/payments", opt=needs("orders/manage"))
async def record_payment(request: AnyRequest, customer_id: FromPath[str], order_id: FromPath[str]) -> Html:
    async def read(amount: Any) -> RecordPayment:
        return RecordPayment(**asdict(await read_form(request, Payment, amount=amount)))

    return await _record(request, customer_id, order_id, "payments", read)


@post(f"{PATH}/refunds", opt=needs("orders/manage"))
async def record_refund(request: AnyRequest, customer_id: FromPath[str], order_id: FromPath[str]) -> Html:
    async def read(amount: Any) -> RecordRefund:
        return RecordRefund(**asdict(await read_form(request, Refund, amount=amount)))

    return await _record(request, customer_id, order_id, "refunds", read)


@post(f"{PATH}/transfer", opt=needs("orders/manage"))
async def transfer_order(request: AnyRequest, customer_id: FromPath[str], order_id: FromPath[str]) -> Html:
    async def act(id_: int, _currency: str) -> None:
        other = (await read_form(request, Transfer)).customer_id
        await submit(request, lambda unit: orders.transfer(unit, id_, other))

    return await _answer(request, customer_id, order_id, "transfer", act)


async def _record(
    request: AnyRequest,
    customer_id: str,
    order_id: str,
    form: str,
    read: Callable[[Any], Awaitable[RecordPayment | RecordRefund]],
) -> Html:
    """People write amounts in units of the order's currency."""

    async def act(id_: int, currency: str) -> None:
        command = await read(_cents(await read_sent(request), currency))
        await submit(request, orders.recording(id_, command), again=orders.CONTESTED)

    return await _answer(request, customer_id, order_id, form, act)


async def _answer(
    request: AnyRequest, customer_id: str, order_id: str, form: str, act: Callable[[int, str], Awaitable[None]]
) -> Html:
    """The order as it is then, or the form again. Raises OrderNotFound for one that is not this customer's."""
    customer, order = customer_in_path(customer_id), id_in_path(order_id)

    async def work() -> None:
        row = await find_order(serving(request).store.pool, order)
        if row is None or row["customer_id"] != customer:
            raise OrderNotFound
        await act(order, row["currency"])

    return await answer_form(request, customer, CustomerPageWanted(tab="orders", order=order), form, work)


def _cents(sent: Mapping[str, Any], currency: str) -> int | None:
    """Raises UnfitFields."""
    if "amount" not in sent:
        return None
    amount = smallest_units(str(sent["amount"]), currency)
    if amount is None:
        raise UnfitFields({"amount": {"numeric": f"The amount must be a number such as {units(1250, currency)}."}})
    return amount


ROUTES: list[Any] = [record_payment, record_refund, transfer_order]
