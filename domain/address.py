"""The addresses of one customer. Of each type that has any, exactly one is primary."""

from typing import Literal, TypeAlias, assert_never, get_args

import msgspec

from domain.event import Command, Event, Value
from domain.refusals import AddressExists, AddressNotFound, LastAddressKept, PrimaryAddressKept, PrimaryAddressNotSet

AddressType: TypeAlias = Literal["billing", "shipping"]
ADDRESS_TYPES: tuple[AddressType, ...] = get_args(AddressType)


class AddressDetails(Value, frozen=True, kw_only=True):
    name: str
    email: str = ""
    address_1: str = ""
    address_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""
    label: str = ""
    status: str = "active"
    company_name: str = ""


class AddressAdded(Event, frozen=True, kw_only=True, tag="address-added"):
    personal = True
    address_id: int
    type: AddressType
    details: AddressDetails


class AddressChanged(Event, frozen=True, kw_only=True, tag="address-changed"):
    """The details as they are from now on."""

    personal = True
    address_id: int
    details: AddressDetails


class AddressRetyped(Event, frozen=True, kw_only=True, tag="address-retyped"):
    """The address has another type now, and is not primary until a PrimaryAddressSet."""

    personal = True
    address_id: int
    type: AddressType


class PrimaryAddressSet(Event, frozen=True, kw_only=True, tag="primary-address-set"):
    """`former` is the address of the same type that was primary until now."""

    personal = True
    address_id: int
    former: int | None = None


class AddressRemoved(Event, frozen=True, kw_only=True, tag="address-removed"):
    personal = True
    address_id: int


AddressEvent: TypeAlias = AddressAdded | AddressChanged | AddressRetyped | PrimaryAddressSet | AddressRemoved


class AddAddress(Command, frozen=True, kw_only=True):
    address_id: int
    type: AddressType
    details: AddressDetails
    is_primary: bool = False


class ChangeAddress(Command, frozen=True, kw_only=True):
    """None leaves a field as it is."""

    address_id: int
    type: AddressType | None = None
    is_primary: bool = False
    name: str | None = None
    email: str | None = None
    address_1: str | None = None
    address_2: str | None = None
    city: str | None = None
    state: str | None = None
    postcode: str | None = None
    country: str | None = None
    phone: str | None = None
    label: str | None = None
    status: str | None = None
    company_name: str | None = None


class SetPrimaryAddress(Command, frozen=True, kw_only=True):
    address_id: int
    type: AddressType


class RemoveAddress(Command, frozen=True, kw_only=True):
    address_id: int


AddressCommand: TypeAlias = AddAddress | ChangeAddress | SetPrimaryAddress | RemoveAddress


class Address(msgspec.Struct, frozen=True, kw_only=True):
    type: AddressType
    details: AddressDetails
    is_primary: bool = False


Addresses: TypeAlias = dict[int, Address]


def evolve(state: Addresses, event: AddressEvent) -> Addresses:
    match event:
        case AddressAdded(address_id=address_id):
            return state | {address_id: Address(type=event.type, details=event.details)}
        case AddressChanged(address_id=address_id, details=details):
            return state | {address_id: msgspec.structs.replace(state[address_id], details=details)}
        case AddressRetyped(address_id=address_id):
            return state | {address_id: msgspec.structs.replace(state[address_id], type=event.type, is_primary=False)}
        case PrimaryAddressSet(address_id=address_id, former=former):
            demoted = {former: msgspec.structs.replace(state[former], is_primary=False)} if former in state else {}
            return state | demoted | {address_id: msgspec.structs.replace(state[address_id], is_primary=True)}
        case AddressRemoved(address_id=address_id):
            return {key: address for key, address in state.items() if key != address_id}
        case _:
            assert_never(event)


def decide(command: AddressCommand, state: Addresses) -> list[AddressEvent]:
    match command:
        case AddAddress():
            return _add(command, state)
        case ChangeAddress():
            return _change(command, state)
        case SetPrimaryAddress(address_id=address_id):
            address = state.get(address_id)
            if address is None or address.type != command.type:
                raise PrimaryAddressNotSet(address_id, command.type)
            return [] if address.is_primary else [_primary(address_id, address.type, state)]
        case RemoveAddress(address_id=address_id):
            if _existing(address_id, state).is_primary:
                raise PrimaryAddressKept(address_id)
            if len(state) == 1:
                raise LastAddressKept(address_id)
            return [AddressRemoved(address_id=address_id)]
        case _:
            assert_never(command)


def primary_of(state: Addresses, type_: AddressType) -> int | None:
    """The id of the primary address of a type."""
    return next((key for key, address in state.items() if address.type == type_ and address.is_primary), None)


def _existing(address_id: int, state: Addresses) -> Address:
    if address_id not in state:
        raise AddressNotFound(address_id)
    return state[address_id]


def _primary(address_id: int, type_: AddressType, state: Addresses) -> PrimaryAddressSet:
    return PrimaryAddressSet(address_id=address_id, former=primary_of(state, type_))


def _add(command: AddAddress, state: Addresses) -> list[AddressEvent]:
    if command.address_id in state:
        raise AddressExists(command.address_id)
    added = AddressAdded(address_id=command.address_id, type=command.type, details=command.details)
    if command.is_primary or primary_of(state, command.type) is None:
        return [added, _primary(command.address_id, command.type, state)]
    return [added]


def _change(command: ChangeAddress, state: Addresses) -> list[AddressEvent]:
    address_id, address = command.address_id, _existing(command.address_id, state)
    sent = {name: new for name in AddressDetails.__struct_fields__ if (new := getattr(command, name)) is not None}
    details = msgspec.structs.replace(address.details, **sent)
    events: list[AddressEvent] = []
    if details != address.details:
        events.append(AddressChanged(address_id=address_id, details=details))
    if command.type is not None and command.type != address.type:
        return events + _retype(address_id, command.type, state, wants_primary=command.is_primary)
    if command.is_primary and not address.is_primary:
        events.append(_primary(address_id, address.type, state))
    return events


def _retype(address_id: int, type_: AddressType, state: Addresses, *, wants_primary: bool) -> list[AddressEvent]:
    events: list[AddressEvent] = [AddressRetyped(address_id=address_id, type=type_)]
    if wants_primary or primary_of(state, type_) is None:
        events.append(_primary(address_id, type_, state))
    former = state[address_id]
    heir = min((key for key, other in state.items() if other.type == former.type and key != address_id), default=None)
    if former.is_primary and heir is not None:
        events.append(PrimaryAddressSet(address_id=heir))
    return events
