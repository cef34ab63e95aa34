"""A customer, with its labels, its addresses, and what its orders say about the person."""

from datetime import datetime
from typing import Literal, TypeAlias, get_args

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict, replace

from domain import address
from domain.event import Claim, Command, Decider, Event, Value
from domain.refusals import CustomerExists, CustomerNotFound, UserAlreadyAttached
from domain.terms import OrderDetails, known_and
from domain.text import identity

CustomerStatus: TypeAlias = Literal["active", "inactive", "archived"]
CUSTOMER_STATUSES: tuple[CustomerStatus, ...] = get_args(CustomerStatus)
ACTIVE: CustomerStatus = "active"


class CustomerProfile(Value, frozen=True, kw_only=True):
    email: str
    first_name: str
    last_name: str = ""
    status: CustomerStatus = ACTIVE
    notes: str = ""
    country: str | None = None
    state: str | None = None
    city: str | None = None
    postcode: str | None = None


class CustomerRegistered(Event, frozen=True, kw_only=True, tag="customer-registered"):
    """`updated_at` is when an imported customer says that it last changed."""

    personal = True
    profile: CustomerProfile
    uuid: str
    user_id: int | None = None
    contact_id: int | None = None
    updated_at: datetime | None = None


class CustomerRenamed(Event, frozen=True, kw_only=True, tag="customer-renamed"):
    personal = True
    first_name: str
    last_name: str


class CustomerEmailChanged(Event, frozen=True, kw_only=True, tag="customer-email-changed"):
    personal = True
    email: str


class CustomerMoved(Event, frozen=True, kw_only=True, tag="customer-moved"):
    personal = True
    country: str | None
    state: str | None
    city: str | None
    postcode: str | None


class CustomerNotesChanged(Event, frozen=True, kw_only=True, tag="customer-notes-changed"):
    personal = True
    notes: str


class CustomerStatusChanged(Event, frozen=True, kw_only=True, tag="customer-status-changed"):
    personal = True
    status: CustomerStatus


class CustomerRelabelled(Event, frozen=True, kw_only=True, tag="customer-relabelled"):
    """The labels as they are from now on, ascending."""

    personal = True
    labels: tuple[int, ...]


class UserAttached(Event, frozen=True, kw_only=True, tag="user-attached"):
    personal = True
    user_id: int


class UserDetached(Event, frozen=True, kw_only=True, tag="user-detached"):
    personal = True
    user_id: int


class OrderDetailsRecorded(Event, frozen=True, kw_only=True, tag="order-details-recorded"):
    personal = True
    order_id: int
    details: OrderDetails


class CustomerErased(Event, frozen=True, kw_only=True, tag="customer-erased"):
    """`addresses`, `orders` and `users` are the ids whose personal data is erased with it.

    An order that another customer has by then loses only the text that it got while it was this customer's.
    """

    personal = False
    outlives_erasure = True
    addresses: tuple[int, ...] = ()
    orders: tuple[int, ...] = ()
    users: tuple[int, ...] = ()
    reason: str = ""


# Each has fields of the profile, as they are from now on.
ProfileEvent: TypeAlias = (
    CustomerRenamed | CustomerEmailChanged | CustomerMoved | CustomerNotesChanged | CustomerStatusChanged
)
PROFILE_EVENTS: tuple[type[ProfileEvent], ...] = get_args(ProfileEvent)

CustomerEvent: TypeAlias = (
    CustomerRegistered
    | ProfileEvent
    | CustomerRelabelled
    | UserAttached
    | UserDetached
    | OrderDetailsRecorded
    | CustomerErased
    | address.AddressEvent
)


class RegisterCustomer(Command, frozen=True, kw_only=True):
    profile: CustomerProfile
    uuid: str
    user_id: int | None = None
    contact_id: int | None = None
    updated_at: datetime | None = None


class ChangeCustomer(Command, frozen=True, kw_only=True):
    """None leaves a field as it is; in the location, UNSET does, and None clears it."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    status: CustomerStatus | None = None
    notes: str | None = None
    country: str | UnsetType | None = UNSET
    state: str | UnsetType | None = UNSET
    city: str | UnsetType | None = UNSET
    postcode: str | UnsetType | None = UNSET


class RelabelCustomer(Command, frozen=True, kw_only=True):
    """`existing` are the labels that are not deleted, among these and those the customer has."""

    labels: frozenset[int]
    existing: frozenset[int]


class AttachUser(Command, frozen=True, kw_only=True):
    user_id: int


class DetachUser(Command, frozen=True, kw_only=True):
    pass


class RecordOrderDetails(Command, frozen=True, kw_only=True):
    """`has_moved`: the order was another customer's in between, and may have that one's details."""

    order_id: int
    details: OrderDetails
    has_moved: bool = False


class EraseCustomer(Command, frozen=True, kw_only=True):
    """`users` are erased together with it; `orders` are all that it ever had."""

    users: tuple[int, ...] = ()
    orders: tuple[int, ...] = ()
    reason: str = ""


CustomerCommand: TypeAlias = (
    RegisterCustomer
    | ChangeCustomer
    | RelabelCustomer
    | AttachUser
    | DetachUser
    | RecordOrderDetails
    | EraseCustomer
    | address.AddressCommand
)


LOCATION = ("country", "state", "city", "postcode")


class Customer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A customer that was never registered is None; `erased` is true after an erasure.

    `users` are all that it ever had.
    """

    profile: CustomerProfile
    user_id: int | None = None
    users: frozenset[int] = frozenset()
    labels: frozenset[int] = frozenset()
    addresses: address.Addresses = {}
    orders: dict[int, OrderDetails] = {}
    erased: bool = False


NOBODY = CustomerProfile(email="", first_name="")


def evolve(state: Customer | None, event: CustomerEvent) -> Customer | None:
    if isinstance(event, CustomerRegistered):
        users = frozenset() if event.user_id is None else frozenset({event.user_id})
        return Customer(profile=event.profile, user_id=event.user_id, users=users)
    if isinstance(event, CustomerErased):  # what was before it may be forgotten
        return Customer(profile=NOBODY, erased=True)
    if state is None:
        return None
    if isinstance(event, ProfileEvent):
        return replace(state, profile=replace(state.profile, **asdict(event)))
    match event:
        case CustomerRelabelled(labels=labels):
            return replace(state, labels=frozenset(labels))
        case UserAttached(user_id=user_id):
            return replace(state, user_id=user_id, users=state.users | {user_id})
        case UserDetached():
            return replace(state, user_id=None)
        case OrderDetailsRecorded(order_id=order_id, details=details):
            return replace(state, orders=state.orders | {order_id: known_and(state.orders.get(order_id), details)})
        case _:
            return replace(state, addresses=address.evolve(state.addresses, event))


def decide(command: CustomerCommand, state: Customer | None) -> list[CustomerEvent]:
    if isinstance(command, RegisterCustomer):
        if state is not None:
            raise CustomerExists
        return [CustomerRegistered(**asdict(command))]
    if state is None or state.erased:
        raise CustomerNotFound
    match command:
        case ChangeCustomer():
            return _changes(command, state.profile)
        case RelabelCustomer(labels=labels, existing=existing):
            return [] if labels == state.labels & existing else [CustomerRelabelled(labels=tuple(sorted(labels)))]
        case AttachUser(user_id=user_id):
            if state.user_id is not None:
                raise UserAlreadyAttached(state.user_id)
            return [UserAttached(user_id=user_id)]
        case DetachUser():
            return [] if state.user_id is None else [UserDetached(user_id=state.user_id)]
        case RecordOrderDetails(order_id=order_id, details=details):
            known = state.orders.get(order_id, OrderDetails())
            if known_and(known, details) == known and not command.has_moved:
                return []
            return [OrderDetailsRecorded(order_id=order_id, details=details)]
        case EraseCustomer(users=users, orders=ever, reason=reason):
            addresses, orders = tuple(state.addresses), tuple(sorted({*state.orders, *ever}))
            return [CustomerErased(addresses=addresses, orders=orders, users=users, reason=reason)]
        case _:
            return list(address.decide(command, state.addresses))


def _changes(command: ChangeCustomer, profile: CustomerProfile) -> list[CustomerEvent]:
    sent = {
        name: value for name, value in asdict(command).items() if value is not (UNSET if name in LOCATION else None)
    }
    wanted = replace(profile, **sent)
    return [event for kind in PROFILE_EVENTS if (event := _event(kind, wanted)) != _event(kind, profile)]


def _event(kind: type[ProfileEvent], profile: CustomerProfile) -> ProfileEvent:
    return kind(**{name: getattr(profile, name) for name in kind.__struct_fields__})


def claims(state: Customer | None) -> frozenset[Claim]:
    """A mailbox and a user belong to one customer at a time."""
    if state is None or state.erased:
        return frozenset()
    email = email_claim(state.profile.email)
    return frozenset({email} if state.user_id is None else {email, user_claim(state.user_id)})


def email_claim(email: str) -> Claim:
    """No two customers have the mailbox, however it is spelt."""
    return Claim("customer-email", identity.of_email(email))


def user_claim(user_id: int) -> Claim:
    """No two customers are linked to the user."""
    return Claim("user-link", str(user_id))


CUSTOMER: Decider[Customer | None] = Decider(
    category="customer", initial=None, decide=decide, evolve=evolve, claims=claims, customer_of=lambda id_, _state: id_
)
