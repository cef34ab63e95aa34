"""WordPress users and application passwords as clients know them; `ID` in capitals is WordPress's."""

from hashlib import sha256
from typing import Annotated

from msgspec import Meta, Struct

from api.presentation.values import Email, Id, Moment, Name, Row, one_of
from projections.tables.projection import utc
from service.credentials.choices import PERMISSION, ROLE
from service.credentials.passwords import Listed
from service.values import shown


class LinkedUser(Struct):
    ID: Id
    user_login: str
    user_email: Email
    display_name: Name


class ShownUser(LinkedUser):
    """A WordPress user."""

    first_name: str
    last_name: str
    user_url: str
    user_nicename: str


class AttachableUser(Struct):
    ID: Id
    display_name: str
    user_email: str


def user(row: Row) -> ShownUser:
    return ShownUser(row["id"], **{name: row[name] for name in ShownUser.__struct_fields__[1:]})


def photo_url(email: str) -> str:
    """The gravatar, 100 pixels wide, or a silhouette (`d=mm`) when there is none fit for all (`r=g`)."""
    digest = sha256(email.strip().lower().encode()).hexdigest()
    return f"https://secure.gravatar.com/avatar/{digest}?s=100&d=mm&r=g"


def user_link(store_url: str, user_id: int | None) -> str:
    return f"{store_url}/wp-admin/user-edit.php?user_id={user_id}" if user_id else ""


class ShownCredential(Struct):
    """An application password; `last_used_at` and `last_used_from`, an address, are at most a minute late."""

    uuid: Annotated[str, Meta(examples=["0f8fad5b-d9cb-469f-a165-70867728950e"])]
    login: Annotated[str, Meta(examples=["ann"])]
    name: Annotated[str, Meta(examples=["phone"])]
    role: Annotated[str, one_of(ROLE)]
    permissions: list[Annotated[str, one_of(PERMISSION)]]
    created_at: Moment
    last_used_at: Moment | None
    last_used_from: Annotated[str | None, Meta(examples=["192.0.2.7"])]


def credential(listed: Listed) -> ShownCredential:
    used = listed.last_used_at
    return ShownCredential(
        uuid=str(listed.uuid),
        login=listed.login,
        name=listed.name,
        role=listed.role,
        permissions=sorted(listed.permissions),
        created_at=shown(utc(listed.created_at)),
        last_used_at=shown(used and utc(used)),
        last_used_from=listed.last_used_from,
    )
