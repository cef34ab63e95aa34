"""Orders with their items and transactions, and what they hold about the person."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import repeat
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from domain.customer import CustomerErased, OrderDetailsRecorded
from domain.order import (
    OrderDeleted,
    OrderPlaced,
    OrderStatusChanged,
    OrderTransferred,
    PaymentRecorded,
    PaymentStatusChanged,
    RefundRecorded,
    payment_status,
)
from domain.terms import SILENT, SILENT_ITEM, Item, ItemWords, Terms, Transaction
from domain.text.folding import folded
from domain.value import OrderValue
from projections.models.order_rows import ItemRow, OrderRow, TransactionRow
from projections.tables.derived import Derived, folded_columns
from projections.tables.projection import Change, Envelope, ErasedRows, Projection, gone, of_stream, utc
from projections.tables.table import Table


def _of_details(event: OrderDetailsRecorded, _envelope: Envelope) -> tuple[int]:
    return (event.order_id,)


def _of_erased(event: CustomerErased, _envelope: Envelope) -> tuple[int, ...]:
    return event.orders


def _placed(id_: int, _row: OrderRow | None, event: OrderPlaced, _envelope: Envelope) -> OrderRow:
    terms, words = event.terms, event.words or SILENT
    created = utc(terms.created_at)
    said = _told(created)
    of_items = words.items or repeat(SILENT_ITEM)
    told = *terms_before_title(terms), words.payment_method_title, *terms_after_title(terms)
    return OrderRow(  # type: ignore[misc]  # the run by place ends where the names begin
        id_,
        *told,
        note="",
        ip_address="",
        completed_at=terms.completed_at and utc(terms.completed_at),
        refunded_at=terms.refunded_at and utc(terms.refunded_at),
        uuid=terms.uuid,
        config=words.config,
        created_at=created,
        updated_at=utc(terms.updated_at) if terms.updated_at else created,
        items=[_item(item, of_item, id_, said) for item, of_item in zip(terms.items, of_items, strict=False)],
        transactions=[_transaction(transaction, id_, terms) for transaction in terms.transactions],
        billing_address=None,
        shipping_address=None,
        variations=tuple(sorted({item.object_id for item in terms.items if item.object_id is not None})),
        words_of=None,
    )


# Fields that an event's part shares with its row, in the row's order: handed over by place, which takes a fifth of the
# time that names take.
_ORDER, _ITEM = OrderRow.__struct_fields__, ItemRow.__struct_fields__
_TITLE, _RATE = _ORDER.index("payment_method_title"), _ITEM.index("rate")
_TERMS = ["applied_rate" if name == "rate" else name for name in _ORDER[:27]]
terms_before_title, terms_after_title = attrgetter(*_TERMS[1:_TITLE]), attrgetter(*_TERMS[_TITLE + 1 :])
item_before_title, item_after_title = attrgetter(*_ITEM[2:5]), attrgetter(*_ITEM[7 : _RATE + 1])


def _item(item: Item, words: ItemWords, order_id: int, created_at: str) -> ItemRow:
    known = (
        item.id, order_id, *item_before_title(item), words.post_title, words.title, *item_after_title(item),
        words.other_info or [], words.line_meta or [], item.fulfilled_quantity, words.referrer, created_at, created_at,
    )  # fmt: skip
    return ItemRow(*known)


def _told(at: datetime) -> str:
    """The text that `str` gives, in a tenth of the time."""
    told: str = msgspec.to_builtins(at)
    return told.replace("T", " ")


def _transaction(transaction: Transaction, order_id: int, terms: Terms) -> TransactionRow:
    created_at = _told(utc(transaction.created_at or terms.created_at))
    known = asdict(transaction) | {"created_at": created_at, "updated_at": created_at}
    return TransactionRow(order_id=order_id, order_type=terms.type, currency=terms.currency, **known)


def _paid(_id: int, row: OrderRow | None, event: PaymentRecorded, envelope: Envelope) -> OrderRow | None:
    return row and _moved(row, envelope, "charge", event.transaction_id, event.paid_at, paid=event.amount)


def _refunded(_id: int, row: OrderRow | None, event: RefundRecorded, envelope: Envelope) -> OrderRow | None:
    return row and _moved(row, envelope, "refund", event.transaction_id, event.refunded_at, refunded=event.amount)


def _moved(
    row: OrderRow, envelope: Envelope, type_: str, transaction_id: str, moved_at: datetime | None, *,
    paid: int = 0, refunded: int = 0,
) -> OrderRow:  # fmt: skip
    at = utc(moved_at) if moved_at else envelope.at
    said = _told(at)
    total_paid, total_refund = row.total_paid + paid, row.total_refund + refunded
    id_ = _transaction_id(row, type_, transaction_id)
    transaction = TransactionRow(
        id=id_,
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
        created_at=said,
        updated_at=said,
    )
    return replace(
        row,
        total_paid=total_paid,
        total_refund=total_refund,
        payment_status=payment_status(row.total_amount, total_paid, total_refund),
        refunded_at=at if refunded else row.refunded_at,
        transactions=[*[known for known in row.transactions if known.id != id_], transaction],
        updated_at=envelope.at,
    )


def _transaction_id(row: OrderRow, type_: str, transaction_id: str) -> int:
    following = 1
    for known in row.transactions:
        # One that was known and had not moved, such as an imported pending charge, is settled now.
        if known.vendor_charge_id == transaction_id and known.transaction_type == type_:
            return known.id
        following = max(following, known.id + 1)
    return following


def _status_changed(_id: int, row: OrderRow | None, event: OrderStatusChanged, envelope: Envelope) -> OrderRow | None:
    if row is None:
        return None
    at = envelope.at
    completed = at if event.status == "completed" else row.completed_at
    return replace(row, status=event.status, completed_at=completed, updated_at=at)


def _payment_status_changed(
    _id: int, row: OrderRow | None, event: PaymentStatusChanged, envelope: Envelope
) -> OrderRow | None:
    return row and replace(row, payment_status=event.payment_status, updated_at=envelope.at)


# What an order says about the person, as it is where nothing is said. Items have words beside their numbers.
UNSAID: dict[str, Any] = {
    "note": "", "ip_address": "", "billing_address": None, "shipping_address": None,
    "payment_method_title": "", "config": {},
}  # fmt: skip
UNSAID_OF_ITEM: dict[str, Any] = {"title": "", "post_title": "", "other_info": [], "line_meta": [], "referrer": None}


def _said(row: OrderRow) -> Iterator[str]:
    yield from (name for name, unsaid in UNSAID.items() if getattr(row, name) != unsaid)
    if any(_is_said(item) for item in row.items):
        yield "items"


def _is_said(item: ItemRow) -> bool:
    return any(getattr(item, name) != unsaid for name, unsaid in UNSAID_OF_ITEM.items())


def silenced(row: OrderRow, names: Iterable[str]) -> OrderRow:
    """Without these words."""
    gone = {name: UNSAID.get(name) for name in names}
    if "items" in gone:
        gone["items"] = [replace(item, **UNSAID_OF_ITEM) if _is_said(item) else item for item in row.items]
    left = {name: whose for name, whose in (row.words_of or {}).items() if name not in gone}
    return replace(row, **gone, words_of=left or None)


def _transferred(_id: int, row: OrderRow | None, event: OrderTransferred, envelope: Envelope) -> OrderRow | None:
    """What the order says goes with it, and is still about the one whose order it was."""
    if row is None:
        return None
    words_of = dict.fromkeys(_said(row), row.customer_id) | (row.words_of or {})
    return replace(row, customer_id=event.customer_id, words_of=words_of or None, updated_at=envelope.at)


def _details_recorded(
    _id: int, row: OrderRow | None, event: OrderDetailsRecorded, envelope: Envelope
) -> OrderRow | None:
    if row is None or row.customer_id != envelope.stream_id:
        return row
    said = {name: value for name, value in msgspec.to_builtins(event.details).items() if value is not None}
    return replace(silenced(row, said) if row.words_of else row, **said)


def _forgotten(_id: int, row: OrderRow | None, _event: CustomerErased, envelope: Envelope) -> OrderRow | None:
    """All that the order of the erased says; of one that has moved, what was said while it was the erased one's."""
    if row is None:
        return None
    if row.customer_id == envelope.stream_id:
        return silenced(row, [*_said(row)])
    return silenced(row, [name for name, whose in (row.words_of or {}).items() if whose == envelope.stream_id])


def value_of(row: OrderRow) -> OrderValue:
    """What the order means for its customer's figures."""
    return OrderValue._make(value(row))


value = attrgetter(*OrderValue._fields)


FOLDED = ("invoice_no", "receipt_number", "payment_method", "payment_method_title", "note")


def _searched(invoice_no: str, items: list[ItemRow]) -> str:
    return "\n".join(map(folded, (invoice_no, *(text for item in items for text in (item.title, item.post_title)))))


# The first index serves a customer's orders and the sum of their values; the second, filters by what was bought; the
# third, an erasure.
ORDERS: Projection[OrderRow] = Projection(
    Table(
        "orders",
        OrderRow,
        [
            "CREATE INDEX orders_customer_idx ON orders (customer_id, id)",
            "CREATE INDEX orders_variations_idx ON orders USING gin (variations) WHERE variations <> '{}'",
            "CREATE INDEX orders_words_of_idx ON orders (id) WHERE words_of IS NOT NULL",
            "CREATE INDEX orders_invoice_idx ON orders (invoice_no_folded) WHERE invoice_no_folded <> ''",
            "CREATE INDEX orders_receipt_idx ON orders (receipt_number_folded) WHERE receipt_number_folded <> ''",
        ],
        derived=[*folded_columns(*FOLDED), Derived("searched", ("invoice_no", "items"), _searched)],
    ),
    {
        OrderPlaced: Change(of_stream, _placed, makes=True),
        PaymentRecorded: Change(of_stream, _paid),
        RefundRecorded: Change(of_stream, _refunded),
        OrderStatusChanged: Change(of_stream, _status_changed),
        PaymentStatusChanged: Change(of_stream, _payment_status_changed),
        OrderTransferred: Change(of_stream, _transferred),
        OrderDeleted: Change(of_stream, gone),
        OrderDetailsRecorded: Change(_of_details, _details_recorded),
        CustomerErased: Change(_of_erased, _forgotten),
    },
    erased=ErasedRows("orders"),  # in a copy, what others had of them is folded anew before it is live: see catch_up
    version=3,
)
