"""Addresses of a customer."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import delete, get, post, put
from litestar.params import FromPath

from api.handling.as_of import read_as_of, seen
from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.handling.writes import Shown, about, carry_out
from api.http.answer import Answer, answer
from api.http.refusals import Rule
from api.http.request import read_input
from api.presentation.records import address
from domain.address import ADDRESS_TYPES, AddressDetails, AddressType, ChangeAddress
from domain.refusals import CustomerNotFound
from eventstore.log.log import Session
from projections.queries.customers import find_version
from projections.queries.lookups import addresses_of, find_address
from service import addresses
from service.fields.places import Problem, address_problems
from service.fields.reader import Fields, UnfitFields
from service.reasons import Reason

PATH = "/customers/{customer_id:str}/address"
MAX_LABEL = 15


@get(PATH, opt=needs("customers/view"), summary="List a customer's addresses of a type, the primary one first")
async def list_addresses(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Lists addresses of one type, billing unless `type` says shipping; the primary one first."""
    service, id_, fields = serving(request), customer_in_path(customer_id), Fields(await read_input(request))
    type_ = fields.optional(absent="billing", empty="billing").choice("type", ADDRESS_TYPES)
    as_of = read_as_of(fields)
    fields.check()
    async with seen(service, as_of, id_) as view:
        customer = await view.find_customer(id_)
        if customer is None:
            raise CustomerNotFound
        rows = await addresses_of(view.on, id_, type_)
    return answer({"addresses": [address(row) for row in rows]}, version=customer["version"])


@post(PATH, opt=needs("customers/manage"), summary="Add an address", status_code=200)
async def create_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The first of its type is primary. With `order_id`, the order gets this address too."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    type_ = fields.required.choice("type", ADDRESS_TYPES)
    details = AddressDetails(**_required(fields), **_optional(fields, absent=""), status=_status(fields) or "active")
    is_primary, order_id = _is_primary(fields), _order_id(fields)
    fields.refuse_unless_refused(_problems(details))
    fields.check()
    show = _shown(id_, f"{type_.title()} address created successfully!")
    return await carry_out(
        request,
        lambda unit: addresses.add(unit, id_, type_, details, is_primary=is_primary, order_id=order_id),
        show,
        customer_id=id_,
    )


@put(PATH, opt=needs("customers/manage"), summary="Change an address")
async def update_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Changes what is sent, and no more. With `order_id`, the order gets this address too."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    address_id, type_ = fields.required.id("id"), fields.required.choice("type", ADDRESS_TYPES)
    wanted, order_id = _change(fields, address_id, type_), _order_id(fields)
    # What is wrong whatever is known of the address is reported with all else that does not fit.
    fields.refuse_unless_refused(problem for problem in _problems(wanted) if problem[0] in fields)
    fields.check()
    show = _shown(id_, f"{type_.title()} address updated successfully!")
    return await carry_out(
        request, lambda unit: addresses.change(unit, id_, wanted, order_id=order_id), show, customer_id=id_
    )


@delete(PATH, opt=needs("customers/delete"), summary="Remove an address", status_code=200)
async def delete_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """A primary address, and the last one, stay."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    address_id = _address_id(fields)
    done = about(id_, {"message": "Address successfully deleted.", "data": ""})
    return await carry_out(request, lambda unit: addresses.remove(unit, id_, address_id), done, customer_id=id_)


@post(f"{PATH}/make-primary", opt=needs("customers/manage"), summary="Make an address primary", status_code=200)
async def make_primary(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """It becomes the primary one of its type; the former one becomes an ordinary one."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    address_id, type_ = fields.required.id("addressId"), fields.required.choice("type", ADDRESS_TYPES)
    fields.check()
    done = about(id_, {"message": "Address successfully set as the primary", "data": ""})
    return await carry_out(
        request, lambda unit: addresses.make_primary(unit, id_, address_id, type_), done, customer_id=id_
    )


def _change(fields: Fields, address_id: int, type_: AddressType) -> ChangeAddress:
    sent = _required(fields) | _optional(fields, absent=None) | {"status": _status(fields)}
    return ChangeAddress(address_id=address_id, type=type_, is_primary=_is_primary(fields), **sent)


def _address_id(fields: Fields) -> int:
    sent = fields.values.get("address")
    within = Fields(sent if isinstance(sent, dict) else {})
    id_ = within.required.id("id")
    try:
        within.check()
    except UnfitFields as error:
        raise Rule(Reason.INVALID_ADDRESS_ID, "Please use a valid address ID!") from error
    return id_


def _required(fields: Fields) -> dict[str, Any]:
    return {
        "name": fields.required.text("name"),
        "email": fields.required.email("email"),
        "address_1": fields.required.text("address_1"),
        "city": fields.required.text("city"),
        "country": fields.required.country("country"),
    }


def _optional(fields: Fields, absent: str | None) -> dict[str, Any]:
    """`absent` stands for what was not sent."""
    optional = fields.optional(absent=absent, empty="")
    texts = {name: optional.text(name) for name in ("address_2", "state", "postcode", "phone", "company_name")}
    return texts | {"label": optional.text("label", max_length=MAX_LABEL)}


def _status(fields: Fields) -> str | None:
    return fields.optional(absent=None, empty="active").text("status", max_length=20)


def _is_primary(fields: Fields) -> bool:
    return fields.optional(absent=False, empty=False).flag("is_primary")


def _order_id(fields: Fields) -> int | None:
    return fields.optional(absent=None, empty=None).id("order_id")


def _problems(address: AddressDetails | ChangeAddress) -> list[Problem]:
    return address_problems(country=address.country or "", state=address.state or "", postcode=address.postcode or "")


def _shown(customer_id: int, message: str) -> Callable[[Session, int], Awaitable[Shown]]:
    async def show(session: Session, address_id: int) -> Shown:
        row = await find_address(session, address_id)
        body = {"message": message, "data": row and address(row)}
        return Shown(body, customer_id=customer_id, version=await find_version(session, customer_id))

    return show


HANDLERS: list[Any] = [list_addresses, create_address, update_address, delete_address, make_primary]
