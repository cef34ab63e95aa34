"""The addresses of a customer by type, the primary one first."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from api.console.personal import Veil
from api.presentation.addresses import ShownAddress
from domain.address import ADDRESS_TYPES, AddressDetails, AddressType


class AddressCard(NamedTuple):
    """`lines` are as on an envelope; `details` what a form begins with."""

    id: int
    type: str
    label: str
    is_primary: bool
    lines: list[str]
    contact: list[str]
    details: Mapping[str, Any]


class AddressesTab(NamedTuple):
    """`open` is the one that is changed."""

    by_type: Mapping[AddressType, list[AddressCard]]
    open: AddressCard | None
    blank: Mapping[str, Any] = dict.fromkeys(AddressDetails.__struct_fields__, "")


def addresses_tab(added: Mapping[str, Any], veil: Veil, address_id: int | None) -> AddressesTab:
    by_type = {type_: [address_card(each, veil) for each in _primary_first(added, type_)] for type_ in ADDRESS_TYPES}
    cards = (card for cards in by_type.values() for card in cards)
    return AddressesTab(by_type, next((card for card in cards if card.id == address_id), None))


def address_card(address: ShownAddress, veil: Veil) -> AddressCard:
    formatted = address.formatted_address
    town = " ".join(filter(None, (address.postcode, address.city)))
    lines = [address.name, address.company_name, address.address_1, address.address_2, town, formatted.state or ""]
    return AddressCard(
        id=address.id,
        type=address.type,
        label=address.label,
        is_primary=bool(address.is_primary),
        lines=[*map(veil.text, filter(None, lines)), formatted.country],
        contact=[veil.text(each) for each in (address.email, address.phone) if each],
        details={} if veil.is_drawn else msgspec.structs.asdict(address),
    )


def _primary_first(added: Mapping[str, Any], type_: str) -> Sequence[ShownAddress]:
    return sorted(added[f"{type_}_address"], key=lambda each: -each.is_primary)
