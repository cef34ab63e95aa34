"""Reading an order from a request."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from domain.customer import OrderDetails
from domain.order import (
    ORDER_MODES,
    ORDER_STATUSES,
    ORDER_TYPES,
    Item,
    ItemWords,
    OrderWords,
    PlaceOrder,
    Terms,
    payment_status,
)
from domain.transaction import PAYMENT_STATUSES
from domain.value import MAX_CENTS, is_currency
from service.fields.documents import document
from service.fields.reader import Fields

TEXTS = ("invoice_no", "fulfillment_type", "shipping_status", "payment_method")
AMOUNTS = (
    "subtotal", "discount_tax", "manual_discount_total", "coupon_discount_total", "shipping_tax", "shipping_total",
    "fee_total", "tax_total",
)  # fmt: skip
ITEM_AMOUNTS = (
    "unit_price", "cost", "subtotal", "tax_amount", "shipping_charge", "discount_total", "line_total", "refund_total",
)  # fmt: skip
MAX_ITEMS = 500
MAX_QUANTITY = 1_000_000
MAX_NOTE = 65_535


def read_order(fields: Fields, store_currency: str, now: datetime) -> PlaceOrder:
    """What was ordered, and what of it is paid already. The items still lack their ids."""
    none, zero = fields.optional(absent=None, empty=None), fields.optional(absent=0, empty=0)
    total_amount = fields.required.cents("total_amount")
    sent = fields.each("items", MAX_ITEMS)
    items = tuple(_item(item, place) for place, item in enumerate(sent))
    total_paid, total_refund = none.cents("total_paid"), zero.cents("total_refund")
    given = none.choice("payment_status", PAYMENT_STATUSES)
    if total_paid is None:
        total_paid = total_amount if given == "paid" else 0
    if total_refund > total_paid:
        fields.refuse("total_refund", "max", "may not be greater than what was paid.")
    texts: dict[str, Any] = {name: none.text(name) or "" for name in TEXTS}
    amounts: dict[str, Any] = {name: zero.cents(name) for name in AMOUNTS}
    amounts["subtotal"] = amounts["subtotal"] or sum(item.subtotal for item in items)
    if amounts["subtotal"] > MAX_CENTS:
        fields.refuse("subtotal", "max", f"may not be greater than {MAX_CENTS}.")
    terms = Terms(
        customer_id=fields.required.id("customer_id"),
        uuid=uuid4().hex,
        currency=_currency(fields, store_currency),
        total_amount=total_amount,
        total_paid=total_paid,
        total_refund=total_refund,
        payment_status=given or payment_status(total_amount, total_paid, total_refund),
        created_at=none.moment("created_at") or now,
        status=none.choice("status", ORDER_STATUSES) or "on-hold",
        rate=fields.optional(absent=None, empty=None).rate("rate"),
        items=items,
        parent_id=none.id("parent_id"),
        type=none.choice("type", ORDER_TYPES) or "payment",
        mode=none.choice("mode", ORDER_MODES) or "live",
        receipt_number=none.text("receipt_number"),
        **texts,
        **amounts,
    )
    words = OrderWords(
        items=tuple(map(_item_words, sent)), payment_method_title=none.text("payment_method_title") or ""
    )
    return PlaceOrder(terms=terms, words=words)


def read_details(fields: Fields) -> OrderDetails:
    """What the order says about the person; None for what was not sent."""
    ip_address = fields.optional(absent=None, empty="").text("ip_address", max_length=45)
    return OrderDetails(note=read_note(fields), ip_address=ip_address)


def read_note(fields: Fields) -> str | None:
    return fields.optional(absent=None, empty="").text("note", max_length=MAX_NOTE, lines=True)


def _currency(fields: Fields, default: str) -> str:
    """The currency in capital letters, however it was sent."""
    code = fields.optional(absent=default, empty=default).text("currency", max_length=len(default))
    if not code.isascii() or not is_currency(code.upper()):
        fields.refuse("currency", "invalid", "must be three letters such as USD.")
    return code.upper()


def _item(fields: Fields, place: int) -> Item:
    none, zero = fields.optional(absent=None, empty=None), fields.optional(absent=0, empty=0)
    quantity = fields.optional(absent=1, empty=1).integer("quantity", minimum=1, maximum=MAX_QUANTITY)
    amounts: dict[str, Any] = {name: zero.cents(name) for name in ITEM_AMOUNTS}
    amounts["subtotal"] = amounts["subtotal"] or quantity * amounts["unit_price"]
    amounts["line_total"] = amounts["line_total"] or max(0, amounts["subtotal"] - amounts["discount_total"])
    return Item(
        id=0,
        object_id=none.id("object_id"),
        post_id=none.id("post_id"),
        fulfillment_type=none.text("fulfillment_type") or "",
        payment_type=none.text("payment_type") or "onetime",
        cart_index=place,
        quantity=quantity,
        **amounts,
    )


def _item_words(fields: Fields) -> ItemWords:
    none = fields.optional(absent=None, empty=None)
    return ItemWords(
        title=none.text("title") or "",
        post_title=none.text("post_title") or "",
        other_info=document(fields, "other_info"),
        line_meta=document(fields, "line_meta"),
    )
