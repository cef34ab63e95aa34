"""Orders as clients know them."""

from collections.abc import Mapping
from operator import itemgetter
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from api.presentation.values import (
    Cents,
    Country,
    Email,
    Id,
    Moment,
    Name,
    Nothing,
    Rate,
    Row,
    State,
    Uuid,
    columns,
    document,
    moved_by,
    number,
    one_of,
)
from domain.address import AddressDetails
from projections.models.orders import ORDERS
from service.fields.choices import PAYMENT_STATUS
from service.values import shown


class ShownItem(Struct):
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


class ShownTransaction(Struct):
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


class ShownOrder(Struct):
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
    payment_status: Annotated[str, one_of(PAYMENT_STATUS), Meta(examples=["paid"])]
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
    order_items: list[ShownItem] | UnsetType = UNSET
    filtered_order_items: list[ShownItem] | UnsetType = UNSET
    transactions: list[ShownTransaction] | UnsetType = UNSET
    billing_address: OrderAddress | UnsetType | None = UNSET
    shipping_address: OrderAddress | UnsetType | None = UNSET


_values = itemgetter(*columns(ShownOrder, ORDERS.table.names))


def order(row: Row) -> ShownOrder:
    made = ShownOrder(*_values(row))
    made.rate = number(row["rate"])
    made.config = document(row["config"])
    return made


def whole_order(row: Row) -> ShownOrder:
    """An order with everything it holds."""
    made = order(row)
    made.order_items = shown(row["items"])
    made.transactions = shown(row["transactions"])
    made.billing_address = order_address(row["billing_address"])
    made.shipping_address = order_address(row["shipping_address"])
    return made


def order_address(stored: Any) -> OrderAddress | None:
    """With all its parts: those that are empty are not stored."""
    if stored is None:
        return None
    parts: Mapping[str, str] = msgspec.json.decode(stored) if isinstance(stored, bytes) else stored
    return OrderAddress(**asdict(msgspec.convert(parts, AddressDetails)))
