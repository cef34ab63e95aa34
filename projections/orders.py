"""Orders with their items and transactions, and what they hold about the person."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from domain.customer import CustomerErased, OrderDetailsRecorded
from domain.event import Recorded
from domain.order import (
    Item,
    OrderDeleted,
    OrderPlaced,
    OrderStatusChanged,
    OrderTransferred,
    PaymentRecorded,
    PaymentStatusChanged,
    RefundRecorded,
    Terms,
    Transaction,
    payment_status,
)
from domain.value import OrderValue
from projections.projection import Projection, utc
from projections.table import Table


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
    other_info: dict[str, Any]
    line_meta: dict[str, Any]
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
    """`variations` are the `object_id`s of the items, for filters."""

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


def keys(recorded: Recorded) -> tuple[int, ...]:
    if recorded.stream.category == "order":
        return (recorded.stream.id,)
    match recorded.event:
        case OrderDetailsRecorded(order_id=order_id):
            return (order_id,)
        case CustomerErased(orders=orders):
            return orders
        case _:
            return ()


def evolve(id_: int, row: OrderRow | None, recorded: Recorded) -> OrderRow | None:
    if isinstance(recorded.event, OrderPlaced):
        return _placed(id_, recorded.event.terms)
    if row is None:
        return None
    at = utc(recorded.occurred_at)
    match recorded.event:
        case PaymentRecorded(amount=amount) as paid:
            return _moved(row, at, "charge", paid.transaction_id, paid.paid_at, paid=amount)
        case RefundRecorded(amount=amount) as refund:
            return _moved(row, at, "refund", refund.transaction_id, refund.refunded_at, refunded=amount)
        case OrderStatusChanged(status=status):
            completed = at if status == "completed" else row.completed_at
            return replace(row, status=status, completed_at=completed, updated_at=at)
        case PaymentStatusChanged() as change:
            return replace(row, payment_status=change.payment_status, updated_at=at)
        case OrderTransferred(customer_id=customer_id):
            return replace(row, customer_id=customer_id, updated_at=at, **FORGOTTEN)
        case OrderDetailsRecorded(details=details) if row.customer_id == recorded.stream.id:
            said = {name: value for name, value in msgspec.to_builtins(details).items() if value is not None}
            return replace(row, **said)
        case CustomerErased() if row.customer_id == recorded.stream.id:
            return replace(row, **FORGOTTEN)
        case OrderDeleted():
            return None
        case _:
            return row


FORGOTTEN: dict[str, Any] = {"note": "", "ip_address": "", "billing_address": None, "shipping_address": None}


def _placed(id_: int, terms: Terms) -> OrderRow:
    created = utc(terms.created_at)
    same = {name: getattr(terms, name) for name in SAME}
    return OrderRow(
        id=id_,
        note="",
        ip_address="",
        completed_at=terms.completed_at and utc(terms.completed_at),
        refunded_at=terms.refunded_at and utc(terms.refunded_at),
        created_at=created,
        updated_at=utc(terms.updated_at) if terms.updated_at else created,
        items=[_item(item, id_, str(created)) for item in terms.items],
        transactions=[_transaction(transaction, id_, terms) for transaction in terms.transactions],
        billing_address=None,
        shipping_address=None,
        variations=tuple(sorted({item.object_id for item in terms.items if item.object_id is not None})),
        **same,
    )


SAME = tuple(name for name in Terms.__struct_fields__ if name in OrderRow.__struct_fields__ and not (
    name.endswith("_at") or name in {"items", "transactions"}
))  # fmt: skip


def _item(item: Item, order_id: int, created_at: str) -> ItemRow:
    return ItemRow(order_id=order_id, created_at=created_at, updated_at=created_at, **asdict(item))


def _transaction(transaction: Transaction, order_id: int, terms: Terms) -> TransactionRow:
    created_at = str(utc(transaction.created_at or terms.created_at))
    known = asdict(transaction) | {"created_at": created_at, "updated_at": created_at}
    return TransactionRow(order_id=order_id, order_type=terms.type, currency=terms.currency, **known)


def _moved(
    row: OrderRow, recorded_at: datetime, type_: str, transaction_id: str, moved_at: datetime | None, *,
    paid: int = 0, refunded: int = 0,
) -> OrderRow:  # fmt: skip
    at = utc(moved_at) if moved_at else recorded_at
    total_paid, total_refund = row.total_paid + paid, row.total_refund + refunded
    # One that was known and had not moved, such as an imported pending charge, is settled now.
    named = (type_, transaction_id)
    same = (known.id for known in row.transactions if (known.transaction_type, known.vendor_charge_id) == named)
    following = max((known.id for known in row.transactions), default=0) + 1
    transaction = TransactionRow(
        id=next(same, following),
        order_id=row.id,
        order_type=row.type,
        transaction_type=type_,
        status="succeeded" if paid else "refunded",
        currency=row.currency,
        total=paid or refunded,
        payment_method=row.payment_method,
        payment_mode=row.mode,
        vendor_charge_id=transaction_id,
        uuid="",
        created_at=str(at),
        updated_at=str(at),
    )
    return replace(
        row,
        total_paid=total_paid,
        total_refund=total_refund,
        payment_status=payment_status(row.total_amount, total_paid, total_refund),
        refunded_at=at if refunded else row.refunded_at,
        transactions=[*(known for known in row.transactions if known.id != transaction.id), transaction],
        updated_at=recorded_at,
    )


def value_of(row: OrderRow) -> OrderValue:
    """What the order means for its customer's figures."""
    return OrderValue(row.payment_status, row.total_paid, row.total_refund, row.rate, row.currency, row.created_at)


# The first index serves a customer's orders and the sum of their values; the second, filters by what was bought.
ORDERS: Projection[OrderRow] = Projection(
    Table(
        "orders",
        OrderRow,
        [
            "CREATE INDEX orders_customer_idx ON orders (customer_id, id)",
            "CREATE INDEX orders_variations_idx ON orders USING gin (variations) WHERE variations <> '{}'",
        ],
    ),
    keys,
    evolve,
)
