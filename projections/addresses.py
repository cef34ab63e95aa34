"""Addresses of customers."""

from datetime import datetime

import msgspec
from msgspec.structs import asdict, replace

from domain.address import AddressAdded, AddressChanged, AddressRemoved, AddressRetyped, PrimaryAddressSet
from domain.customer import CustomerErased
from domain.event import Recorded
from projections.projection import Projection, utc
from projections.table import Table


class AddressRow(msgspec.Struct, frozen=True):
    id: int
    customer_id: int
    is_primary: int
    type: str
    status: str
    label: str
    name: str
    address_1: str
    address_2: str
    city: str
    state: str
    postcode: str
    country: str
    phone: str
    email: str
    company_name: str
    created_at: datetime
    updated_at: datetime


def keys(recorded: Recorded) -> tuple[int, ...]:
    if recorded.stream.category != "customer":
        return ()
    match recorded.event:
        case PrimaryAddressSet(address_id=address_id, former=int(former)):
            return (former, address_id)
        case AddressAdded() | AddressChanged() | AddressRetyped() | AddressRemoved() | PrimaryAddressSet() as event:
            return (event.address_id,)
        case CustomerErased(addresses=addresses):
            return addresses
        case _:
            return ()


def evolve(id_: int, row: AddressRow | None, recorded: Recorded) -> AddressRow | None:
    at = utc(recorded.occurred_at)
    match recorded.event:
        case AddressAdded(type=type_, details=details):
            return AddressRow(
                id=id_, customer_id=recorded.stream.id, is_primary=0, type=type_, created_at=at, updated_at=at,
                **asdict(details),
            )  # fmt: skip
        case AddressChanged(details=details):
            return row and replace(row, updated_at=at, **asdict(details))
        case AddressRetyped(type=type_):
            return row and replace(row, type=type_, is_primary=0, updated_at=at)
        case PrimaryAddressSet(address_id=address_id):
            return row and replace(row, is_primary=int(id_ == address_id), updated_at=at)
        case AddressRemoved() | CustomerErased():
            return None
        case _:
            return row


# The index serves one customer's addresses of a type, primary first.
ADDRESSES: Projection[AddressRow] = Projection(
    Table(
        "addresses",
        AddressRow,
        ["CREATE INDEX addresses_customer_idx ON addresses (customer_id, type, is_primary DESC, id)"],
    ),
    keys,
    evolve,
)
