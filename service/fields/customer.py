"""What may be said of a customer and of a user, by a client or in a file."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from domain.customer import ACTIVE, ChangeCustomer, CustomerProfile, CustomerStatus
from domain.user import ChangeUserProfile
from service.fields.choices import CUSTOMER_STATUS
from service.fields.compound import Sent, Word
from service.fields.input import Input
from service.fields.kinds import Country, Email, Id, Integer, Lines, Moment, Nullable, OneOf, Text

MAX_NOTES = 65_535
FIGURES = Sent(about="Accepted, and ignored: figures come from orders only.")


def split_full_name(full_name: str) -> tuple[str, str]:
    """At the last blank: "Mary Jane Watson" is "Mary Jane", "Watson". One word is a first name."""
    first, *last = full_name.strip().rsplit(maxsplit=1)
    return first, last[0] if last else ""


def _names(full_name: str | None) -> dict[str, str]:
    return dict(zip(("first_name", "last_name"), split_full_name(full_name), strict=True)) if full_name else {}


class NewCustomer(Input, kw_only=True):
    first_name: Annotated[str, Text(example="Jane", name_mode="first_name")]
    last_name: Annotated[str, Text(example="Smith", name_mode="first_name")] = ""
    full_name: Annotated[str, Text(example="Jane Smith", about="Split at the last blank.", name_mode="full_name")]
    email: Annotated[str, Email(example="jane.smith@example.com")]
    status: Annotated[CustomerStatus, OneOf(CUSTOMER_STATUS)] = ACTIVE
    notes: Annotated[str, Lines(MAX_NOTES)] = ""
    country: Annotated[str | None, Country(example="US")] = None
    state: Annotated[str | None, Text(example="MA")] = None
    city: Annotated[str | None, Text(example="Boston")] = None
    postcode: Annotated[str | None, Text(example="02101")] = None
    user_id: Annotated[int | None, Id()] = None
    user_url: Annotated[str, Text()] = ""
    wp_user: Annotated[
        str, Word(about="`yes` makes a WordPress user, unless one has this email; anything else does not.")
    ] = ""
    aov: Annotated[Any, FIGURES] = None

    @property
    def profile(self) -> CustomerProfile:
        return self.fill(CustomerProfile, **_names(self.full_name))


class CustomerUpdate(Input, kw_only=True):
    """Blank or null clears what a customer may lack."""

    email: Annotated[str | None, Email(example="jane.doe@example.com")]
    first_name: Annotated[str | None, Text(example="Jane", name_mode="first_name")]
    last_name: Annotated[str | None, Text(example="Smith", name_mode="first_name", blank="")] = None
    full_name: Annotated[
        str | None, Text(example="Jane Smith", about="Split at the last blank.", name_mode="full_name")
    ]
    status: Annotated[CustomerStatus | None, OneOf(CUSTOMER_STATUS, blank=ACTIVE)] = None
    notes: Annotated[str | None, Lines(MAX_NOTES, blank="")] = None
    country: Annotated[str | UnsetType | None, Country(example="US", blank=None)] = UNSET
    state: Annotated[str | UnsetType | None, Text(example="MA", blank=None)] = UNSET
    city: Annotated[str | UnsetType | None, Text(example="Boston", blank=None)] = UNSET
    postcode: Annotated[str | UnsetType | None, Text(example="02101", blank=None)] = UNSET
    display_name: Annotated[str | None, Text(blank="")] = None
    user_nicename: Annotated[str | None, Text(blank="")] = None
    user_url: Annotated[str | None, Text(blank="")] = None
    user_id: Annotated[int | UnsetType | None, Id(blank=None)] = UNSET

    @property
    def change(self) -> ChangeCustomer:
        return self.fill(ChangeCustomer, **_names(self.full_name))

    @property
    def of_user(self) -> ChangeUserProfile:
        return ChangeUserProfile(
            display_name=self.display_name, user_nicename=self.user_nicename, user_url=self.user_url
        )


class WholeUpdate(CustomerUpdate, kw_only=True):
    aov: Annotated[Any, FIGURES] = None
    username: Annotated[Any, Sent(about="Accepted, and ignored.")] = None


class CustomerPatch(CustomerUpdate, kw_only=True, forbid_unknown_fields=True):
    email: Annotated[str | None, Email(example="jane.doe@example.com", filled=True)] = None
    first_name: Annotated[str | None, Text(example="Jane", name_mode="first_name", filled=True)] = None
    full_name: Annotated[
        str | None,
        Text(example="Jane Smith", about="Split at the last blank.", name_mode="full_name", filled=True),
    ] = None


class ExportedCustomer(Input, kw_only=True):
    """A row of a FluentCart export."""

    id: Annotated[int, Id()]
    first_name: Annotated[str, Text()] = ""
    last_name: Annotated[str, Text()] = ""
    email: Annotated[str, Email()]
    status: Annotated[CustomerStatus, OneOf(CUSTOMER_STATUS)] = ACTIVE
    notes: Annotated[str, Lines(MAX_NOTES)] = ""
    country: Annotated[str | None, Nullable()] = None
    state: Annotated[str | None, Nullable()] = None
    city: Annotated[str | None, Nullable()] = None
    postcode: Annotated[str | None, Nullable()] = None
    uuid: Annotated[str, Text(100)] = ""
    user_id: Annotated[int | None, Integer()] = None
    contact_id: Annotated[int | None, Integer()] = None
    created_at: Annotated[datetime | None, Moment()] = None
    updated_at: Annotated[datetime | None, Moment()] = None


class Profile(Input, forbid_unknown_fields=True):
    """A user as WordPress has it."""

    user_login: Annotated[str, Text(60, example="jane")]
    user_email: Annotated[str, Email(example="jane.smith@example.com")]
    display_name: Annotated[str, Text(example="Jane Smith")] = ""
    first_name: Annotated[str, Text(example="Jane")] = ""
    last_name: Annotated[str, Text(example="Smith")] = ""
    user_url: Annotated[str, Text()] = ""
    user_nicename: Annotated[str, Text()] = ""
