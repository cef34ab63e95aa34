"""Users, as WordPress tells them."""

import msgspec
from msgspec.structs import asdict, replace

from domain.event import Recorded
from domain.user import PROFILE_FIELDS, UserDeleted, UserProfileChanged, UserRegistered
from projections.projection import Projection
from projections.table import Table


class UserRow(msgspec.Struct, frozen=True):
    id: int
    user_login: str
    user_email: str
    display_name: str
    first_name: str
    last_name: str
    user_url: str
    user_nicename: str


def keys(recorded: Recorded) -> tuple[int, ...]:
    return (recorded.stream.id,) if recorded.stream.category == "user" else ()


def evolve(id_: int, row: UserRow | None, recorded: Recorded) -> UserRow | None:
    match recorded.event:
        case UserRegistered(profile=profile):
            return UserRow(id=id_, **asdict(profile))
        case UserProfileChanged() as change:
            sent = {name: value for name in PROFILE_FIELDS if (value := getattr(change, name)) is not None}
            return row and replace(row, **sent)
        case UserDeleted():
            return None
        case _:
            return row


# The index finds the user with a customer's email, to be linked.
USERS: Projection[UserRow] = Projection(
    Table("users", UserRow, ["CREATE INDEX users_email_idx ON users (lower(user_email))"]), keys, evolve, part="user"
)
