"""Addresses as clients know them."""

from typing import Annotated

from msgspec import Meta, Struct

from api.presentation.values import (
    AddressKind,
    Country,
    Email,
    Id,
    Moment,
    Name,
    Nothing,
    Row,
    State,
    columns,
    moved_by,
)
from projections.models.addresses import ADDRESSES
from service.fields.places import formatted_address


class FormattedAddress(Struct):
    """An address for people."""

    country: Annotated[str, Meta(examples=["United States"])]
    state: Annotated[str | None, Meta(examples=["New York"])]
    city: str
    postcode: str
    address_1: str
    address_2: str
    type: AddressKind
    name: Name
    company_name: str
    label: str
    phone: str
    full_address: Annotated[str, Meta(examples=["456 Business Ave, New York, New York, United States"])]


class OtherData(Struct):
    company_name: str


class AddressMeta(Struct):
    other_data: OtherData


class ShownAddress(Struct):
    id: Id
    customer_id: Id
    is_primary: Annotated[int, Meta(ge=0, le=1, examples=[1])]
    type: AddressKind
    status: Annotated[str, Meta(examples=["active"])]
    label: Annotated[str, Meta(examples=["Office"])]
    name: Name
    address_1: Annotated[str, Meta(examples=["456 Business Ave"])]
    address_2: str
    city: Annotated[str, Meta(examples=["New York"])]
    state: State
    postcode: Annotated[str, Meta(examples=["10002"])]
    country: Country
    phone: Annotated[str, Meta(examples=["+1-555-0200"])]
    email: Email
    meta: AddressMeta | Nothing
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("changes of the address, and of which one is primary")]
    formatted_address: FormattedAddress
    company_name: str


_COLUMNS = columns(ShownAddress, ADDRESSES.table.names)


def address(row: Row) -> ShownAddress:
    company = row["company_name"]
    return ShownAddress(
        meta=AddressMeta(OtherData(company)) if company else [],
        formatted_address=FormattedAddress(**formatted_address(dict(row.items()))),
        **{name: row[name] for name in _COLUMNS},
    )
