"""Who must exist, whose a user is, and what goes along: rules about several aggregates at once."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from domain import people
from domain.address import Address, AddressDetails
from domain.customer import Customer, CustomerProfile, RecordOrderDetails
from domain.order import (
    ORDER,
    Order,
    OrderPlaced,
    OrderTransferred,
    PaymentRecorded,
    RecordPayment,
    RecordRefund,
)
from domain.refusals import (
    CustomerNotFound,
    OrderNotFound,
    TransactionRecorded,
    UnknownLabel,
    UnknownOrder,
    UnknownUser,
)
from domain.terms import Move, OrderDetails, Terms
from domain.user import ChangeUserProfile, UserProfile
from tests.domain.specification import folded

ANN = CustomerProfile(email="Ann.Roe+1@Shop.example", first_name="Ann", last_name="Roe")
HOME, OFFICE = AddressDetails(name="Ann", city="Paris"), AddressDetails(name="Ann", city="Lyon")
CUSTOMER = Customer(
    profile=ANN,
    user_id=4,
    users=frozenset({3, 4}),
    addresses={1: Address(type="billing", details=HOME), 2: Address(type="shipping", details=OFFICE)},
)
ERASED = Customer(profile=CustomerProfile(email="", first_name=""), erased=True)
USER = UserProfile(user_login="ann", user_email=ANN.email)

placed = OrderPlaced(
    terms=Terms(
        customer_id=7, uuid="0" * 32, currency="USD", total_amount=5_000, created_at=datetime(2025, 3, 1, tzinfo=UTC)
    )
)
transferred = OrderTransferred(customer_id=8, former_customer_id=7)


def order(*events: OrderPlaced | OrderTransferred) -> Order:
    state = folded(ORDER, placed, *events)
    assert state is not None
    return state


@pytest.mark.parametrize("customer", [None, ERASED])
def test_orders_are_for_customers_that_are_registered_and_not_erased(customer: Customer | None) -> None:
    assert people.require_customer(CUSTOMER) is CUSTOMER
    with pytest.raises(CustomerNotFound):
        people.require_customer(customer)


def test_what_is_named_must_exist() -> None:
    people.require_user(4, USER)
    people.require_labels({1, 2}, {1, 2, 3})
    with pytest.raises(UnknownUser, match="4"):
        people.require_user(4, None)
    with pytest.raises(UnknownLabel, match="5"):
        people.require_labels({1, 7, 5}, {1, 2, 3})


def test_an_order_that_is_changed_was_placed() -> None:
    assert people.require_order(order()) == order()
    with pytest.raises(OrderNotFound):
        people.require_order(None)


@pytest.mark.parametrize(("free", "named", "user_id"), [(5, 6, 5), (None, 6, 6), (5, None, 5), (None, None, None)])
def test_a_new_customer_gets_the_free_user_with_its_email(
    free: int | None, named: int | None, user_id: int | None
) -> None:
    assert people.user_of_registered(free, named) == user_id


def test_a_user_is_made_of_the_customers_name_and_email() -> None:
    assert people.user_made(ANN, "annroe1", "https://ann.example") == UserProfile(
        user_login="annroe1", user_email=ANN.email, display_name="Ann Roe", first_name="Ann", last_name="Roe",
        user_url="https://ann.example", user_nicename="annroe1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("email", "logins"),
    [
        (ANN.email, ["annroe1", "annroe12", "annroe1900", "annroe1901"]),
        ("李@shop.example", ["user", "user2", "user900", "user901"]),
        ("x" * 50 + "@shop.example", ["x" * 40, "x" * 40 + "2", "x" * 40 + "900", "x" * 40 + "901"]),
    ],
)
def test_a_login_comes_from_the_email_and_gets_a_number_where_it_is_taken(email: str, logins: list[str]) -> None:
    assert list(islice(people.logins(email, 900), 4)) == logins


def test_a_user_follows_its_customer_in_what_has_changed() -> None:
    moved = CustomerProfile(email="ann@shop.example", first_name="Ann", last_name="Poe", city="Paris")
    sent = ChangeUserProfile(display_name="A.")
    assert people.followed(ANN, moved, sent) == ChangeUserProfile(
        last_name="Poe", user_email="ann@shop.example", display_name="A."
    )
    assert people.followed(ANN, ANN, sent) == sent


@pytest.mark.parametrize(("customer", "loses"), [(CUSTOMER, True), (ERASED, False), (None, False)])
def test_a_customer_loses_its_user_when_that_is_deleted(customer: Customer | None, *, loses: bool) -> None:
    assert people.loses_its_user(customer, 4) is loses
    assert not people.loses_its_user(customer, 3)


EMAIL = "ann.roe+1@shop.example"


@pytest.mark.parametrize(
    ("free", "known", "users"),
    [
        ({}, {3: False, 4: True}, (3, 4)),  # its own, and a former one that is deleted
        ({}, {3: True, 4: True}, (4,)),  # a former one that somebody else may have now
        ({EMAIL: {9}}, {3: False, 4: True, 9: True}, (3, 4, 9)),
        ({"other@shop.example": {9}}, {4: True, 9: True}, (4,)),
        ({EMAIL: {9}}, {}, ()),  # links to users who were never here
    ],
)
def test_an_erasure_takes_the_users_along_who_are_the_same_person(
    free: dict[str, set[int]], known: dict[int, bool], users: tuple[int, ...]
) -> None:
    assert people.users_erased({7: CUSTOMER}, free, known) == {7: users}


def test_a_user_is_erased_once_with_the_first_of_several_customers() -> None:
    assert people.users_erased({7: CUSTOMER, 8: CUSTOMER}, {}, {4: True}) == {7: (4,), 8: ()}


def test_an_order_gets_the_address_of_its_customer_by_its_type() -> None:
    given = people.address_given(7, CUSTOMER, 1, 101, order())
    assert given == RecordOrderDetails(order_id=101, details=OrderDetails(billing_address=HOME))
    given = people.address_given(7, CUSTOMER, 2, 101, order())
    assert given == RecordOrderDetails(order_id=101, details=OrderDetails(shipping_address=OFFICE))


def test_an_order_that_was_transferred_may_say_what_it_said_before() -> None:
    details = OrderDetails(note="Ring twice")
    assert people.details_recorded(101, order(transferred), details).has_moved
    assert not people.details_recorded(101, order(), details).has_moved


@pytest.mark.parametrize("other", [None, order(transferred)])
def test_an_order_of_nobody_or_of_another_gets_no_address(other: Order | None) -> None:
    with pytest.raises(UnknownOrder, match="101"):
        people.address_given(7, CUSTOMER, 1, 101, other)


def test_another_order_may_not_have_the_transaction() -> None:
    payment = RecordPayment(amount=5, transaction_id="ch_1")
    other = folded(ORDER, placed, PaymentRecorded(amount=7, transaction_id="ch_1"))
    people.require_other_transaction(101, payment, 102, order())
    people.require_other_transaction(101, payment, 101, other)
    with pytest.raises(TransactionRecorded) as refused:
        people.require_other_transaction(101, payment, 102, other)
    assert refused.value.args == ("ch_1", (102, Move("payment", 7)), (101, Move("payment", 5)))


def test_of_an_erased_customer_nothing_more_is_written_down_but_numbers() -> None:
    refund = RecordRefund(amount=5, transaction_id="re_1", reason="Ann was ill")
    payment = RecordPayment(amount=5, transaction_id="ch_1")
    assert people.without_words_of_the_erased(refund, CUSTOMER) == refund
    assert people.without_words_of_the_erased(refund, ERASED) == RecordRefund(amount=5, transaction_id="re_1")
    assert people.without_words_of_the_erased(payment, ERASED) == payment
