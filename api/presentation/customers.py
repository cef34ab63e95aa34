"""Customers as clients know them."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from api.presentation.addresses import ShownAddress
from api.presentation.labels import CarriedLabel
from api.presentation.orders import EMPTY, ShownOrder
from api.presentation.users import LinkedUser, photo_url, user_link
from api.presentation.values import Email, Id, Moment, Name, Nothing, Row, Uuid, columns, moved_by, one_of
from projections.queries.customers import SHOWN
from service.fields.choices import CUSTOMER_STATUS
from service.fields.places import formatted_customer
from service.values import shown

NAME_AND_PLACE = ("first_name", "last_name", "country", "state", "city", "postcode")


class CustomerAddress(Struct):
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


_COLUMNS = columns(ShownCustomer, SHOWN)


def customer(row: Row, store_url: str) -> ShownCustomer:
    """A customer, from its row."""
    place = CustomerAddress(**formatted_customer(**{name: row[name] for name in NAME_AND_PLACE}))
    made = ShownCustomer(
        full_name=place.full_name,
        photo=photo_url(row["email"]),
        country_name=place.country,
        formatted_address=place,
        user_link=user_link(store_url, row["user_id"]),
        **{name: shown(row[name]) for name in _COLUMNS},
    )
    if row["purchase_value"] in EMPTY:
        made.purchase_value = []
    return made
