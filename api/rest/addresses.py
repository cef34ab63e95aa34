"""Addresses of a customer."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from litestar.params import FromPath
from msgspec import Struct, field

from api.handling.as_of import Then, Zone, seen
from api.handling.serving import AnyRequest, customer_in_path, found, serving
from api.handling.writes import Outcome, about, carry_out
from api.http.answer import Answer, answer
from api.http.reasons import Reason
from api.http.refusals import Rule
from api.http.request import read
from api.openapi.operation import delete, get, post, put
from api.presentation.addresses import ShownAddress, address
from api.presentation.values import Done
from domain.address import AddressDetails, AddressType, ChangeAddress
from domain.refusals import (
    AddressNotFound,
    CustomerNotFound,
    LastAddressKept,
    PrimaryAddressKept,
    PrimaryAddressNotSet,
    UnknownOrder,
)
from eventstore.postgres.connection import Session
from projections.fold.past import AsOf
from projections.queries.customers import find_version
from projections.queries.lookups import addresses_of, find_address
from service import addresses
from service.fields.choices import ADDRESS_TYPE
from service.fields.compound import Nested, Sent
from service.fields.input import Input
from service.fields.kinds import Country, Email, Flag, Id, OneOf, Text
from service.fields.places import Problem, address_problems
from service.fields.reader import Fields, UnfitFields

GROUP = "Addresses"
PATH = "/customers/{customer_id:str}/address"
NO_ID = Rule(Reason.INVALID_ADDRESS_ID, "Please use a valid address ID!")
STATE = "Required where the country has states; its code or its name."
POSTCODE = "Required where the country has postcodes, in their form."
ORDER_ID = "An order of this customer, which gets this address too."


class AddressesListed(Struct):
    addresses: list[ShownAddress]


class AddressSaved(Struct):
    message: str
    data: ShownAddress


class AddressesWanted(Input):
    type: Annotated[AddressType, OneOf(ADDRESS_TYPE)] = "billing"
    as_of: Annotated[AsOf, Then()] = None
    user_tz: Annotated[str, Zone()] = ""


class ChangedAddress(Input, kw_only=True):
    """None stands for a field that was not sent."""

    id: Annotated[int, Id(example=1)]
    type: Annotated[AddressType, OneOf(ADDRESS_TYPE, example="billing")]
    name: Annotated[str, Text(example="Jane Smith")]
    email: Annotated[str, Email(example="jane.smith@example.com")]
    address_1: Annotated[str, Text(example="456 Business Ave")]
    city: Annotated[str, Text(example="New York")]
    country: Annotated[str, Country(example="US")]
    address_2: Annotated[str | None, Text(blank="")] = None
    state: Annotated[str | None, Text(example="NY", about=STATE, blank="")] = None
    postcode: Annotated[str | None, Text(example="10002", about=POSTCODE, blank="")] = None
    phone: Annotated[str | None, Text(example="+1-555-0200", blank="")] = None
    company_name: Annotated[str | None, Text(blank="")] = None
    label: Annotated[str | None, Text(15, example="Office", blank="")] = None
    status: Annotated[str | None, Text(20, blank="active")] = None
    is_primary: Annotated[bool, Flag()] = False
    order_id: Annotated[int | None, Id(about=ORDER_ID)] = None

    def check(self, fields: Fields) -> None:
        """Reports what the sent fields alone show; `addresses.change` checks the whole address."""
        fields.refuse_unless_refused(problem for problem in self.problems() if problem[0] in fields)

    def problems(self) -> list[Problem]:
        return address_problems(country=self.country, state=self.state or "", postcode=self.postcode or "")

    @property
    def change(self) -> ChangeAddress:
        return self.fill(ChangeAddress, address_id=self.id)


class NewAddress(ChangedAddress, kw_only=True):
    id: Annotated[Any, Sent(about="Accepted, and ignored: it is allocated.")] = None
    status: Annotated[str, Text(20)] = "active"

    def check(self, fields: Fields) -> None:
        fields.refuse_unless_refused(self.problems())

    @property
    def details(self) -> AddressDetails:
        sent = ((name, getattr(self, name)) for name in AddressDetails.__struct_fields__)
        return AddressDetails(**{name: value for name, value in sent if value is not None})


class AddressNamed(Input):
    id: Annotated[int, Id(example=2, about="The address; in the query, if the body does not name it.")]


class AddressToRemove(Input):
    address: Annotated[AddressNamed, Nested(AddressNamed)]


class PrimaryAddress(Input):
    address_id: Annotated[int, Id(example=1)] = field(name="addressId")
    type: Annotated[AddressType, OneOf(ADDRESS_TYPE, example="billing")]


@get(
    PATH, "List a customer's addresses of a type, the primary one first", GROUP, "customers/view",
    takes=AddressesWanted, answers=AddressesListed, refuses=CustomerNotFound, versioned=True,
)  # fmt: skip
async def list_addresses(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Lists addresses of one type, billing unless `type` says shipping; the primary one first."""
    service, id_, asked = serving(request), customer_in_path(customer_id), await read(request, AddressesWanted)
    async with seen(service, asked.as_of, id_) as view:
        customer = found(await view.find_customer(id_), CustomerNotFound)
        rows = await addresses_of(view.on, id_, asked.type)
    return answer(AddressesListed(list(map(address, rows))), version=customer["version"])


@post(
    PATH, "Add an address", GROUP, "customers/manage", takes=NewAddress, answers=AddressSaved, versioned=True,
    refuses=(CustomerNotFound, UnknownOrder),
)  # fmt: skip
async def create_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The first of its type is primary. With `order_id`, the order gets this address too."""
    id_, new = customer_in_path(customer_id), await read(request, NewAddress)
    return await carry_out(
        request,
        lambda unit: addresses.add(unit, id_, new.type, new.details, is_primary=new.is_primary, order_id=new.order_id),
        _saved(id_, f"{new.type.title()} address created successfully!"),
        customer_id=id_,
    )


@put(
    PATH, "Change an address", GROUP, "customers/manage", takes=ChangedAddress, answers=AddressSaved, versioned=True,
    refuses=(CustomerNotFound, AddressNotFound, UnknownOrder),
)  # fmt: skip
async def update_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Changes what is sent, and no more. With `order_id`, the order gets this address too."""
    id_, changed = customer_in_path(customer_id), await read(request, ChangedAddress)
    return await carry_out(
        request,
        lambda unit: addresses.change(unit, id_, changed.change, order_id=changed.order_id),
        _saved(id_, f"{changed.type.title()} address updated successfully!"),
        customer_id=id_,
    )


@delete(
    PATH, "Remove an address", GROUP, "customers/delete", takes=AddressToRemove, answers=Done, versioned=True,
    refuses=(NO_ID, PrimaryAddressKept, LastAddressKept, CustomerNotFound, AddressNotFound),
)  # fmt: skip
async def delete_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """A primary address, and the last one, stay."""
    id_ = customer_in_path(customer_id)
    try:
        address_id = (await read(request, AddressToRemove)).address.id
    except UnfitFields as error:
        raise NO_ID from error
    done = about(id_, Done("Address successfully deleted."))
    return await carry_out(request, lambda unit: addresses.remove(unit, id_, address_id), done, customer_id=id_)


@post(
    f"{PATH}/make-primary", "Make an address primary", GROUP, "customers/manage", takes=PrimaryAddress, answers=Done,
    versioned=True, refuses=(PrimaryAddressNotSet, CustomerNotFound),
)  # fmt: skip
async def make_primary(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """It becomes the primary one of its type; the former one becomes an ordinary one."""
    id_, wanted = customer_in_path(customer_id), await read(request, PrimaryAddress)
    done = about(id_, Done("Address successfully set as the primary"))
    return await carry_out(
        request,
        lambda unit: addresses.make_primary(unit, id_, wanted.address_id, wanted.type),
        done,
        customer_id=id_,
    )


def _saved(customer_id: int, message: str) -> Callable[[Session, int], Awaitable[Outcome]]:
    async def show(session: Session, address_id: int) -> Outcome:
        row = found(await find_address(session, address_id), AddressNotFound)
        version = await find_version(session, customer_id)
        return Outcome(AddressSaved(message, address(row)), customer_id=customer_id, version=version)

    return show


HANDLERS: list[Any] = [list_addresses, create_address, update_address, delete_address, make_primary]
