"""Addresses of a customer."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import delete, get, post, put
from litestar.params import FromPath

from api.handling.as_of import read_as_of, seen
from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.handling.writes import Shown, about, carry_out, decision
from api.http.answer import Answer, answer
from api.http.refusals import Invalid, Rule
from api.http.request import read_input
from api.presentation.records import address
from domain.address import (
    ADDRESS_TYPES,
    AddAddress,
    AddressDetails,
    ChangeAddress,
    RemoveAddress,
    SetPrimaryAddress,
)
from domain.customer import CUSTOMER, OrderDetails, RecordOrderDetails
from domain.order import ORDER
from domain.refusals import CustomerNotFound
from eventstore.log.log import Session
from eventstore.store import Unit
from projections.models.addresses import ADDRESSES
from projections.queries.customers import find_version
from service.fields.places import address_problems
from service.fields.reader import Fields, UnfitFields
from service.reasons import Reason

PATH = "/customers/{customer_id:str}/address"
MAX_LABEL = 15
LIST = f"""
    SELECT {", ".join(ADDRESSES.table.names)} FROM addresses
    WHERE customer_id = $1 AND type = $2 ORDER BY is_primary DESC, id"""


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
        rows = await view.on.fetch(LIST, id_, type_)
    return answer({"addresses": [address(row) for row in rows]}, version=customer["version"])


@post(PATH, opt=needs("customers/manage"), summary="Add an address", status_code=200)
async def create_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """The first of its type is primary. With `order_id`, the order gets this address too."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    type_ = fields.required.choice("type", ADDRESS_TYPES)
    details = AddressDetails(**_required(fields), **_optional(fields, absent=""), status=_status(fields) or "active")
    is_primary = fields.optional(absent=False, empty=False).flag("is_primary")
    order_id = fields.optional(absent=None, empty=None).id("order_id")
    _check_places(fields, details)
    fields.check()

    async def work(unit: Unit) -> int:
        [address_id] = await unit.next_ids("address", 1)
        command = AddAddress(address_id=address_id, type=type_, details=details, is_primary=is_primary)
        await unit.decide(CUSTOMER, id_, command)
        await _give_to_order(unit, id_, order_id, address_id)
        return address_id

    show = _shown(id_, f"{type_.title()} address created successfully!")
    return await carry_out(request, work, show, customer_id=id_)


@put(PATH, opt=needs("customers/manage"), summary="Change an address")
async def update_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Changes what is sent, and no more. With `order_id`, the order gets this address too."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    address_id = fields.required.id("id")
    type_ = fields.required.choice("type", ADDRESS_TYPES)
    sent = _required(fields) | _optional(fields, absent=None) | {"status": _status(fields)}
    is_primary = fields.optional(absent=False, empty=False).flag("is_primary")
    order_id = fields.optional(absent=None, empty=None).id("order_id")
    _check_places_sent(fields, sent)
    fields.check()

    async def work(unit: Unit) -> int:
        command = ChangeAddress(address_id=address_id, type=type_, is_primary=is_primary, **sent)
        await unit.decide(CUSTOMER, id_, command)
        known = await unit.load(CUSTOMER, id_)
        if known is not None:
            _check_places(fields, known.addresses[address_id].details)
            fields.check()
        await _give_to_order(unit, id_, order_id, address_id)

        return address_id

    show = _shown(id_, f"{type_.title()} address updated successfully!")
    return await carry_out(request, work, show, customer_id=id_)


@delete(PATH, opt=needs("customers/delete"), summary="Remove an address", status_code=200)
async def delete_address(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """A primary address, and the last one, stay."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    sent = fields.values.get("address")
    within = Fields(sent if isinstance(sent, dict) else {})
    address_id = within.required.id("id")
    try:
        within.check()
    except UnfitFields as error:
        raise Rule(Reason.INVALID_ADDRESS_ID, "Please use a valid address ID!") from error
    command = RemoveAddress(address_id=address_id)
    done = about(id_, {"message": "Address successfully deleted.", "data": ""})
    return await carry_out(request, decision(CUSTOMER, id_, command), done, customer_id=id_)


@post(f"{PATH}/make-primary", opt=needs("customers/manage"), summary="Make an address primary", status_code=200)
async def make_primary(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """It becomes the primary one of its type; the former one becomes an ordinary one."""
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    command = SetPrimaryAddress(
        address_id=fields.required.id("addressId"), type=fields.required.choice("type", ADDRESS_TYPES)
    )
    fields.check()
    done = about(id_, {"message": "Address successfully set as the primary", "data": ""})
    return await carry_out(request, decision(CUSTOMER, id_, command), done, customer_id=id_)


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


def _check_places(fields: Fields, details: AddressDetails) -> None:
    fields.refuse_unless_refused(
        address_problems(country=details.country, state=details.state, postcode=details.postcode)
    )


def _check_places_sent(fields: Fields, sent: dict[str, Any]) -> None:
    """What is wrong whatever is known of the address, so that it is reported with all else that does not fit."""
    place = {name: sent[name] or "" for name in ("country", "state", "postcode")}
    problems = address_problems(**place)
    fields.refuse_unless_refused(problem for problem in problems if problem[0] in fields)


async def _give_to_order(unit: Unit, customer_id: int, order_id: int | None, address_id: int) -> None:
    if order_id is None:
        return
    customer, order = await unit.load(CUSTOMER, customer_id), await unit.load(ORDER, order_id)
    if customer is None or order is None or order.deleted or order.customer_id != customer_id:
        raise Invalid({"order_id": {"exists": "This customer has no such order."}}, Reason.UNKNOWN_ORDER)
    given = customer.addresses[address_id]
    if given.type == "billing":
        details = OrderDetails(billing_address=given.details)
    else:
        details = OrderDetails(shipping_address=given.details)
    command = RecordOrderDetails(order_id=order_id, details=details, has_moved=order.has_moved)
    await unit.decide(CUSTOMER, customer_id, command)


def _shown(customer_id: int, message: str) -> Callable[[Session, int], Awaitable[Shown]]:
    async def show(session: Session, address_id: int) -> Shown:
        row = await ADDRESSES.table.find(session, address_id)
        body = {"message": message, "data": row and address(row)}
        return Shown(body, customer_id=customer_id, version=await find_version(session, customer_id))

    return show


HANDLERS: list[Any] = [list_addresses, create_address, update_address, delete_address, make_primary]
