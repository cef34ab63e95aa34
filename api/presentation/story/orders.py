"""Orders."""

from api.presentation.money import money
from api.presentation.story.words import because, from_to, many, one_line, otherwise, value_before
from domain.event import Event
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
    amount = money(terms.total_amount, terms.currency)
    return f"Order {id_}{invoice} was placed for {amount}{items}{_came_with(terms)}."


def _came_with(terms: Terms) -> str:
    """What was paid and refunded by then, and the payment's status where that does not follow from it."""
    total, paid, refund = terms.total_amount, terms.total_paid, terms.total_refund
    refunded = f" and {money(refund, terms.currency)} refunded" if refund else ""
    moved = f", {'' if paid == total else f'{money(paid, terms.currency)} '}paid{refunded}" if paid or refund else ""
    if moved and terms.payment_status == payment_status(total, paid, refund):
        return moved
    return f"{moved}; its payment is {terms.payment_status.replace('_', ' ')}"
