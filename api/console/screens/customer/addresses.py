"""What can be done with addresses: add one, change it, remove it, make it primary."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from litestar import post
from litestar.params import FromPath

from api.console.door import needs
from api.console.forms import read_form, submit
from api.console.screens.customer.page import answer_form
from api.console.screens.customer.views.asked import CustomerPageWanted
from api.handling.serving import AnyRequest, customer_in_path, id_in_path
from api.http.html import Html
from api.rest.addresses import ChangedAddress, NewAddress, PrimaryAddress
from eventstore.store import Unit
from service import addresses

T = TypeVar("T")

PATH = "/customers/{customer_id:str}/addresses"
ONE = f"{PATH}/{{address_id:str}}"


@post(PATH, opt=needs("customers/manage"))
async def add_address(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    id_ = customer_in_path(customer_id)

    async def work() -> None:
        new = await read_form(request, NewAddress)
        await _submit(
            request, id_, lambda unit: addresses.add(unit, id_, new.type, new.details, is_primary=new.is_primary)
        )

    return await answer_form(request, id_, CustomerPageWanted(tab="addresses"), "add", work)


@post(ONE, opt=needs("customers/manage"))
async def change_address(request: AnyRequest, customer_id: FromPath[str], address_id: FromPath[str]) -> Html:
    id_, address = customer_in_path(customer_id), id_in_path(address_id)

    async def work() -> None:
        changed = await read_form(request, ChangedAddress, id=address)
        await _submit(request, id_, lambda unit: addresses.change(unit, id_, changed.change))

    asked = CustomerPageWanted(tab="addresses", address=address)
    return await answer_form(request, id_, asked, "change", work, then=CustomerPageWanted(tab="addresses"))


@post(f"{ONE}/make-primary", opt=needs("customers/manage"))
async def make_primary(request: AnyRequest, customer_id: FromPath[str], address_id: FromPath[str]) -> Html:
    id_, address = customer_in_path(customer_id), id_in_path(address_id)

    async def work() -> None:
        wanted = await read_form(request, PrimaryAddress, addressId=address)
        await _submit(request, id_, lambda unit: addresses.make_primary(unit, id_, address, wanted.type))

    return await answer_form(request, id_, CustomerPageWanted(tab="addresses"), "address", work)


@post(f"{ONE}/remove", opt=needs("customers/delete"))
async def remove_address(request: AnyRequest, customer_id: FromPath[str], address_id: FromPath[str]) -> Html:
    id_, address = customer_in_path(customer_id), id_in_path(address_id)

    async def work() -> None:
        await _submit(request, id_, lambda unit: addresses.remove(unit, id_, address))

    return await answer_form(request, id_, CustomerPageWanted(tab="addresses"), "address", work)


async def _submit(request: AnyRequest, customer_id: int, work: Callable[[Unit], Awaitable[T]]) -> None:
    await submit(request, work, customer_id=customer_id)


ROUTES: list[Any] = [add_address, change_address, make_primary, remove_address]
