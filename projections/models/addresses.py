"""Addresses of customers."""

from datetime import datetime
from operator import attrgetter
from typing import TypeAlias

import msgspec
from msgspec.structs import asdict, replace

from domain.address import (
    AddressAdded,
    AddressChanged,
    AddressDetails,
    AddressRemoved,
    AddressRetyped,
    PrimaryAddressSet,
)
from domain.customer import CustomerErased
from domain.text import identity
from projections.tables.derived import Derived, identity_name
from projections.tables.projection import Change, Envelope, ErasedRows, Projection, gone
from projections.tables.table import Table


class AddressRow(msgspec.Struct, frozen=True, gc=False):
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


Changed: TypeAlias = AddressAdded | AddressChanged | AddressRetyped | AddressRemoved
# In the row's order.
details_of = attrgetter(*(name for name in AddressRow.__struct_fields__ if name in AddressDetails.__struct_fields__))


def _it(event: Changed, _envelope: Envelope) -> tuple[int]:
    return (event.address_id,)


def _both(event: PrimaryAddressSet, _envelope: Envelope) -> tuple[int, ...]:
    return (event.address_id,) if event.former is None else (event.former, event.address_id)


def _all(event: CustomerErased, _envelope: Envelope) -> tuple[int, ...]:
    return event.addresses


def _added(id_: int, _row: AddressRow | None, event: AddressAdded, envelope: Envelope) -> AddressRow:
    at = envelope.at
    return AddressRow(  # type: ignore[misc]  # the run by place ends where the names begin
        id_, envelope.stream_id, 0, event.type, *details_of(event.details), created_at=at, updated_at=at
    )


def _changed(_id: int, row: AddressRow | None, event: AddressChanged, envelope: Envelope) -> AddressRow | None:
    return row and replace(row, updated_at=envelope.at, **asdict(event.details))


def _retyped(_id: int, row: AddressRow | None, event: AddressRetyped, envelope: Envelope) -> AddressRow | None:
    return row and replace(row, type=event.type, is_primary=0, updated_at=envelope.at)


def _primary_set(id_: int, row: AddressRow | None, event: PrimaryAddressSet, envelope: Envelope) -> AddressRow | None:
    return row and replace(row, is_primary=int(id_ == event.address_id), updated_at=envelope.at)


# The first index serves one customer's addresses of a type, primary first; the second, whoever knows a phone number.
ADDRESSES: Projection[AddressRow] = Projection(
    Table(
        "addresses",
        AddressRow,
        [
            "CREATE INDEX addresses_customer_idx ON addresses (customer_id, type, is_primary DESC, id)",
            "CREATE INDEX addresses_phone_idx ON addresses (phone_identity) WHERE phone_identity <> ''",
        ],
        derived=[Derived(identity_name("phone"), ("phone",), identity.of_phone)],
    ),
    {
        AddressAdded: Change(_it, _added, makes=True),
        AddressChanged: Change(_it, _changed),
        AddressRetyped: Change(_it, _retyped),
        PrimaryAddressSet: Change(_both, _primary_set),
        AddressRemoved: Change(_it, gone),
        CustomerErased: Change(_all, gone),
    },
    erased=ErasedRows("customers", "customer_id"),
    version=2,
)
