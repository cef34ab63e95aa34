"""An order: what was bought, paid and refunded. What it says about the person is in its customer's stream, too."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeAlias, assert_never

import msgspec
from msgspec import field
from msgspec.structs import replace

from domain.event import Claim, Command, Decider, Event
from domain.refusals import (
    AmountTooLarge,
    OrderExists,
    OrderNotFound,
    PaymentStatusFollowsAmounts,
    RefundExceedsPayment,
    TransactionExists,
)
from domain.terms import (
    SILENT,
    SILENT_ITEM,
    Move,
    OrderStatus,
    OrderWords,
    RefundWords,
    Terms,
    moves_of,
    transaction_claim,
)
from domain.value import MAX_CENTS, PaymentStatus, UnpaidStatus


class OrderPlaced(Event, frozen=True, kw_only=True, tag="order-placed"):
    """`shared` are ids of its transactions that another order had before: facts stand as given."""

    personal = False
    terms: Terms
    shared: tuple[str, ...] = ()
    words: OrderWords | None = None


class PaymentRecorded(Event, frozen=True, kw_only=True, tag="payment-recorded"):
    personal = False
    amount: int
    transaction_id: str
    paid_at: datetime | None = None


class RefundRecorded(Event, frozen=True, kw_only=True, tag="refund-recorded"):
    personal = False
    amount: int
    transaction_id: str
    refunded_at: datetime | None = None
    words: RefundWords | None = None


class OrderStatusChanged(Event, frozen=True, kw_only=True, tag="order-status-changed"):
    personal = False
    status: OrderStatus


class PaymentStatusChanged(Event, frozen=True, kw_only=True, tag="payment-status-changed"):
    personal = False
    payment_status: UnpaidStatus


class OrderTransferred(Event, frozen=True, kw_only=True, tag="order-transferred"):
    personal = False
    customer_id: int
    former_customer_id: int


class OrderDeleted(Event, frozen=True, kw_only=True, tag="order-deleted"):
    personal = False


OrderEvent: TypeAlias = (
    OrderPlaced
    | PaymentRecorded
    | RefundRecorded
    | OrderStatusChanged
    | PaymentStatusChanged
    | OrderTransferred
    | OrderDeleted
)


class PlaceOrder(Command, frozen=True, kw_only=True):
    terms: Terms
    shared: tuple[str, ...] = ()
    words: OrderWords = SILENT


class RecordPayment(Command, frozen=True, kw_only=True):
    amount: int
    transaction_id: str
    paid_at: datetime | None = None


class RecordRefund(Command, frozen=True, kw_only=True):
    amount: int
    transaction_id: str
    refunded_at: datetime | None = None
    reason: str = ""


class ChangeOrderStatus(Command, frozen=True, kw_only=True):
    status: OrderStatus


class ChangePaymentStatus(Command, frozen=True, kw_only=True):
    payment_status: UnpaidStatus


class TransferOrder(Command, frozen=True, kw_only=True):
    customer_id: int


class DeleteOrder(Command, frozen=True, kw_only=True):
    pass


OrderCommand: TypeAlias = (
    PlaceOrder | RecordPayment | RecordRefund | ChangeOrderStatus | ChangePaymentStatus | TransferOrder | DeleteOrder
)


class Order(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """None stands for an order that was never placed.

    `moves` are by transaction id: one for each, but for what came with the order. `claimed` are the ids that no other
    order may have. `has_moved`: it was another customer's before.
    """

    customer_id: int
    total_amount: int
    total_paid: int
    total_refund: int
    payment_status: PaymentStatus
    status: OrderStatus
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)
    claimed: frozenset[Claim] = frozenset()
    has_moved: bool = False
    deleted: bool = False


def payment_status(total_amount: int, total_paid: int, total_refund: int) -> PaymentStatus:
    """What the amounts say. An order of nothing is paid from the start."""
    if total_refund:
        return "refunded" if total_refund >= total_paid else "partially_refunded"
    if total_paid or not total_amount:
        return "paid" if total_paid >= total_amount else "partially_paid"
    return "pending"


def evolve(state: Order | None, event: OrderEvent) -> Order | None:
    if isinstance(event, OrderPlaced):
        return _placed(event)
    if state is None:
        return None
    match event:
        case PaymentRecorded(amount=amount, transaction_id=id_):
            return _moved(state, id_, Move("payment", amount))
        case RefundRecorded(amount=amount, transaction_id=id_):
            return _moved(state, id_, Move("refund", amount))
        case OrderStatusChanged(status=status):
            return replace(state, status=status)
        case PaymentStatusChanged():
            return replace(state, payment_status=event.payment_status)
        case OrderTransferred(customer_id=customer_id):
            return replace(state, customer_id=customer_id, has_moved=True)
        case OrderDeleted():
            return replace(state, deleted=True, claimed=frozenset())
        case _:
            assert_never(event)


def transaction_ids(terms: Terms) -> frozenset[str]:
    """Ids of transactions that moved money before the order came here."""
    return frozenset(moves_of(terms.transactions)) - {""}


def _placed(event: OrderPlaced) -> Order:
    terms = event.terms
    return Order(
        customer_id=terms.customer_id,
        total_amount=terms.total_amount,
        total_paid=terms.total_paid,
        total_refund=terms.total_refund,
        payment_status=terms.payment_status,
        status=terms.status,
        moves=moves_of(terms.transactions),
        claimed=frozenset(map(transaction_claim, transaction_ids(terms) - {*event.shared})),
    )


def _moved(state: Order, transaction_id: str, move: Move) -> Order:
    is_refund = move.kind == "refund"
    total_paid = state.total_paid + (0 if is_refund else move.amount)
    total_refund = state.total_refund + (move.amount if is_refund else 0)
    return replace(
        state,
        total_paid=total_paid,
        total_refund=total_refund,
        payment_status=payment_status(state.total_amount, total_paid, total_refund),
        moves={**state.moves, transaction_id: (move,)},
        claimed=state.claimed | {transaction_claim(transaction_id)},
    )


def decide(command: OrderCommand, state: Order | None) -> list[OrderEvent]:
    if isinstance(command, PlaceOrder):
        if state is not None:
            raise OrderExists
        return [placed(command)]
    if state is None or state.deleted:
        raise OrderNotFound
    match command:
        case RecordPayment():
            return [] if _has_moved(command, state) else _pay(command, state)
        case RecordRefund():
            return [] if _has_moved(command, state) else _refund(command, state)
        case ChangeOrderStatus(status=status):
            return [] if status == state.status else [OrderStatusChanged(status=status)]
        case ChangePaymentStatus():
            return _change_payment_status(command.payment_status, state)
        case TransferOrder(customer_id=customer_id):
            former = state.customer_id
            return (
                [] if customer_id == former else [OrderTransferred(customer_id=customer_id, former_customer_id=former)]
            )
        case DeleteOrder():
            return [OrderDeleted()]
        case _:
            assert_never(command)


def placed(command: PlaceOrder) -> OrderPlaced:
    """What is silent has no words, so that nothing of it need be sealed."""
    words = command.words
    if all(item == SILENT_ITEM for item in words.items):
        words = replace(words, items=())
    return OrderPlaced(terms=command.terms, shared=command.shared, words=None if words == SILENT else words)


def move_of(command: RecordPayment | RecordRefund) -> Move:
    return Move("payment" if isinstance(command, RecordPayment) else "refund", command.amount)


def _has_moved(command: RecordPayment | RecordRefund, state: Order) -> bool:
    """Raises TransactionExists when other money has, under this id."""
    known, move = state.moves.get(command.transaction_id, ()), move_of(command)
    if known and move not in known:
        raise TransactionExists(command.transaction_id, known[0], move)
    return bool(known)


def _pay(command: RecordPayment, state: Order) -> list[OrderEvent]:
    if state.total_paid + command.amount > MAX_CENTS:
        raise AmountTooLarge(state.total_paid + command.amount, MAX_CENTS)
    return [PaymentRecorded(**msgspec.structs.asdict(command))]


def _refund(command: RecordRefund, state: Order) -> list[OrderEvent]:
    refundable = max(0, state.total_paid - state.total_refund)
    if command.amount > refundable:
        raise RefundExceedsPayment(command.amount, refundable)
    return [
        RefundRecorded(
            amount=command.amount,
            transaction_id=command.transaction_id,
            refunded_at=command.refunded_at,
            words=RefundWords(reason=command.reason) if command.reason else None,
        )
    ]


def _change_payment_status(wanted: UnpaidStatus, state: Order) -> list[OrderEvent]:
    if wanted == state.payment_status:
        return []
    if state.total_paid or state.total_refund:
        raise PaymentStatusFollowsAmounts(state.payment_status)
    return [PaymentStatusChanged(payment_status=wanted)]


def claims(state: Order | None) -> frozenset[Claim]:
    return state.claimed if state else frozenset()


ORDER: Decider[Order | None] = Decider(
    category="order",
    initial=None,
    decide=decide,
    evolve=evolve,
    claims=claims,
    customer_of=lambda _id, state: state.customer_id if state else None,
)
