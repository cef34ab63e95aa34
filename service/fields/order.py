"""What a client may send of an order."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from msgspec import field

from domain.order import PlaceOrder, payment_status
from domain.terms import (
    Item,
    ItemWords,
    OrderDetails,
    OrderStatus,
    OrderWords,
    Terms,
)
from domain.value import DEFAULT_CURRENCY, MAX_CENTS, PaymentStatus, UnpaidStatus, is_currency
from service.fields.choices import ORDER_MODE, ORDER_STATUS, ORDER_TYPE, PAYMENT_STATUS, UNPAID_STATUS
from service.fields.compound import Document, Each
from service.fields.input import Input
from service.fields.kinds import Cents, Id, Integer, Lines, Moment, OneOf, Rate, Schema, Text
from service.fields.reader import Fields

MAX_ITEMS = 500
MAX_QUANTITY = 1_000_000
MAX_NOTE = 65_535


@dataclass(frozen=True)
class Currency(Text):
    """The currency in capital letters, however it was sent."""

    max_length: int = len(DEFAULT_CURRENCY)
    schema: ClassVar[Schema] = {"type": "string", "pattern": "^[A-Za-z]{3}$"}

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        code = super().take(fields, name, absent)
        if code is not absent and not (code.isascii() and is_currency(code.upper())):
            fields.refuse(name, "invalid", "must be three letters such as USD.")
        return code and code.upper()


class NewItem(Input, forbid_unknown_fields=True):
    quantity: Annotated[int, Integer(1, MAX_QUANTITY, example=2)] = 1
    unit_price: Annotated[int, Cents(example=2500)] = 0
    cost: Annotated[int, Cents()] = 0
    subtotal: Annotated[int, Cents()] = 0
    tax_amount: Annotated[int, Cents()] = 0
    shipping_charge: Annotated[int, Cents()] = 0
    discount_total: Annotated[int, Cents()] = 0
    line_total: Annotated[int, Cents()] = 0
    refund_total: Annotated[int, Cents()] = 0
    object_id: Annotated[int | None, Id(about="The product's variation, which filters by items look for.")] = None
    post_id: Annotated[int | None, Id()] = None
    fulfillment_type: Annotated[str, Text()] = ""
    payment_type: Annotated[str | None, Text()] = None
    title: Annotated[str, Text(example="Monthly")] = ""
    post_title: Annotated[str, Text(example="Coffee")] = ""
    other_info: Annotated[dict[str, Any], Document(example={"size": "L"})] = field(default_factory=dict)
    line_meta: Annotated[dict[str, Any], Document(example={"size": "L"})] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Before discounts."""
        return self.subtotal or self.quantity * self.unit_price

    def item(self, place: int) -> Item:
        """It still lacks its id."""
        return self.fill(
            Item,
            id=0,
            payment_type=self.payment_type or "onetime",
            cart_index=place,
            subtotal=self.total,
            line_total=self.line_total or max(0, self.total - self.discount_total),
        )


class NewOrder(Input, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[int | None, Id(about="Allocated, if it is not given.")] = None
    total_amount: Annotated[int, Cents(example=5000)]
    items: Annotated[Sequence[NewItem], Each(NewItem, MAX_ITEMS)] = ()
    total_paid: Annotated[int | None, Cents(example=5000)] = None
    total_refund: Annotated[int, Cents()] = 0
    payment_status: Annotated[
        PaymentStatus | None,
        OneOf(PAYMENT_STATUS, about="Follows from the amounts, if it is not given: an order of nothing is paid."),
    ] = None
    invoice_no: Annotated[str, Text()] = ""
    fulfillment_type: Annotated[str, Text()] = ""
    shipping_status: Annotated[str, Text()] = ""
    payment_method: Annotated[str, Text()] = ""
    subtotal: Annotated[int, Cents()] = 0
    discount_tax: Annotated[int, Cents()] = 0
    manual_discount_total: Annotated[int, Cents()] = 0
    coupon_discount_total: Annotated[int, Cents()] = 0
    shipping_tax: Annotated[int, Cents()] = 0
    shipping_total: Annotated[int, Cents()] = 0
    fee_total: Annotated[int, Cents()] = 0
    tax_total: Annotated[int, Cents()] = 0
    customer_id: Annotated[int, Id(example=1)]
    currency: Annotated[str | None, Currency(example="USD", about="The store's, if not given.")] = None
    created_at: Annotated[datetime | None, Moment()] = None
    status: Annotated[OrderStatus, OneOf(ORDER_STATUS)] = "on-hold"
    rate: Annotated[Decimal | None, Rate(about="The store's cents for one of the order's; 1, if not given.")] = None
    parent_id: Annotated[int | None, Id()] = None
    type: Annotated[str, OneOf(ORDER_TYPE)] = "payment"
    mode: Annotated[str, OneOf(ORDER_MODE)] = "live"
    receipt_number: Annotated[str | None, Text()] = None
    payment_method_title: Annotated[str, Text()] = ""
    ip_address: Annotated[str | None, Text(45, blank="")] = None
    note: Annotated[str | None, Lines(MAX_NOTE, blank="")] = None

    def check(self, fields: Fields) -> None:
        if self.total_refund > self.paid:
            fields.refuse("total_refund", "max", "may not be greater than what was paid.")
        if self.total > MAX_CENTS:
            fields.refuse("subtotal", "max", f"may not be greater than {MAX_CENTS}.")

    @property
    def paid(self) -> int:
        if self.total_paid is not None:
            return self.total_paid
        return self.total_amount if self.payment_status == "paid" else 0

    @property
    def total(self) -> int:
        """The sum of the items, before discounts."""
        return self.subtotal or sum(item.total for item in self.items)

    @property
    def details(self) -> OrderDetails:
        """What the order says about the person; None for what was not sent."""
        return self.fill(OrderDetails)

    def placed(self, store_currency: str, now: datetime) -> PlaceOrder:
        """What was ordered, and what of it is paid already. The items still lack their ids."""
        given = self.payment_status
        terms = self.fill(
            Terms,
            uuid=uuid4().hex,
            currency=self.currency or store_currency,
            total_paid=self.paid,
            payment_status=given or payment_status(self.total_amount, self.paid, self.total_refund),
            created_at=self.created_at or now,
            items=tuple(item.item(place) for place, item in enumerate(self.items)),
            subtotal=self.total,
        )
        words = self.fill(OrderWords, items=tuple(item.fill(ItemWords) for item in self.items))
        return PlaceOrder(terms=terms, words=words)


class OrderChange(Input, forbid_unknown_fields=True):
    status: Annotated[OrderStatus | None, OneOf(ORDER_STATUS, example="completed")] = None
    payment_status: Annotated[UnpaidStatus | None, OneOf(UNPAID_STATUS)] = None
    note: Annotated[str | None, Lines(MAX_NOTE, blank="")] = None
