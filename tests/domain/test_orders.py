from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from domain.event import Claim, Command, Event
from domain.order import (
    ORDER,
    ChangeOrderStatus,
    ChangePaymentStatus,
    DeleteOrder,
    OrderDeleted,
    OrderPlaced,
    OrderStatusChanged,
    OrderTransferred,
    PaymentRecorded,
    PaymentStatusChanged,
    PlaceOrder,
    RecordPayment,
    RecordRefund,
    RefundRecorded,
    TransferOrder,
    payment_status,
)
from domain.refusals import (
    AmountTooLarge,
    OrderExists,
    OrderNotFound,
    PaymentStatusFollowsAmounts,
    RefundExceedsPayment,
    TransactionExists,
)
from domain.terms import Move, RefundWords, Terms, Transaction
from domain.value import MAX_CENTS
from tests.domain.specification import folded, given

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)
TERMS = Terms(customer_id=1, uuid="1" * 32, currency="USD", total_amount=8000, created_at=NOON)
IMPORTED = Terms(
    customer_id=1, uuid="2" * 32, currency="USD", total_amount=8000, created_at=NOON,
    total_paid=8000, payment_status="paid", status="completed",
    transactions=(Transaction(id=1, transaction_type="charge", total=8000, vendor_charge_id="ch_1"),),
)  # fmt: skip
REFUNDED_BEYOND_PAID = Terms(
    customer_id=1, uuid="3" * 32, currency="USD", total_amount=100, created_at=NOON,
    total_paid=100, total_refund=300, payment_status="paid",
)  # fmt: skip
REFUNDED_UNPAID = Terms(
    customer_id=1, uuid="4" * 32, currency="USD", total_amount=100, created_at=NOON,
    total_refund=300, payment_status="refunded",
)  # fmt: skip

placed = OrderPlaced(terms=TERMS)
imported = OrderPlaced(terms=IMPORTED)
paid_partly = PaymentRecorded(amount=3000, transaction_id="ch_1")
paid_rest = PaymentRecorded(amount=5000, transaction_id="ch_2")
refunded_partly = RefundRecorded(amount=1000, transaction_id="re_1")
refunded_rest = RefundRecorded(amount=7000, transaction_id="re_2")
deleted = OrderDeleted()


def test_an_order_is_placed() -> None:
    given(ORDER).when(PlaceOrder(terms=TERMS)).then(placed)


@pytest.mark.parametrize("history", [(placed,), (placed, deleted)])
def test_an_id_is_never_given_twice(history: tuple[Event, ...]) -> None:
    given(ORDER, *history).when(PlaceOrder(terms=IMPORTED)).refused(OrderExists)


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ((placed,), "pending"),
        ((placed, PaymentStatusChanged(payment_status="authorized")), "authorized"),
        ((placed, paid_partly), "partially_paid"),
        ((placed, PaymentStatusChanged(payment_status="failed"), paid_partly), "partially_paid"),
        ((placed, paid_partly, paid_rest), "paid"),
        ((placed, paid_partly, refunded_partly), "partially_refunded"),
        ((placed, paid_partly, paid_rest, refunded_partly), "partially_refunded"),
        ((placed, paid_partly, paid_rest, refunded_partly, refunded_rest), "refunded"),
        ((placed, paid_partly, RefundRecorded(amount=3000, transaction_id="re_3"), paid_rest), "partially_refunded"),
        ((OrderPlaced(terms=REFUNDED_BEYOND_PAID),), "paid"),
    ],
)
def test_the_payment_status_follows_from_the_amounts_once_money_moved(history: tuple[Event, ...], status: str) -> None:
    state = folded(ORDER, *history)
    assert state is not None
    assert state.payment_status == status


@pytest.mark.parametrize(
    ("total_amount", "total_paid", "total_refund", "status"),
    [
        (100, 0, 0, "pending"),
        (100, 99, 0, "partially_paid"),
        (100, 100, 0, "paid"),
        (100, 101, 0, "paid"),
        (100, 100, 1, "partially_refunded"),
        (100, 50, 49, "partially_refunded"),
        (100, 50, 50, "refunded"),
        (100, 50, 51, "refunded"),
        (100, 0, 1, "refunded"),
        (0, 0, 0, "paid"),
        (0, 5, 0, "paid"),
        (0, 5, 5, "refunded"),
    ],
)
def test_amounts_say_a_payment_status(total_amount: int, total_paid: int, total_refund: int, status: str) -> None:
    assert payment_status(total_amount, total_paid, total_refund) == status


def test_a_payment_is_recorded() -> None:
    payment = RecordPayment(amount=3000, transaction_id="ch_1", paid_at=NOON)
    given(ORDER, placed).when(payment).then(PaymentRecorded(amount=3000, transaction_id="ch_1", paid_at=NOON))


def test_a_repeated_payment_is_no_event() -> None:
    given(ORDER, placed, paid_partly).when(RecordPayment(amount=3000, transaction_id="ch_1")).then_nothing()


@pytest.mark.parametrize(
    ("command", "recorded", "sent"),
    [
        (RecordPayment(amount=1, transaction_id="ch_1"), Move("payment", 3000), Move("payment", 1)),
        (RecordRefund(amount=3000, transaction_id="ch_1"), Move("payment", 3000), Move("refund", 3000)),
        (RecordRefund(amount=9999, transaction_id="ch_1"), Move("payment", 3000), Move("refund", 9999)),
        (RecordRefund(amount=999, transaction_id="re_1"), Move("refund", 1000), Move("refund", 999)),
        (RecordPayment(amount=1000, transaction_id="re_1"), Move("refund", 1000), Move("payment", 1000)),
    ],
)
def test_a_transaction_that_comes_again_as_something_else_is_refused(
    command: Command, recorded: Move, sent: Move
) -> None:
    known = given(ORDER, placed, paid_partly, refunded_partly).when(command)
    known.refused(TransactionExists, recorded_id(command), recorded, sent)


def recorded_id(command: Command) -> str:
    assert isinstance(command, RecordPayment | RecordRefund)
    return command.transaction_id


def test_what_came_with_an_order_may_have_an_id_twice_and_stands() -> None:
    charge = Transaction(id=1, transaction_type="charge", total=500, vendor_charge_id="t-1")
    refund = Transaction(id=2, transaction_type="refund", total=100, vendor_charge_id="t-1")
    terms = Terms(
        customer_id=1, uuid="6" * 32, currency="USD", total_amount=500, created_at=NOON, total_paid=500,
        total_refund=100, transactions=(charge, refund),
    )  # fmt: skip
    history = OrderPlaced(terms=terms)
    for known in (
        RecordPayment(amount=500, transaction_id="t-1"),
        RecordRefund(amount=100, transaction_id="t-1"),
    ):
        given(ORDER, history).when(known).then_nothing()
    other = RecordRefund(amount=99, transaction_id="t-1")
    given(ORDER, history).when(other).refused(TransactionExists, "t-1", Move("payment", 500), Move("refund", 99))


def test_a_payment_that_came_with_the_order_is_not_taken_again() -> None:
    given(ORDER, imported).when(RecordPayment(amount=8000, transaction_id="ch_1")).then_nothing()


@pytest.mark.parametrize("status", ["pending", "authorized", "failed"])
def test_a_charge_that_came_with_the_order_but_moved_no_money_can_still_be_paid(status: str) -> None:
    charge = Transaction(id=1, transaction_type="charge", total=8000, vendor_charge_id="ch_1", status=status)
    terms = Terms(
        customer_id=1, uuid="5" * 32, currency="USD", total_amount=8000, created_at=NOON, transactions=(charge,)
    )
    given(ORDER, OrderPlaced(terms=terms)).when(RecordPayment(amount=8000, transaction_id="ch_1")).then(
        PaymentRecorded(amount=8000, transaction_id="ch_1")
    )


def test_more_than_every_client_keeps_exact_is_not_paid() -> None:
    history = (placed, paid_partly)
    most = RecordPayment(amount=MAX_CENTS - 3000, transaction_id="ch_2")
    more = RecordPayment(amount=MAX_CENTS - 2999, transaction_id="ch_2")
    given(ORDER, *history).when(most).then(PaymentRecorded(amount=MAX_CENTS - 3000, transaction_id="ch_2"))
    given(ORDER, *history).when(more).refused(AmountTooLarge, MAX_CENTS + 1, MAX_CENTS)
    given(ORDER, *history).when(RecordPayment(amount=3000, transaction_id="ch_1")).then_nothing()


def test_a_refund_is_recorded() -> None:
    refund = RecordRefund(amount=1000, transaction_id="re_1", refunded_at=NOON, reason="late")
    given(ORDER, imported).when(refund).then(
        RefundRecorded(amount=1000, transaction_id="re_1", refunded_at=NOON, words=RefundWords(reason="late"))
    )


def test_all_that_was_paid_can_be_refunded() -> None:
    given(ORDER, placed, paid_partly, paid_rest, refunded_partly).when(
        RecordRefund(amount=7000, transaction_id="re_2")
    ).then(refunded_rest)


def test_a_repeated_refund_is_no_event_even_when_nothing_is_left() -> None:
    history = (imported, refunded_partly, refunded_rest)
    given(ORDER, *history).when(RecordRefund(amount=7000, transaction_id="re_2")).then_nothing()


@pytest.mark.parametrize(
    ("history", "refundable"),
    [
        ((placed,), 0),
        ((placed, paid_partly), 3000),
        ((imported, refunded_partly), 7000),
        ((imported, refunded_partly, refunded_rest), 0),
        ((OrderPlaced(terms=REFUNDED_BEYOND_PAID),), 0),
    ],
)
def test_a_refund_beyond_what_was_paid_is_refused(history: tuple[Event, ...], refundable: int) -> None:
    refund = RecordRefund(amount=refundable + 1, transaction_id="re_9")
    given(ORDER, *history).when(refund).refused(RefundExceedsPayment, refundable + 1, refundable)


def test_totals_that_came_with_an_order_stand_as_given() -> None:
    given(ORDER).when(PlaceOrder(terms=REFUNDED_BEYOND_PAID)).then(OrderPlaced(terms=REFUNDED_BEYOND_PAID))
    state = folded(ORDER, OrderPlaced(terms=REFUNDED_BEYOND_PAID))
    assert state is not None
    assert (state.total_paid, state.total_refund, state.payment_status) == (100, 300, "paid")


def test_the_status_is_changed() -> None:
    given(ORDER, placed).when(ChangeOrderStatus(status="completed")).then(OrderStatusChanged(status="completed"))


def test_the_same_status_again_is_no_event() -> None:
    given(ORDER, placed).when(ChangeOrderStatus(status="on-hold")).then_nothing()


def test_the_payment_status_is_changed_while_nothing_is_paid() -> None:
    given(ORDER, placed).when(ChangePaymentStatus(payment_status="failed")).then(
        PaymentStatusChanged(payment_status="failed")
    )


def test_the_same_payment_status_again_is_no_event() -> None:
    given(ORDER, placed).when(ChangePaymentStatus(payment_status="pending")).then_nothing()


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ((placed, paid_partly), "partially_paid"),
        ((imported,), "paid"),
        ((imported, refunded_partly, refunded_rest), "refunded"),
        ((OrderPlaced(terms=REFUNDED_UNPAID),), "refunded"),
    ],
)
def test_once_money_moved_the_payment_status_is_not_changed_by_hand(history: tuple[Event, ...], status: str) -> None:
    change = ChangePaymentStatus(payment_status="pending")
    given(ORDER, *history).when(change).refused(PaymentStatusFollowsAmounts, status)


def test_an_order_goes_to_another_customer() -> None:
    given(ORDER, placed).when(TransferOrder(customer_id=2)).then(OrderTransferred(customer_id=2, former_customer_id=1))


def test_a_transfer_to_the_same_customer_is_no_event() -> None:
    given(ORDER, placed).when(TransferOrder(customer_id=1)).then_nothing()


def test_a_transferred_order_is_about_its_new_customer() -> None:
    transferred = OrderTransferred(customer_id=2, former_customer_id=1)
    assert ORDER.customer_of(101, folded(ORDER, placed)) == 1
    assert ORDER.customer_of(101, folded(ORDER, placed, transferred)) == 2
    given(ORDER, placed, transferred).when(TransferOrder(customer_id=1)).then(
        OrderTransferred(customer_id=1, former_customer_id=2)
    )


def test_an_order_is_deleted() -> None:
    given(ORDER, placed, paid_partly).when(DeleteOrder()).then(deleted)


@pytest.mark.parametrize("history", [(), (placed, deleted)], ids=["never placed", "deleted"])
@pytest.mark.parametrize(
    "command",
    [
        RecordPayment(amount=1, transaction_id="ch_9"),
        RecordRefund(amount=1, transaction_id="re_9"),
        ChangeOrderStatus(status="on-hold"),
        ChangePaymentStatus(payment_status="pending"),
        TransferOrder(customer_id=1),
        DeleteOrder(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_of_an_order_that_is_not_there_everything_is_refused(history: tuple[Event, ...], command: Command) -> None:
    given(ORDER, *history).when(command).refused(OrderNotFound)


def test_an_order_claims_its_transactions_until_it_is_deleted() -> None:
    assert ORDER.claims(folded(ORDER, placed)) == frozenset()
    moved = (placed, paid_partly, refunded_partly)
    claims = {Claim("transaction", "ch_1"), Claim("transaction", "re_1")}
    assert ORDER.claims(folded(ORDER, *moved)) == claims
    assert ORDER.claims(folded(ORDER, *moved, OrderTransferred(customer_id=2, former_customer_id=1))) == claims
    assert ORDER.claims(folded(ORDER, *moved, deleted)) == frozenset()


def test_an_order_claims_what_moved_before_it_came_but_for_what_another_has() -> None:
    transactions = tuple(
        Transaction(id=number, transaction_type="charge", total=1, vendor_charge_id=id_, status=status)
        for number, (id_, status) in enumerate(
            [("mine", "succeeded"), ("theirs", "succeeded"), ("", "succeeded"), ("later", "pending")], 1
        )
    )
    event = OrderPlaced(terms=replace(TERMS, transactions=transactions), shared=("theirs",))
    given(ORDER).when(PlaceOrder(terms=event.terms, shared=("theirs",))).then(event)
    assert ORDER.claims(folded(ORDER, event)) == {Claim("transaction", "mine")}


def test_an_unknown_order_is_about_nobody() -> None:
    assert ORDER.claims(None) == frozenset()
    assert ORDER.customer_of(101, None) is None
