"""Addresses of a customer: add, change, remove, make primary."""

from collections.abc import Sequence

from domain import people
from domain.address import (
    AddAddress,
    AddressDetails,
    AddressType,
    ChangeAddress,
    RemoveAddress,
    SetPrimaryAddress,
)
from domain.customer import CUSTOMER
from domain.order import ORDER
from domain.refusals import Refusal
from eventstore.store import Unit
from service.fields.places import Problem, address_problems


class AddressUnfit(Refusal):
    """The address breaks rules of its country: `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems)
        self.problems = problems


async def add(
    unit: Unit,
    customer_id: int,
    type_: AddressType,
    details: AddressDetails,
    *,
    is_primary: bool = False,
    order_id: int | None = None,
) -> int:
    """The new address's id. The first of its type is primary; the order gets the address too.

    Raises AddressUnfit, UnknownOrder.
    """
    _require_fit(details)
    [id_] = await unit.next_ids("address", 1)
    await unit.decide(
        CUSTOMER, customer_id, AddAddress(address_id=id_, type=type_, details=details, is_primary=is_primary)
    )
    await _give_to_order(unit, customer_id, order_id, id_)
    return id_


async def change(unit: Unit, customer_id: int, wanted: ChangeAddress, *, order_id: int | None = None) -> int:
    """The address's id. Raises AddressUnfit for what it would become, and UnknownOrder."""
    await unit.decide(CUSTOMER, customer_id, wanted)
    if (customer := await unit.load(CUSTOMER, customer_id)) is not None:
        _require_fit(customer.addresses[wanted.address_id].details)
    await _give_to_order(unit, customer_id, order_id, wanted.address_id)
    return wanted.address_id


async def remove(unit: Unit, customer_id: int, id_: int) -> None:
    """Raises PrimaryAddressKept, LastAddressKept."""
    await unit.decide(CUSTOMER, customer_id, RemoveAddress(address_id=id_))


async def make_primary(unit: Unit, customer_id: int, id_: int, type_: AddressType) -> None:
    """The former primary address of the type is no longer primary."""
    await unit.decide(CUSTOMER, customer_id, SetPrimaryAddress(address_id=id_, type=type_))


def _require_fit(details: AddressDetails) -> None:
    if problems := address_problems(country=details.country, state=details.state, postcode=details.postcode):
        raise AddressUnfit(problems)


async def _give_to_order(unit: Unit, customer_id: int, order_id: int | None, address_id: int) -> None:
    if order_id is None:
        return
    customer, order = await unit.load(CUSTOMER, customer_id), await unit.load(ORDER, order_id)
    given = people.address_given(customer_id, customer, address_id, order_id, order)
    await unit.decide(CUSTOMER, customer_id, given)
