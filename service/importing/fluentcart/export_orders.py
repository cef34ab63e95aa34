"""Orders of a FluentCart export, with their items, transactions and addresses, as facts."""

from collections.abc import Iterator
from datetime import datetime
from secrets import token_hex
from typing import Any, NamedTuple

from domain.address import ADDRESS_TYPES, AddressDetails, AddressType
from domain.customer import CUSTOMER, OrderDetailsRecorded, RecordOrderDetails
from domain.order import ORDER, PlaceOrder, placed
from domain.terms import (
    ORDER_STATUSES,
    Item,
    ItemWords,
    OrderDetails,
    OrderWords,
    Terms,
    Transaction,
)
from domain.value import ONE, PAYMENT_STATUSES
from service.fields.order import AMOUNTS, ITEM_AMOUNTS, MAX_NOTE
from service.fields.reader import Fields
from service.importing.facts import Entry, Fact
from service.importing.fields import document, nullable_text
from service.importing.fluentcart.export import Export, by
from service.importing.fluentcart.export_people import read_details
from service.importing.orders_csv.orders import refund_beyond_payment

ORDER_TEXTS = (
    "invoice_no", "fulfillment_type", "shipping_status", "payment_method",
)  # fmt: skip
TRANSACTION_TEXTS = ("vendor_charge_id", "payment_method", "uuid")


class _Parts(NamedTuple):
    """Parts of orders, by order."""

    items: dict[int, list[tuple[Item, ItemWords]]]
    transactions: dict[int, list[Transaction]]
    addresses: dict[int, list[tuple[AddressType, AddressDetails]]]
    broken: set[int]


def orders(export: Export) -> Iterator[Entry]:
    """An order goes in with all its parts or not at all, so that a mended file completes it."""
    known = {id_ for _called, row in export.rows("orders") if (id_ := str(row.get("id"))).isdecimal()}
    parts = _parts(export, known)

    def read(called: str, fields: Fields) -> Entry:
        id_ = fields.required.id("id")
        items = parts.items.get(id_, ())
        terms = _terms(fields, tuple(item for item, _ in items), tuple(parts.transactions.get(id_, ())))
        words = _words(fields, tuple(of_item for _, of_item in items))
        details = _details(fields, dict(parts.addresses.get(id_, ())))
        notes = [refund_beyond_payment(terms)] if terms.total_refund > terms.total_paid else []
        return Entry("orders", called, list(_facts(id_, PlaceOrder(terms=terms, words=words), details)), notes)

    for entry in export.read("orders", read):
        if entry.facts[0].id in parts.broken:
            export.refuse(entry.row, "Its items, transactions or addresses are not as they should be.")
        else:
            yield entry


def _parts(export: Export, known: set[str]) -> _Parts:
    broken: set[int] = set()

    def of_an_order(table: str, reader: Any) -> dict[int, list[Any]]:
        """Rows of a table by order. An order with a row that can't be read is broken."""
        found: list[tuple[int, Any]] = []
        for called, row in export.rows(table):
            order_id = str(row.get("order_id"))
            if order_id not in known:
                export.refuse(called, f"Order {order_id} is not in the export.")
                continue
            made = list(export.read_one(called, row, reader))
            broken.update([int(order_id)] if not made else [])
            found += [(int(order_id), each) for each in made]
        return by(found)

    return _Parts(
        of_an_order("order_items", _item),
        of_an_order("order_transactions", _transaction),
        of_an_order("order_addresses", _order_address),
        broken,
    )


def _terms(fields: Fields, items: tuple[Item, ...], transactions: tuple[Transaction, ...]) -> Terms:
    none, said = fields.optional(absent=None, empty=None), fields.optional(absent="", empty="")
    zero = fields.optional(absent=0, empty=0)
    texts: dict[str, Any] = {name: said.text(name) for name in ORDER_TEXTS}
    amounts: dict[str, Any] = {name: zero.cents(name) for name in AMOUNTS}
    return Terms(
        customer_id=fields.required.id("customer_id"),
        uuid=none.text("uuid", max_length=100) or token_hex(16),
        currency=fields.required.currency("currency"),
        total_amount=fields.required.cents("total_amount"),
        created_at=fields.required.moment("created_at"),
        updated_at=none.moment("updated_at"),
        total_paid=zero.cents("total_paid"),
        total_refund=zero.cents("total_refund"),
        payment_status=fields.required.choice("payment_status", PAYMENT_STATUSES),
        status=fields.required.choice("status", ORDER_STATUSES),
        rate=fields.optional(absent=None, empty=None).rate("rate"),
        items=items,
        transactions=transactions,
        receipt_number=nullable_text(fields, "receipt_number"),
        parent_id=none.integer("parent_id", minimum=0) or None,
        type=said.text("type") or "payment",
        mode=said.text("mode") or "live",
        tax_behavior=zero.integer("tax_behavior", minimum=0),
        completed_at=none.moment("completed_at"),
        refunded_at=none.moment("refunded_at"),
        **texts,
        **amounts,
    )


def _words(fields: Fields, items: tuple[ItemWords, ...]) -> OrderWords:
    title = fields.optional(absent="", empty="").text("payment_method_title")
    return OrderWords(items=items, payment_method_title=title, config=document(fields, "config"))


def _details(fields: Fields, addresses: dict[AddressType, AddressDetails]) -> OrderDetails:
    """None for what the row does not say."""
    none = fields.optional(absent=None, empty=None)
    return OrderDetails(
        note=none.text("note", max_length=MAX_NOTE, lines=True),
        ip_address=none.text("ip_address", max_length=45),
        billing_address=addresses.get("billing"),
        shipping_address=addresses.get("shipping"),
    )


def _facts(id_: int, place: PlaceOrder, details: OrderDetails) -> Iterator[Fact]:
    customer_id, at = place.terms.customer_id, place.terms.created_at
    yield Fact(decider=ORDER, id=id_, event=placed(place), command=place, at=at, customer_id=customer_id)
    if details != OrderDetails():
        recorded = OrderDetailsRecorded(order_id=id_, details=details)
        command = RecordOrderDetails(order_id=id_, details=details)
        yield Fact(decider=CUSTOMER, id=customer_id, event=recorded, command=command, at=at, customer_id=customer_id)


def _item(_called: str, fields: Fields) -> tuple[Item, ItemWords]:
    none, zero = fields.optional(absent=None, empty=None), fields.optional(absent=0, empty=0)
    said = fields.optional(absent="", empty="")
    item = Item(
        id=fields.required.id("id"),
        object_id=none.integer("object_id", minimum=0),
        post_id=none.integer("post_id", minimum=0),
        fulfillment_type=said.text("fulfillment_type"),
        payment_type=said.text("payment_type") or "onetime",
        cart_index=zero.integer("cart_index", minimum=0),
        quantity=fields.optional(absent=1, empty=1).integer("quantity", minimum=0),
        rate=fields.optional(absent=ONE, empty=ONE).rate("rate"),
        fulfilled_quantity=zero.integer("fulfilled_quantity", minimum=0),
        **{name: zero.cents(name) for name in ITEM_AMOUNTS},
    )
    words = ItemWords(
        title=said.text("title", max_length=MAX_NOTE),
        post_title=said.text("post_title", max_length=MAX_NOTE),
        other_info=document(fields, "other_info"),
        line_meta=document(fields, "line_meta"),
        referrer=nullable_text(fields, "referrer"),
    )
    return item, words


def _transaction(_called: str, fields: Fields) -> Transaction:
    said = fields.optional(absent="", empty="")
    created_at: datetime | None = fields.optional(absent=None, empty=None).moment("created_at")
    return Transaction(
        id=fields.required.id("id"),
        transaction_type=said.text("transaction_type") or "charge",
        total=fields.required.cents("total"),
        status=said.text("status") or "succeeded",
        payment_mode=said.text("payment_mode") or "live",
        created_at=created_at,
        **{name: said.text(name) for name in TRANSACTION_TEXTS},
    )


def _order_address(_called: str, fields: Fields) -> tuple[AddressType, AddressDetails]:
    return fields.required.choice("type", ADDRESS_TYPES), read_details(fields)
