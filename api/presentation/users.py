"""WordPress users as clients know them; `ID` in capitals is WordPress's."""

from msgspec import Struct

from api.presentation.values import Email, Id, Name, Row


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
