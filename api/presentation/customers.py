"""Customers as clients know them."""

from functools import lru_cache
from operator import itemgetter
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from api.presentation.addresses import ShownAddress
from api.presentation.labels import CarriedLabel
from api.presentation.orders import ShownOrder
from api.presentation.users import LinkedUser, photo_url, user_link
from api.presentation.values import (
    Email,
    Id,
    Moment,
    Name,
    Nothing,
    Row,
    Uuid,
    columns,
    document,
    moved_by,
    number,
    one_of,
)
from projections.queries.customers import SHOWN
from service.fields.choices import CUSTOMER_STATUS
from service.fields.places import country_name, state_name


class CustomerAddress(Struct, gc=False):
    """Where a customer is, for people."""

    country: Annotated[str, Meta(examples=["United States"])]
    state: Annotated[str | None, Meta(examples=["New York"])]
    city: str | None
    postcode: str | None
    first_name: str
    last_name: str
    full_name: Name


class ShownCustomer(Struct):
    """Amounts in cents. What follows `user_link` comes when it is asked for."""

    id: Id
    user_id: int | None
    contact_id: int | None
    email: Email
    first_name: Annotated[str, Meta(examples=["Jane"])]
    last_name: Annotated[str, Meta(examples=["Smith"])]
    status: Annotated[str, one_of(CUSTOMER_STATUS)]
    purchase_value: Annotated[
        dict[str, int] | Nothing, Meta(description="Net cents by currency", examples=[{"USD": 15000}])
    ]
    purchase_count: Annotated[int, Meta(ge=0, examples=[3])]
    ltv: Annotated[int, Meta(ge=0, description="Lifetime value, in cents of the store's currency", examples=[15000])]
    first_purchase_date: Moment | None
    last_purchase_date: Moment | None
    aov: Annotated[float, Meta(ge=0, description="Average order value, in cents like ltv", examples=[5000])]
    notes: str
    uuid: Uuid
    country: Annotated[str | None, Meta(examples=["US"])]
    city: Annotated[str | None, Meta(examples=["New York"])]
    state: Annotated[str | None, Meta(examples=["NY"])]
    postcode: Annotated[str | None, Meta(examples=["10001"])]
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("changes of what it says of itself and of its user")]
    full_name: Name
    photo: Annotated[str, Meta(examples=["https://secure.gravatar.com/avatar/0?s=100&d=mm&r=g"])]
    country_name: Annotated[str, Meta(examples=["United States"])]
    formatted_address: CustomerAddress
    user_link: str
    selected_labels: list[int] | UnsetType = UNSET
    labels: list[CarriedLabel] | UnsetType = UNSET
    orders: list[ShownOrder] | UnsetType = UNSET
    billing_address: list[ShownAddress] | UnsetType = UNSET
    shipping_address: list[ShownAddress] | UnsetType = UNSET
    primary_billing_address: ShownAddress | UnsetType | None = UNSET
    primary_shipping_address: ShownAddress | UnsetType | None = UNSET
    subscriptions: Nothing | UnsetType = UNSET
    wp_user: LinkedUser | UnsetType | None = UNSET
    orders_count: int | UnsetType = UNSET


class ShownCustomerRow(ShownCustomer):
    """With `select`, only the columns asked for, and `id`."""


class ShownOrderRow(ShownOrder):
    """With `select`, only the columns asked for, and `id`."""

    customer: ShownCustomer | UnsetType | None = UNSET


_values = itemgetter(*columns(ShownCustomer, SHOWN))
_state_name = lru_cache(10_000)(state_name)
_placed = itemgetter("country", "state", "city", "postcode", "first_name", "last_name")


def customer(row: Row, store_url: str) -> ShownCustomer:
    """A customer, from its row."""
    place, link = formatted(row), user_link(store_url, row["user_id"])
    values: tuple[Any, ...] = (
        *_values(row), place.full_name, photo_url(row["email"]), place.country, place, link
    )  # fmt: skip
    made = ShownCustomer(*values)
    made.aov = number(row["aov"])
    made.purchase_value = document(row["purchase_value"])
    return made


def formatted(row: Row) -> CustomerAddress:
    country, state, city, postcode, first_name, last_name = _placed(row)
    full_name = f"{first_name} {last_name}".strip()
    named = country_name(country), _state_name(country, state)
    return CustomerAddress(*named, city, postcode, first_name, last_name, full_name)
