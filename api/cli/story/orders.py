"""Orders."""

from api.cli.story.words import because, from_to, many, one_line, otherwise, value_before
from api.presentation.money import money
from domain.event import Event
from domain.order import (
    OrderDeleted,
    OrderPlaced,
    OrderStatusChanged,
    OrderTransferred,
    PaymentRecorded,
    PaymentStatusChanged,
    RefundRecorded,
)
from domain.terms import Terms
from projections.history.changes import Changes


def order_sentence(id_: int, event: Event, changes: Changes, currency: str) -> str:
    match event:
        case OrderPlaced(terms=terms):
            return _placed(id_, terms)
        case PaymentRecorded(amount=amount, transaction_id=transaction):
            return f"{money(amount, currency)} were paid for order {id_}, by transaction {one_line(transaction)}."
        case RefundRecorded(amount=amount, transaction_id=transaction, words=words):
            by = f"by transaction {one_line(transaction)}{because(words.reason) if words else ''}"
            return f"{money(amount, currency)} of order {id_} were refunded, {by}."
        case OrderStatusChanged(status=status):
            return f"The status of order {id_} went {from_to(value_before(changes, 'status'), status)}."
        case PaymentStatusChanged(payment_status=status):
            return f"The payment of order {id_} went {from_to(value_before(changes, 'payment_status'), status)}."
        case OrderTransferred(customer_id=customer_id, former_customer_id=former):
            return f"Order {id_} went from customer {former} to customer {customer_id}."
        case OrderDeleted():
            return f"Order {id_} was deleted."
        case _:
            return otherwise(event, changes)


def _placed(id_: int, terms: Terms) -> str:
    invoice = f" (invoice {one_line(terms.invoice_no)})" if terms.invoice_no else ""
    items = f", {many(len(terms.items), 'item')}" if terms.items else ""
    paid = f", {money(terms.total_paid, terms.currency)} of it paid" if terms.total_paid else ""
    refunded = f", {money(terms.total_refund, terms.currency)} refunded" if terms.total_refund else ""
    amount = money(terms.total_amount, terms.currency)
    status = terms.payment_status.replace("_", " ")
    return f"Order {id_}{invoice} was placed for {amount}{items}{paid}{refunded}; its payment is {status}."
