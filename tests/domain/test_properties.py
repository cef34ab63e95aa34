from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from functools import partial, reduce
from itertools import pairwise
from typing import Any, TypeVar, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import UNSET

from domain.address import AddAddress, AddressDetails, AddressType, ChangeAddress, RemoveAddress, SetPrimaryAddress
from domain.customer import (
    CUSTOMER,
    AttachUser,
    ChangeCustomer,
    Customer,
    CustomerProfile,
    DetachUser,
    EraseCustomer,
    RecordOrderDetails,
    RegisterCustomer,
    RelabelCustomer,
)
from domain.event import Command, Decider, Event
from domain.events import EVENTS
from domain.label import LABEL, CreateLabel, DeleteLabel, RenameLabel
from domain.order import (
    ORDER,
    ChangeOrderStatus,
    ChangePaymentStatus,
    DeleteOrder,
    OrderPlaced,
    PaymentRecorded,
    PlaceOrder,
    RecordPayment,
    RecordRefund,
    RefundRecorded,
    TransferOrder,
)
from domain.refusals import Refusal
from domain.terms import (
    ORDER_STATUSES,
    OrderDetails,
    Terms,
    Transaction,
)
from domain.user import USER, ChangeUserProfile, DeleteUser, RegisterUser, UserProfile
from domain.value import MAX_CENTS, PAYMENT_STATUSES, UNPAID_STATUSES, OrderValue, figures
from eventstore.log.codec import Codec
from tests.domain.specification import folded

S = TypeVar("S")

# Few values, so that commands meet the same ids and say the same things often.
ids = st.integers(1, 4)
words = st.sampled_from(["", "Ann", "ANN", "Straße", "李"])
cents = st.integers(0, 5000)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis adds the zone
types: SearchStrategy[AddressType] = st.sampled_from(get_args(AddressType))
label_sets = st.frozensets(ids)
payment_statuses = st.sampled_from(PAYMENT_STATUSES)


def maybe(values: SearchStrategy[S]) -> SearchStrategy[S | None]:
    return st.none() | values


details = st.builds(AddressDetails, name=words, city=words)
order_details = st.builds(OrderDetails, note=maybe(words), shipping_address=maybe(details))
location = st.just(UNSET) | maybe(words)
profiles = st.builds(CustomerProfile, email=words, first_name=words, city=maybe(words))
user_profiles = st.builds(UserProfile, user_login=words, user_email=words, display_name=words)
transactions = st.builds(
    Transaction,
    id=ids, total=cents, transaction_type=st.sampled_from(["charge", "refund"]), vendor_charge_id=words,
    status=st.sampled_from(["succeeded", "pending", "failed"]),
)  # fmt: skip
terms = st.builds(
    Terms,
    customer_id=ids, uuid=words, currency=st.sampled_from(["USD", "EUR"]), created_at=times,
    total_amount=cents, total_paid=st.just(0) | cents, total_refund=st.just(0) | cents, payment_status=payment_statuses,
    rate=st.just(Decimal(1)) | st.decimals("0.000001", 1000, places=6), transactions=st.lists(transactions).map(tuple),
)  # fmt: skip

register_customer = st.builds(RegisterCustomer, profile=profiles, uuid=words, user_id=maybe(ids))
relabel = st.builds(
    lambda labels, others: RelabelCustomer(labels=labels, existing=labels | others), label_sets, label_sets
)
address_commands: SearchStrategy[Command] = st.one_of(
    st.builds(AddAddress, address_id=ids, type=types, details=details, is_primary=st.booleans()),
    st.builds(ChangeAddress, address_id=ids, type=maybe(types), is_primary=st.booleans(), city=maybe(words)),
    st.builds(SetPrimaryAddress, address_id=ids, type=types),
    st.builds(RemoveAddress, address_id=ids),
)
customer_commands: SearchStrategy[Command] = st.one_of(
    register_customer,
    st.builds(ChangeCustomer, email=maybe(words), first_name=maybe(words), country=location, city=location),
    relabel,
    st.builds(AttachUser, user_id=ids),
    st.builds(DetachUser),
    st.builds(RecordOrderDetails, order_id=ids, details=order_details),
    address_commands,
    st.builds(EraseCustomer),
)
place_order = st.builds(PlaceOrder, terms=terms)
order_commands: SearchStrategy[Command] = st.one_of(
    place_order,
    st.builds(RecordPayment, amount=cents, transaction_id=words, paid_at=maybe(times)),
    st.builds(RecordRefund, amount=cents, transaction_id=words),
    st.builds(ChangeOrderStatus, status=st.sampled_from(ORDER_STATUSES)),
    st.builds(ChangePaymentStatus, payment_status=st.sampled_from(UNPAID_STATUSES)),
    st.builds(TransferOrder, customer_id=ids),
    st.builds(DeleteOrder),
)
user_commands: SearchStrategy[Command] = st.one_of(
    st.builds(RegisterUser, profile=user_profiles),
    st.builds(ChangeUserProfile, user_email=maybe(words), display_name=maybe(words)),
    st.builds(DeleteUser),
)
label_commands: SearchStrategy[Command] = st.one_of(
    st.builds(CreateLabel, value=words), st.builds(RenameLabel, value=words), st.builds(DeleteLabel)
)

# Each story's first command brings the aggregate about, so that the others have something to meet.
BEGINNINGS: list[tuple[Decider[Any], SearchStrategy[Command], SearchStrategy[Command]]] = [
    (CUSTOMER, register_customer, customer_commands),
    (ORDER, place_order, order_commands),
    (USER, st.builds(RegisterUser, profile=user_profiles), user_commands),
    (LABEL, st.builds(CreateLabel, value=words), label_commands),
]
STORIES = [
    pytest.param(decider, st.builds(lambda first, rest: [first, *rest], first, st.lists(others)), id=decider.category)
    for decider, first, others in BEGINNINGS
]
each_story = pytest.mark.parametrize(("decider", "stories"), STORIES)
CODEC = Codec(EVENTS)


def accepted(decider: Decider[S], commands: Iterable[Command]) -> list[Event]:
    """The history that these commands make, without those that are refused."""
    history: list[Event] = []
    state = decider.initial
    for command in commands:
        events = decided(decider, command, state)
        state = reduce(decider.evolve, events, state)
        history += events
    return history


def decided(decider: Decider[S], command: Command, state: S) -> list[Any]:
    try:
        return decider.decide(command, state)
    except Refusal:
        return []


def states(decider: Decider[S], history: Sequence[Event]) -> list[S]:
    """The state before the first event, and after each."""
    return [folded(decider, *history[:length]) for length in range(len(history) + 1)]


@each_story
@given(data=st.data())
def test_a_story_read_back_from_its_bytes_ends_in_the_same_state(
    decider: Decider[Any], stories: SearchStrategy[list[Command]], data: st.DataObject
) -> None:
    history = accepted(decider, data.draw(stories))
    read_back = [CODEC.decode(*CODEC.encode(event)) for event in history]
    assert read_back == history
    assert folded(decider, *read_back) == folded(decider, *history)


IDEMPOTENT = (
    ChangeCustomer | RelabelCustomer | DetachUser | RecordOrderDetails | ChangeAddress | SetPrimaryAddress
    | RecordPayment | RecordRefund | ChangeOrderStatus | ChangePaymentStatus | TransferOrder
    | RegisterUser | ChangeUserProfile | RenameLabel
)  # fmt: skip


@each_story
@given(data=st.data())
def test_what_was_just_accepted_is_never_done_twice(
    decider: Decider[Any], stories: SearchStrategy[list[Command]], data: st.DataObject
) -> None:
    state = decider.initial
    for command in data.draw(stories):
        events = decided(decider, command, state)
        state = reduce(decider.evolve, events, state)
        if events:
            again = decider.decide if isinstance(command, IDEMPOTENT) else partial(decided, decider)
            assert again(command, state) == []


@each_story
@given(data=st.data())
def test_every_event_changes_the_state(
    decider: Decider[Any], stories: SearchStrategy[list[Command]], data: st.DataObject
) -> None:
    history = accepted(decider, data.draw(stories))
    assert all(before != after for before, after in pairwise(states(decider, history)))


@given(register_customer, st.lists(address_commands))
def test_of_each_type_that_has_addresses_exactly_one_is_primary(
    register: RegisterCustomer, commands: list[Command]
) -> None:
    for state in states(CUSTOMER, history := accepted(CUSTOMER, [register, *commands])):
        assert all(count == 1 for count in primaries(state).values())
    state = folded(CUSTOMER, *history)
    assert state is not None
    assert primaries(state).keys() == {address.type for address in state.addresses.values()}


def primaries(state: Customer | None) -> Counter[AddressType]:
    return Counter(address.type for address in state.addresses.values() if address.is_primary) if state else Counter()


@given(place_order, st.lists(order_commands))
def test_an_order_has_exactly_the_money_that_its_events_moved(place: PlaceOrder, commands: list[Command]) -> None:
    history = accepted(ORDER, [place, *commands])
    state = folded(ORDER, *history)
    assert state is not None
    paid = sum(event.amount for event in history if isinstance(event, PaymentRecorded))
    refunded = sum(event.amount for event in history if isinstance(event, RefundRecorded))
    assert (state.total_paid, state.total_refund) == (
        place.terms.total_paid + paid,
        place.terms.total_refund + refunded,
    )
    assert not refunded or state.total_refund <= state.total_paid
    moved = [
        (type(event), event.transaction_id) for event in history if isinstance(event, PaymentRecorded | RefundRecorded)
    ]
    assert len(moved) == len(set(moved))


order_values = st.builds(
    OrderValue,
    payment_status=payment_statuses,
    total_paid=st.integers(0, MAX_CENTS), total_refund=st.just(0) | st.integers(0, MAX_CENTS),
    rate=st.just(Decimal(1)) | st.decimals("0.0000000001", 2, places=10),
    currency=st.sampled_from(["USD", "EUR", "JPY"]), created_at=times,
)  # fmt: skip


def half_up(amount: Fraction) -> int:
    return (2 * amount.numerator + amount.denominator) // (2 * amount.denominator)


@given(st.lists(order_values))
def test_the_figures_equal_a_naive_sum(orders: list[OrderValue]) -> None:
    ltv, dates, nets = 0, [], dict[str, int]()
    for payment_status, paid, refund, rate, currency, created_at in orders:
        if payment_status in ("paid", "partially_paid", "partially_refunded"):
            kept = paid - refund if paid > refund else 0
            ltv += half_up(kept * Fraction(rate))
            nets[currency] = nets.get(currency, 0) + kept
            dates.append(created_at)
    summed = figures(orders)
    assert (summed.ltv, summed.purchase_count, summed.purchase_value) == (ltv, len(dates), nets)
    assert summed.aov * 100 == (half_up(Fraction(100 * ltv, len(dates))) if dates else 0)
    assert (summed.first_purchase_date, summed.last_purchase_date) == (
        min(dates, default=None), max(dates, default=None),
    )  # fmt: skip


@given(st.lists(st.tuples(place_order, st.lists(order_commands))))
def test_the_figures_of_orders_equal_the_sum_of_their_events(stories: list[tuple[PlaceOrder, list[Command]]]) -> None:
    histories = [accepted(ORDER, [place, *commands]) for place, commands in stories]
    orders = [(history[0], folded(ORDER, *history)) for history in histories]
    values = [
        OrderValue(
            order.payment_status,
            order.total_paid,
            order.total_refund,
            placed.terms.applied_rate,
            "USD",
            placed.terms.created_at,
        )
        for placed, order in orders
        if isinstance(placed, OrderPlaced) and order
    ]
    naive = sum(
        half_up(max(0, value.total_paid - value.total_refund) * Fraction(value.rate))
        for value in values
        if value.payment_status.startswith("pa")
    )
    assert figures(values).ltv == naive
