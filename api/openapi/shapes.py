"""What is sent of a customer, an address, an order …: keys as in `api.presentation.records`, with their types."""

from typing import Annotated, Any, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from api.openapi.choices import CHOICES


def one_of(name: str) -> Meta:
    return Meta(extra_json_schema={"$ref": f"#/components/schemas/{name}"}, examples=[CHOICES[name][0]])


def moved_by(what: str) -> Meta:
    """docs/api.md says more."""
    return Meta(description=f"UTC. Moved by {what}; by nothing else.")


Moment: TypeAlias = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", description="UTC", examples=["2025-06-20 14:00:00"])
]
Id: TypeAlias = Annotated[int, Meta(ge=1, examples=[1])]
Cents: TypeAlias = Annotated[int, Meta(description="Cents of the order's currency", examples=[5000])]
StoreCents: TypeAlias = Annotated[int, Meta(description="Cents of the store's currency", examples=[5000])]
Rate: TypeAlias = Annotated[float, Meta(gt=0, description="Exchange rate to the store's currency", examples=[1])]
Status: TypeAlias = Annotated[str, one_of("CustomerStatus")]
AddressKind: TypeAlias = Annotated[str, one_of("AddressType")]
Uuid: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", examples=["a1b2c3d4e5f60718293a4b5c6d7e8f90"])]
Email: TypeAlias = Annotated[str, Meta(examples=["jane.smith@example.com"])]
Name: TypeAlias = Annotated[str, Meta(examples=["Jane Smith"])]
Country: TypeAlias = Annotated[str, Meta(examples=["US"])]
State: TypeAlias = Annotated[str, Meta(examples=["NY"])]
NoText: TypeAlias = Annotated[str, Meta(max_length=0, examples=[""])]
Nothing: TypeAlias = Annotated[
    list[str], Meta(max_length=0, description="An empty object, as PHP writes it", examples=[[]])
]


class CustomerAddress(Struct):
    """Where a customer is, for people."""

    country: Annotated[str, Meta(examples=["United States"])]
    state: Annotated[str | None, Meta(examples=["New York"])]
    city: str | None
    postcode: str | None
    first_name: str
    last_name: str
    full_name: Name


class FormattedAddress(Struct):
    """An address for people."""

    country: Annotated[str, Meta(examples=["United States"])]
    state: Annotated[str | None, Meta(examples=["New York"])]
    city: str
    postcode: str
    address_1: str
    address_2: str
    type: AddressKind
    name: Name
    company_name: str
    label: str
    phone: str
    full_address: Annotated[str, Meta(examples=["456 Business Ave, New York, New York, United States"])]


class OtherData(Struct):
    company_name: str


class AddressMeta(Struct):
    other_data: OtherData


class Address(Struct):
    id: Id
    customer_id: Id
    is_primary: Annotated[int, Meta(ge=0, le=1, examples=[1])]
    type: AddressKind
    status: Annotated[str, Meta(examples=["active"])]
    label: Annotated[str, Meta(examples=["Office"])]
    name: Name
    address_1: Annotated[str, Meta(examples=["456 Business Ave"])]
    address_2: str
    city: Annotated[str, Meta(examples=["New York"])]
    state: State
    postcode: Annotated[str, Meta(examples=["10002"])]
    country: Country
    phone: Annotated[str, Meta(examples=["+1-555-0200"])]
    email: Email
    meta: AddressMeta | Nothing
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("changes of the address, and of which one is primary")]
    formatted_address: FormattedAddress
    company_name: str


class Item(Struct):
    """A line of an order; amounts in cents of the order's currency."""

    id: Id
    order_id: Id
    post_id: int | None
    fulfillment_type: str
    payment_type: Annotated[str, Meta(examples=["onetime"])]
    post_title: Annotated[str, Meta(examples=["Coffee"])]
    title: Annotated[str, Meta(examples=["Monthly"])]
    object_id: int | None
    cart_index: int
    quantity: Annotated[int, Meta(ge=1, examples=[2])]
    unit_price: Cents
    cost: Cents
    subtotal: Cents
    tax_amount: Cents
    shipping_charge: Cents
    discount_total: Cents
    line_total: Cents
    refund_total: Cents
    rate: Rate
    other_info: dict[str, Any] | Nothing
    line_meta: dict[str, Any] | Nothing
    fulfilled_quantity: int
    referrer: str | None
    created_at: Moment
    updated_at: Moment


class Transaction(Struct):
    """Money that moved; `vendor_charge_id` is the `transaction_id` that it was recorded under."""

    id: int
    order_id: Id
    order_type: str
    transaction_type: Annotated[str, Meta(examples=["charge"])]
    status: Annotated[str, Meta(examples=["succeeded"])]
    currency: Annotated[str, Meta(examples=["USD"])]
    total: Cents
    payment_method: str
    payment_mode: str
    vendor_charge_id: Annotated[str, Meta(examples=["ch_1"])]
    uuid: str
    created_at: Moment
    updated_at: Moment


class OrderAddress(Struct):
    """An address as it was when the order got it."""

    name: Name
    email: Email
    address_1: Annotated[str, Meta(examples=["456 Business Ave"])]
    address_2: str
    city: Annotated[str, Meta(examples=["New York"])]
    state: State
    postcode: Annotated[str, Meta(examples=["10002"])]
    country: Country
    phone: Annotated[str, Meta(examples=["+1-555-0200"])]
    label: Annotated[str, Meta(examples=["Office"])]
    status: Annotated[str, Meta(examples=["active"])]
    company_name: str


class Order(Struct):
    """Amounts in cents of `currency`. What follows `updated_at` comes when it is asked for."""

    id: Id
    status: Annotated[str, Meta(examples=["completed"])]
    parent_id: int | None
    receipt_number: str | None
    invoice_no: Annotated[str, Meta(examples=["FCT-0101"])]
    fulfillment_type: str
    type: Annotated[str, Meta(examples=["payment"])]
    mode: Annotated[str, Meta(examples=["live"])]
    shipping_status: str
    customer_id: Id
    payment_method: str
    payment_status: Annotated[str, one_of("PaymentStatus"), Meta(examples=["paid"])]
    payment_method_title: str
    currency: Annotated[str, Meta(examples=["USD"])]
    subtotal: Cents
    discount_tax: Cents
    manual_discount_total: Cents
    coupon_discount_total: Cents
    shipping_tax: Cents
    shipping_total: Cents
    fee_total: Cents
    tax_total: Cents
    total_amount: Cents
    total_paid: Cents
    total_refund: Cents
    rate: Rate
    tax_behavior: int
    note: str
    ip_address: str
    completed_at: Moment | None
    refunded_at: Moment | None
    uuid: Uuid
    config: dict[str, Any] | Nothing
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("payments, refunds, and changes of status or customer")]
    order_items: list[Item] | UnsetType = UNSET
    filtered_order_items: list[Item] | UnsetType = UNSET
    transactions: list[Transaction] | UnsetType = UNSET
    billing_address: OrderAddress | UnsetType | None = UNSET
    shipping_address: OrderAddress | UnsetType | None = UNSET


class Label(Struct):
    id: Id
    value: Annotated[str, Meta(examples=["VIP"])]
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("renaming")]


class CarriedLabel(Label):
    """A label that a customer carries."""

    label_id: Id


class LinkedUser(Struct):
    ID: Id
    user_login: str
    user_email: Email
    display_name: Name


class User(LinkedUser):
    """A WordPress user."""

    first_name: str
    last_name: str
    user_url: str
    user_nicename: str


class Customer(Struct):
    """Amounts in cents. What follows `user_link` comes when it is asked for."""

    id: Id
    user_id: int | None
    contact_id: int | None
    email: Email
    first_name: Annotated[str, Meta(examples=["Jane"])]
    last_name: Annotated[str, Meta(examples=["Smith"])]
    status: Status
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
    orders: list[Order] | UnsetType = UNSET
    orders_count: int | UnsetType = UNSET
    billing_address: list[Address] | UnsetType = UNSET
    shipping_address: list[Address] | UnsetType = UNSET
    primary_billing_address: Address | UnsetType | None = UNSET
    primary_shipping_address: Address | UnsetType | None = UNSET
    subscriptions: Nothing | UnsetType = UNSET
    wp_user: LinkedUser | UnsetType | None = UNSET
