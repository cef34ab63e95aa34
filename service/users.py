"""WordPress users: registered and deleted by WordPress, attached to customers, made for them, and kept in step."""

from functools import partial

import asyncpg

from domain import people
from domain.customer import CUSTOMER, AttachUser, CustomerProfile, DetachUser, user_claim
from domain.refusals import ClaimTaken
from domain.user import USER, ChangeUserProfile, DeleteUser, RegisterUser, UserProfile, login_claim
from eventstore.reading.coalesce import Coalescer
from eventstore.store import Unit
from projections.queries.lookups import customer_of_user, free_users_with_emails


def finding_free_users(pool: asyncpg.Pool) -> Coalescer[str, int | None]:
    """For `customers.register`: one query for all who ask at the same time."""
    return Coalescer(partial(free_users_with_emails, pool))


async def register(unit: Unit, id_: int, profile: UserProfile) -> None:
    """Also brings a known user up to date."""
    await unit.decide(USER, id_, RegisterUser(profile=profile))


async def delete(unit: Unit, id_: int) -> None:
    """Its customer stays, and has no user any more."""
    await unit.decide(USER, id_, DeleteUser())
    customer_id = await customer_of_user(unit.on, id_)
    if customer_id is not None and people.loses_its_user(await unit.load(CUSTOMER, customer_id), id_):
        await unit.decide(CUSTOMER, customer_id, DetachUser())


async def attach(unit: Unit, customer_id: int, user_id: int) -> None:
    """Raises UnknownUser, and ClaimTaken for a user of another customer."""
    await unit.decide(CUSTOMER, customer_id, AttachUser(user_id=await _require(unit, user_id)))


async def detach(unit: Unit, customer_id: int) -> None:
    await unit.decide(CUSTOMER, customer_id, DetachUser())


async def require_free(unit: Unit, user_id: int) -> int:
    """The id. Raises UnknownUser, and ClaimTaken for a user of another customer."""
    link = user_claim(await _require(unit, user_id))
    if await unit.holders([link]):
        raise ClaimTaken(*link)
    return user_id


async def _require(unit: Unit, user_id: int) -> int:
    people.require_user(user_id, await unit.load(USER, user_id))
    return user_id


async def make(unit: Unit, profile: CustomerProfile, user_url: str) -> int:
    """A new user for a customer, its login from the email's local part. Returns its id."""
    id_ = await unit.new_id(USER)
    logins = people.logins(profile.email, id_)
    login = next(logins)
    while await unit.holders([login_claim(login)]):
        login = next(logins)
    await unit.decide(USER, id_, RegisterUser(profile=people.user_made(profile, login, user_url)))
    return id_


async def follow(
    unit: Unit, user_id: int, former: CustomerProfile, current: CustomerProfile, sent: ChangeUserProfile
) -> None:
    """A customer's user gets what has changed of its name and email, and what was sent for the user itself."""
    if await unit.load(USER, user_id) is None:  # an imported customer may have a user that was never here
        return
    await unit.decide(USER, user_id, people.followed(former, current, sent))
