"""What a customer's life means for its WordPress user: found by email, made on demand, kept in step."""

import re
from collections.abc import Sequence
from functools import partial
from itertools import chain, count

import asyncpg

from domain.customer import CustomerProfile
from domain.text import identity
from domain.user import USER, ChangeUserProfile, RegisterUser, UserProfile
from eventstore.log.log import Executor
from eventstore.reading.coalesce import Together
from eventstore.store import Unit

FREE_WITH_EMAIL = """
    SELECT (
        SELECT u.id FROM users u WHERE u.user_email_identity = w.email
        AND NOT EXISTS (SELECT FROM customers c WHERE c.user_id = u.id) ORDER BY u.id LIMIT 1
    ) FROM unnest($1::text[]) WITH ORDINALITY AS w (email, place) ORDER BY w.place"""
LOGIN_TAKEN = "SELECT EXISTS (SELECT FROM claims WHERE kind = 'user-login' AND value = $1)"
NOT_IN_LOGINS = re.compile(r"[^a-z0-9_-]")
MAX_LOGIN = 40


def users_with_emails(pool: asyncpg.Pool) -> Together[str, int | None]:
    """Asked with an email: the user who has it, if it has no customer yet."""
    return Together(partial(free_users_with_emails, pool))


async def free_users_with_emails(on: Executor, emails: Sequence[str]) -> list[int | None]:
    """The user with each email, if it has no customer yet."""
    return [row[0] for row in await on.fetch(FREE_WITH_EMAIL, [*map(identity.of_email, emails)])]


async def create_user(unit: Unit, profile: CustomerProfile, user_url: str) -> int:
    """A new user for a customer, its login from the email's local part; the id."""
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
    """The one wanted, or with a 2 behind it, or with the user's id, which few others can have taken."""
    login, numbers = wanted, chain((2,), count(id_))
    while await unit.pool.fetchval(LOGIN_TAKEN, login):
        login = f"{wanted}{next(numbers)}"
    return login


async def let_user_follow(
    unit: Unit, user_id: int, former: CustomerProfile, current: CustomerProfile, **sent: str | None
) -> None:
    """A customer's user gets what has changed of its name and email, and what was sent of the user itself."""
    if await unit.load(USER, user_id) is None:  # imported customers may have a user that was never here
        return
    now = {"first_name": current.first_name, "last_name": current.last_name, "user_email": current.email}
    before = {"first_name": former.first_name, "last_name": former.last_name, "user_email": former.email}
    changed = {name: value for name, value in now.items() if value != before[name]}
    await unit.decide(USER, user_id, ChangeUserProfile(**changed, **sent))
