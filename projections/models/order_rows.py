"""Rows of orders, with their items and transactions."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec


class ItemRow(msgspec.Struct, frozen=True, gc=False):
    """A line, in the keys and order that clients know."""

    id: int
    order_id: int
    post_id: int | None
    fulfillment_type: str
    payment_type: str
    post_title: str
    title: str
    object_id: int | None
    cart_index: int
    quantity: int
    unit_price: int
    cost: int
    subtotal: int
    tax_amount: int
    shipping_charge: int
    discount_total: int
    line_total: int
    refund_total: int
    rate: Decimal
    other_info: dict[str, Any] | list[Any]  # a list where there is nothing, as PHP has it
    line_meta: dict[str, Any] | list[Any]
    fulfilled_quantity: int
    referrer: str | None
    created_at: str
    updated_at: str


class TransactionRow(msgspec.Struct, frozen=True, gc=False):
    id: int
    order_id: int
    order_type: str
    transaction_type: str
    status: str
    currency: str
    total: int
    payment_method: str
    payment_mode: str
    vendor_charge_id: str
    uuid: str
    created_at: str
    updated_at: str


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """`variations` are the `object_id`s of the items, for filters.

    `words_of` says whose the words are that came with a transfer: by field, whose order it was when it was written.
    """

    id: int
    status: str
    parent_id: int | None
    receipt_number: str | None
    invoice_no: str
    fulfillment_type: str
    type: str
    mode: str
    shipping_status: str
    customer_id: int
    payment_method: str
    payment_status: str
    payment_method_title: str
    currency: str
    subtotal: int
    discount_tax: int
    manual_discount_total: int
    coupon_discount_total: int
    shipping_tax: int
    shipping_total: int
    fee_total: int
    tax_total: int
    total_amount: int
    total_paid: int
    total_refund: int
    rate: Decimal
    tax_behavior: int
    note: str
    ip_address: str
    completed_at: datetime | None
    refunded_at: datetime | None
    uuid: str
    config: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    items: list[ItemRow]
    transactions: list[TransactionRow]
    billing_address: dict[str, str] | None
    shipping_address: dict[str, str] | None
    variations: tuple[int, ...]
    words_of: dict[str, int] | None
