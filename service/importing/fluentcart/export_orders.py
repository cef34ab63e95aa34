"""Orders of a FluentCart export, with their items, transactions and addresses, as facts."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from secrets import token_hex
from typing import Annotated, Any, NamedTuple, TypeVar

from msgspec import field

from domain.address import AddressDetails, AddressType
from domain.customer import CUSTOMER, OrderDetailsRecorded, RecordOrderDetails
from domain.order import ORDER, PlaceOrder, placed
from domain.terms import Item, ItemWords, OrderDetails, OrderStatus, OrderWords, Terms, Transaction
from domain.value import ONE, PaymentStatus
from service.fields.choices import ORDER_STATUS, PAYMENT_STATUS
from service.fields.compound import Document, Sent
from service.fields.input import Input
from service.fields.kinds import Cents, Id, Integer, Lines, Moment, Nullable, OneOf, Rate, Text
from service.fields.order import MAX_NOTE, NewItem, NewOrder
from service.fields.reader import Fields
from service.importing.facts import Entry, Fact
from service.importing.fields import CurrencyCode
from service.importing.fluentcart.export import Export, by
from service.importing.fluentcart.export_people import ExportedDetails
from service.importing.orders_csv.orders import refund_beyond_payment

T = TypeVar("T", bound=Input)
P = TypeVar("P")


class ExportedOrder(NewOrder, kw_only=True, forbid_unknown_fields=False):
    """The fields of a request, as an export has them, and its own. Items are in a table of theirs."""

    id: Annotated[int, Id()]
    items: Annotated[Any, Sent()] = ()
    total_paid: Annotated[int, Cents()] = 0
    payment_status: Annotated[PaymentStatus, OneOf(PAYMENT_STATUS)]
    currency: Annotated[str, CurrencyCode()]
    created_at: Annotated[datetime, Moment()]
    status: Annotated[OrderStatus, OneOf(ORDER_STATUS)]
    parent_id: Annotated[int | None, Integer()] = None
    type: Annotated[str, Text()] = "payment"
    mode: Annotated[str, Text()] = "live"
    receipt_number: Annotated[str | None, Nullable()] = None
    ip_address: Annotated[str | None, Text(45)] = None
    note: Annotated[str | None, Lines(MAX_NOTE)] = None
    uuid: Annotated[str, Text(100)] = ""
    updated_at: Annotated[datetime | None, Moment()] = None
    tax_behavior: Annotated[int, Integer()] = 0
    completed_at: Annotated[datetime | None, Moment()] = None
    refunded_at: Annotated[datetime | None, Moment()] = None
    config: Annotated[dict[str, Any], Document()] = field(default_factory=dict)

    def check(self, fields: Fields) -> None:
        """Its amounts are facts, and need not fit."""


class ExportedItem(NewItem, kw_only=True, forbid_unknown_fields=False):
    """A request's, with more that an export says."""

    id: Annotated[int, Id()]
    object_id: Annotated[int | None, Integer()] = None
    post_id: Annotated[int | None, Integer()] = None
    cart_index: Annotated[int, Integer()] = 0
    quantity: Annotated[int, Integer()] = 1
    rate: Annotated[Decimal, Rate()] = ONE
    fulfilled_quantity: Annotated[int, Integer()] = 0
    title: Annotated[str, Text(MAX_NOTE)] = ""
    post_title: Annotated[str, Text(MAX_NOTE)] = ""
    referrer: Annotated[str | None, Nullable()] = None


class ExportedTransaction(Input, kw_only=True):
    id: Annotated[int, Id()]
    transaction_type: Annotated[str, Text()] = "charge"
    total: Annotated[int, Cents()]
    vendor_charge_id: Annotated[str, Text()] = ""
    status: Annotated[str, Text()] = "succeeded"
    payment_method: Annotated[str, Text()] = ""
    payment_mode: Annotated[str, Text()] = "live"
    uuid: Annotated[str, Text()] = ""
    created_at: Annotated[datetime | None, Moment()] = None


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

    for called, row in export.read("orders", ExportedOrder):
        if row.id in parts.broken:
            export.refuse(called, "Its items, transactions or addresses are not as they should be.")
            continue
        items = parts.items.get(row.id, ())
        terms = row.fill(
            Terms,
            uuid=row.uuid or token_hex(16),
            parent_id=row.parent_id or None,
            items=tuple(item for item, _ in items),
            transactions=tuple(parts.transactions.get(row.id, ())),
        )
        words = row.fill(OrderWords, items=tuple(of_item for _, of_item in items))
        addresses = dict(parts.addresses.get(row.id, ()))
        billing, shipping = addresses.get("billing"), addresses.get("shipping")
        details = row.fill(OrderDetails, billing_address=billing, shipping_address=shipping)
        notes = [refund_beyond_payment(terms)] if terms.total_refund > terms.total_paid else []
        yield Entry("orders", called, list(_facts(row.id, PlaceOrder(terms=terms, words=words), details)), notes)


def _parts(export: Export, known: set[str]) -> _Parts:
    broken: set[int] = set()

    def of_an_order(table: str, type_: type[T], part: Callable[[T], P]) -> dict[int, list[P]]:
        """Parts by order. An order with a row that can't be read is broken."""
        found: list[tuple[int, P]] = []
        for called, row in export.rows(table):
            order_id = str(row.get("order_id"))
            if order_id not in known:
                export.refuse(called, f"Order {order_id} is not in the export.")
            elif (made := export.read_one(called, row, type_)) is None:
                broken.add(int(order_id))
            else:
                found.append((int(order_id), part(made)))
        return by(found)

    return _Parts(
        of_an_order("order_items", ExportedItem, _item),
        of_an_order("order_transactions", ExportedTransaction, lambda row: row.fill(Transaction)),
        of_an_order("order_addresses", ExportedDetails, lambda row: (row.type, row.details)),
        broken,
    )


def _facts(id_: int, place: PlaceOrder, details: OrderDetails) -> Iterator[Fact]:
    customer_id, at = place.terms.customer_id, place.terms.created_at
    yield Fact(decider=ORDER, id=id_, event=placed(place), command=place, at=at, customer_id=customer_id)
    if details != OrderDetails():
        recorded = OrderDetailsRecorded(order_id=id_, details=details)
        command = RecordOrderDetails(order_id=id_, details=details)
        yield Fact(decider=CUSTOMER, id=customer_id, event=recorded, command=command, at=at, customer_id=customer_id)


def _item(row: ExportedItem) -> tuple[Item, ItemWords]:
    return row.fill(Item, payment_type=row.payment_type or "onetime"), row.fill(ItemWords)
