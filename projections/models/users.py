"""Users, as WordPress tells them."""

import msgspec
from msgspec.structs import asdict, replace

from domain.text.folding import folded
from domain.user import PROFILE_FIELDS, UserDeleted, UserErased, UserProfileChanged, UserRegistered
from projections.tables.derived import Derived, mailbox
from projections.tables.projection import Change, Envelope, ErasedRows, Projection, gone, of_stream
from projections.tables.table import Table


class UserRow(msgspec.Struct, frozen=True, gc=False):
    id: int
    user_login: str
    user_email: str
    display_name: str
    first_name: str
    last_name: str
    user_url: str
    user_nicename: str


def _registered(id_: int, _row: UserRow | None, event: UserRegistered, _envelope: Envelope) -> UserRow:
    return UserRow(id=id_, **asdict(event.profile))


def _profile_changed(_id: int, row: UserRow | None, event: UserProfileChanged, _envelope: Envelope) -> UserRow | None:
    sent = {name: value for name in PROFILE_FIELDS if (value := getattr(event, name)) is not None}
    return row and replace(row, **sent)


def _searched(*texts: str) -> str:
    return "\n".join(map(folded, texts))


# The index finds the user with a customer's email, to be linked.
USERS: Projection[UserRow] = Projection(
    Table(
        "users",
        UserRow,
        ["CREATE INDEX users_email_idx ON users (user_email_identity)"],
        derived=[
            mailbox("user_email"),
            Derived("searched", ("user_login", "user_email", "display_name"), _searched),
        ],
    ),
    {
        UserRegistered: Change(of_stream, _registered, makes=True),
        UserProfileChanged: Change(of_stream, _profile_changed),
        UserDeleted: Change(of_stream, gone),
        UserErased: Change(of_stream, gone),
    },
    erased=ErasedRows("users"),
    version=2,
    part="user",
)
