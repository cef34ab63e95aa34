"""Customers: register, update, label, and change the status of many."""

from collections.abc import Awaitable, Callable, Collection
from typing import TypeAlias
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType

from domain import people
from domain.customer import (
    CUSTOMER,
    ChangeCustomer,
    Customer,
    CustomerProfile,
    CustomerStatus,
    DetachUser,
    RegisterCustomer,
    RelabelCustomer,
)
from domain.refusals import CustomerNotFound
from domain.user import ChangeUserProfile
from eventstore.store import Unit
from projections.queries.lookups import existing_labels
from service import users

# Returns the user who has an email and no customer.
FindFreeUser: TypeAlias = Callable[[str], Awaitable[int | None]]

# Claims that another command may take while a customer is registered. Done again, the work takes another login, or
# finds no free user any more.
CONTESTED = frozenset({"user-login", "user-link"})
NO_CHANGE = ChangeUserProfile()


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A customer to be, and its user: the free user with its email, else `user_id`, else a new one if `makes_user`."""

    profile: CustomerProfile
    user_id: int | None = None
    makes_user: bool = False
    user_url: str = ""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """Changes to a customer and to its user. `user_id` links another user, None none; UNSET leaves the link."""

    customer: ChangeCustomer
    user: ChangeUserProfile = NO_CHANGE
    user_id: int | UnsetType | None = UNSET


async def require_customer(unit: Unit, id_: int) -> Customer:
    """The customer, or CustomerNotFound."""
    return people.require_customer(await unit.load(CUSTOMER, id_))


async def register(unit: Unit, wanted: Registration, find_free_user: FindFreeUser) -> int:
    """The new customer's id. Raises UnknownUser, and ClaimTaken where `user_id` is another customer's."""
    id_, profile = await unit.new_id(CUSTOMER), wanted.profile
    named = None if wanted.user_id is None else await users.require_free(unit, wanted.user_id)
    user_id = people.user_of_registered(await find_free_user(profile.email), named)
    if user_id is None and wanted.makes_user:
        user_id = await users.make(unit, profile, wanted.user_url)
    await unit.decide(CUSTOMER, id_, RegisterCustomer(profile=profile, uuid=uuid4().hex, user_id=user_id))
    return id_


async def update(unit: Unit, id_: int, wanted: Update) -> int:
    """The customer's id. Its user gets the same name and email. Raises UnknownUser."""
    former = await unit.load(CUSTOMER, id_)
    await unit.decide(CUSTOMER, id_, wanted.customer)
    if wanted.user_id is None:
        await unit.decide(CUSTOMER, id_, DetachUser())
    elif wanted.user_id is not UNSET and former and wanted.user_id != former.user_id:
        await users.attach(unit, id_, wanted.user_id)
    current = await unit.load(CUSTOMER, id_)
    if former and current and current.user_id:
        await users.follow(unit, current.user_id, former.profile, current.profile, wanted.user)
    return id_


async def set_labels(unit: Unit, id_: int, labels: frozenset[int]) -> int:
    """The customer's id. It carries exactly these labels. Raises UnknownLabel."""
    customer = await unit.load(CUSTOMER, id_)
    carried = customer.labels if customer else frozenset()
    existing = await existing_labels(unit.on, labels | carried)
    people.require_labels(labels, existing)
    await unit.decide(CUSTOMER, id_, RelabelCustomer(labels=labels, existing=existing))
    return id_


async def change_status(unit: Unit, ids: Collection[int], status: CustomerStatus) -> None:
    """Passes over those that are not registered, or erased. Raises CustomerNotFound when all of them are."""
    for id_ in await registered(unit, ids):
        await unit.decide(CUSTOMER, id_, ChangeCustomer(status=status))


async def registered(unit: Unit, ids: Collection[int]) -> list[int]:
    """Those that are registered, and not erased. Raises CustomerNotFound when none is."""
    await unit.load_many(CUSTOMER, ids)
    found = [id_ for id_ in ids if people.is_registered(await unit.load(CUSTOMER, id_))]
    if not found:
        raise CustomerNotFound
    return found
