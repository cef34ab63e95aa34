"""What each operation answers."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field

from api.handling.readiness import Unready
from api.openapi.shapes import Address, Customer, Id, Label, Moment, NoText, Order, User, one_of


class CustomerRow(Customer):
    """With `select`, only the columns asked for, and `id`."""


class OrderRow(Order):
    """With `select`, only the columns asked for, and `id`."""

    customer: Customer | UnsetType | None = UNSET


class Link(Struct):
    url: str | None
    label: Annotated[str, Meta(examples=["1"])]
    active: bool


class Page(Struct, kw_only=True):
    """`next_cursor` is for walking on where the page ends."""

    total: Annotated[int, Meta(ge=0, examples=[1])]
    per_page: Annotated[int, Meta(ge=1, le=199, examples=[10])]
    current_page: Annotated[int, Meta(ge=1, examples=[1])]
    last_page: Annotated[int, Meta(ge=1, examples=[1])]
    from_: int | None = field(name="from")
    to: int | None
    first_page_url: str
    last_page_url: str
    next_page_url: str | None
    prev_page_url: str | None
    path: str
    links: list[Link]
    next_cursor: str | None


class CustomerPage(Page):
    data: list[CustomerRow]


class OrderPage(Page):
    data: list[OrderRow]


class CustomersListed(Struct):
    customers: CustomerPage


class OneCustomer(Struct):
    customer: Customer


class CustomerSaved(Struct):
    message: str
    data: Customer


class Done(Struct):
    message: str
    data: NoText


class Said(Struct):
    message: str


class Widget(Struct):
    """One figure; `formatted` is its value for people."""

    key: Annotated[str, Meta(examples=["ltv"])]
    title: Annotated[str, Meta(examples=["Lifetime value"])]
    value: Annotated[float | str | None, Meta(examples=[15000])]
    formatted: str = ""
    hint: str = ""


class WidgetsShown(Struct):
    widgets: list[Widget]


class Drift(Struct):
    stored: Any
    recalculated: Any


class Recalculated(Struct):
    """`drift` tells by field which stored figures were wrong."""

    message: str
    customer: Customer
    drift: dict[str, Drift] | None


class AddressesListed(Struct):
    addresses: list[Address]


class AddressSaved(Struct):
    message: str
    data: Address


class OrdersListed(Struct):
    orders: OrderPage


class OrderList(Struct):
    data: list[Order]


class EveryOrder(Struct):
    data: OrderList


class OneOrder(Struct):
    order: Order


class OrderSaved(Struct):
    message: str
    data: Order


class LabelsListed(Struct):
    labels: list[Label]


class OneLabel(Struct):
    label: Label


class LabelSaved(Struct):
    message: str
    data: Label


class UsersListed(Struct):
    users: list[User]


class UserSaved(Struct):
    message: str
    data: User


class AttachableUser(Struct):
    ID: Id
    display_name: str
    user_email: str


class AttachableUsers(Struct):
    users: list[AttachableUser]


class Credential(Struct):
    """An application password; `last_used_at` and `last_used_from`, an address, are at most a minute late."""

    uuid: Annotated[str, Meta(examples=["0f8fad5b-d9cb-469f-a165-70867728950e"])]
    login: Annotated[str, Meta(examples=["ann"])]
    name: Annotated[str, Meta(examples=["phone"])]
    role: Annotated[str, one_of("Role")]
    permissions: list[Annotated[str, one_of("Permission")]]
    created_at: Moment
    last_used_at: Moment | None
    last_used_from: Annotated[str | None, Meta(examples=["192.0.2.7"])]


class CredentialsListed(Struct):
    credentials: list[Credential]


class NewCredential(Credential):
    """`password` is null in a repetition of the request."""

    password: Annotated[str | None, Meta(examples=["abcd efgh ijkl mnop qrst uvwx"])]


class CredentialMade(Struct):
    message: str
    data: NewCredential


class Health(Struct):
    status: Annotated[str, Meta(examples=["ok"])]


class KnownDrift(Struct):
    """The last verification, at `checked_at`, looked at `checked` customers. Of all that were ever looked at, so many
    have stored figures that are not what their events give, or can't be verified, by the last look at each.
    """

    checked_at: Moment
    checked: Annotated[int, Meta(ge=0, examples=[23570])]
    drifted: Annotated[int, Meta(ge=0, examples=[0])]
    unverified: Annotated[int, Meta(ge=0, examples=[0])]


class Ready(Health):
    """`drift` is null before the first verification. Instead of it, `reason` says why nothing can be written now."""

    drift: KnownDrift | UnsetType | None = UNSET
    reason: Unready | UnsetType = UNSET
