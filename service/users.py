"""WordPress users: registered and deleted by WordPress, attached to customers, made for them, and kept in step."""

import re
from functools import partial
from itertools import chain, count

import asyncpg
from msgspec.structs import replace

from domain.customer import CUSTOMER, AttachUser, CustomerProfile, DetachUser
from domain.event import Claim
from domain.refusals import ClaimTaken, UnknownUser
from domain.text import identity
from domain.user import USER, ChangeUserProfile, DeleteUser, RegisterUser, UserProfile
from eventstore.reading.coalesce import Together
from eventstore.store import Unit
from projections.queries.lookups import customer_of_user, free_users_with_emails

NOT_IN_LOGINS = re.compile(r"[^a-z0-9_-]")
MAX_LOGIN = 40


def finding_free_users(pool: asyncpg.Pool) -> Together[str, int | None]:
    """For `customers.register`: one query for all who ask at the same time."""
    return Together(partial(free_users_with_emails, pool))


async def register(unit: Unit, id_: int, profile: UserProfile) -> None:
    """Also brings a known user up to date."""
    await unit.decide(USER, id_, RegisterUser(profile=profile))


async def delete(unit: Unit, id_: int) -> None:
    """Its customer stays, and has no user any more."""
    await unit.decide(USER, id_, DeleteUser())
    customer_id = await customer_of_user(unit.pool, id_)
    if customer_id is not None:
        customer = await unit.load(CUSTOMER, customer_id)
        if customer is not None and customer.user_id == id_:
            await unit.decide(CUSTOMER, customer_id, DetachUser())


async def attach(unit: Unit, customer_id: int, user_id: int) -> None:
    """Raises UnknownUser, and ClaimTaken for a user of another customer."""
    await unit.decide(CUSTOMER, customer_id, AttachUser(user_id=await _require(unit, user_id)))


async def detach(unit: Unit, customer_id: int) -> None:
    await unit.decide(CUSTOMER, customer_id, DetachUser())


async def require_free(unit: Unit, user_id: int) -> int:
    """The id. Raises UnknownUser, and ClaimTaken for a user of another customer."""
    link = Claim("user-link", str(await _require(unit, user_id)))
    if await unit.holders([link]):
        raise ClaimTaken(*link)
    return user_id


async def _require(unit: Unit, user_id: int) -> int:
    if await unit.load(USER, user_id) is None:
        raise UnknownUser(user_id)
    return user_id


async def make(unit: Unit, profile: CustomerProfile, user_url: str) -> int:
    """A new user for a customer, its login from the email's local part. Returns its id."""
    id_ = await unit.new_id(USER)
    wanted = NOT_IN_LOGINS.sub("", profile.email.partition("@")[0].lower())[:MAX_LOGIN] or "user"
    login = await _free_login(unit, wanted, id_)
    user = UserProfile(
        user_login=login,
        user_email=profile.email,
        display_name=f"{profile.first_name} {profile.last_name}".strip(),
        first_name=profile.first_name,
        last_name=profile.last_name,
        user_url=user_url,
        user_nicename=login,
    )
    await unit.decide(USER, id_, RegisterUser(profile=user))
    return id_


async def _free_login(unit: Unit, wanted: str, id_: int) -> str:
    """The login wanted, or with a 2 behind it, or with the user's id, which few others can have taken."""
    login, numbers = wanted, chain((2,), count(id_))
    while await unit.holders([Claim("user-login", identity.of_word(login))]):
        login = f"{wanted}{next(numbers)}"
    return login


async def follow(
    unit: Unit, user_id: int, former: CustomerProfile, current: CustomerProfile, sent: ChangeUserProfile
) -> None:
    """A customer's user gets what has changed of its name and email, and what was sent for the user itself."""
    if await unit.load(USER, user_id) is None:  # an imported customer may have a user that was never here
        return
    names = {"first_name": "first_name", "last_name": "last_name", "user_email": "email"}
    changed = {
        of_user: value for of_user, name in names.items() if (value := getattr(current, name)) != getattr(former, name)
    }
    await unit.decide(USER, user_id, replace(sent, **changed))
