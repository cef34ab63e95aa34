from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from domain.address import AddAddress, AddressAdded, AddressDetails, PrimaryAddressSet
from domain.customer import (
    CUSTOMER,
    AttachUser,
    ChangeCustomer,
    CustomerEmailChanged,
    CustomerErased,
    CustomerMoved,
    CustomerNotesChanged,
    CustomerProfile,
    CustomerRegistered,
    CustomerRelabelled,
    CustomerRenamed,
    CustomerStatusChanged,
    DetachUser,
    EraseCustomer,
    OrderDetailsRecorded,
    RecordOrderDetails,
    RegisterCustomer,
    RelabelCustomer,
    UserAttached,
    UserDetached,
)
from domain.event import Claim, Command, Event
from domain.refusals import CustomerExists, CustomerNotFound, UserAlreadyAttached
from domain.terms import OrderDetails
from tests.domain.specification import folded, given

JOHN = CustomerProfile(
    email="John.Doe@Example.com", first_name="John", last_name="Doe", notes="VIP",
    country="US", state="NY", city="New York", postcode="10001",
)  # fmt: skip
UUID = "9289941f8a4200fd6c05f11fab6bc867"
HOME = AddressDetails(name="John Doe", city="New York", country="US")

registered = CustomerRegistered(profile=JOHN, uuid=UUID)
registered_with_user = CustomerRegistered(profile=JOHN, uuid=UUID, user_id=4)
labelled = CustomerRelabelled(labels=(1, 2))
attached = UserAttached(user_id=4)
detached = UserDetached(user_id=4)
home_added = (AddressAdded(address_id=7, type="billing", details=HOME), PrimaryAddressSet(address_id=7))
note_recorded = OrderDetailsRecorded(order_id=101, details=OrderDetails(note="Ring twice"))
erased = CustomerErased()

EMAIL = Claim("customer-email", "john.doe@example.com")
USER_4 = Claim("user-link", "4")


def test_a_customer_is_registered() -> None:
    given(CUSTOMER).when(RegisterCustomer(profile=JOHN, uuid=UUID)).then(registered)


def test_an_imported_customer_keeps_its_user_contact_and_last_change() -> None:
    last_change = datetime(2025, 2, 1, 9, 30, tzinfo=UTC)
    imported = RegisterCustomer(profile=JOHN, uuid=UUID, user_id=4, contact_id=9, updated_at=last_change)
    given(CUSTOMER).when(imported).then(
        CustomerRegistered(profile=JOHN, uuid=UUID, user_id=4, contact_id=9, updated_at=last_change)
    )


@pytest.mark.parametrize("history", [(registered,), (registered, erased)])
def test_an_id_is_never_given_twice(history: tuple[Event, ...]) -> None:
    given(CUSTOMER, *history).when(RegisterCustomer(profile=JOHN, uuid=UUID)).refused(CustomerExists)


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (ChangeCustomer(first_name="Johnny"), CustomerRenamed(first_name="Johnny", last_name="Doe")),
        (ChangeCustomer(last_name=""), CustomerRenamed(first_name="John", last_name="")),
        (ChangeCustomer(email="john@example.org"), CustomerEmailChanged(email="john@example.org")),
        (ChangeCustomer(email="john.doe@example.com"), CustomerEmailChanged(email="john.doe@example.com")),
        (ChangeCustomer(notes=""), CustomerNotesChanged(notes="")),
        (ChangeCustomer(status="archived"), CustomerStatusChanged(status="archived")),
    ],
)
def test_a_change_is_told_by_the_field_that_changed(change: Command, changed: Event) -> None:
    given(CUSTOMER, registered).when(change).then(changed)


def test_a_field_left_out_of_the_location_stays() -> None:
    given(CUSTOMER, registered).when(ChangeCustomer(city="Albany")).then(
        CustomerMoved(country="US", state="NY", city="Albany", postcode="10001")
    )


def test_a_field_of_the_location_is_cleared_with_none() -> None:
    given(CUSTOMER, registered).when(ChangeCustomer(state=None, postcode=None)).then(
        CustomerMoved(country="US", state=None, city="New York", postcode=None)
    )


def test_several_changes_are_several_events() -> None:
    everything = ChangeCustomer(email="jane@example.com", first_name="Jane", country=None, notes="", status="inactive")
    given(CUSTOMER, registered).when(everything).then(
        CustomerRenamed(first_name="Jane", last_name="Doe"),
        CustomerEmailChanged(email="jane@example.com"),
        CustomerMoved(country=None, state="NY", city="New York", postcode="10001"),
        CustomerNotesChanged(notes=""),
        CustomerStatusChanged(status="inactive"),
    )


@pytest.mark.parametrize(
    "change",
    [
        ChangeCustomer(),
        ChangeCustomer(email=JOHN.email, first_name="John", last_name="Doe", status="active", notes="VIP"),
        ChangeCustomer(country="US", state="NY", city="New York", postcode="10001"),
    ],
)
def test_a_change_that_changes_nothing_is_no_event(change: Command) -> None:
    given(CUSTOMER, registered).when(change).then_nothing()


def test_labels_are_set_to_exactly_the_list() -> None:
    relabel = RelabelCustomer(labels=frozenset({3, 2}), existing=frozenset({1, 2, 3}))
    given(CUSTOMER, registered, labelled).when(relabel).then(CustomerRelabelled(labels=(2, 3)))


def test_all_labels_are_taken_away_with_an_empty_list() -> None:
    relabel = RelabelCustomer(labels=frozenset(), existing=frozenset({1, 2}))
    given(CUSTOMER, registered, labelled).when(relabel).then(CustomerRelabelled(labels=()))


def test_the_same_labels_again_are_no_event() -> None:
    relabel = RelabelCustomer(labels=frozenset({2, 1}), existing=frozenset({1, 2}))
    given(CUSTOMER, registered, labelled).when(relabel).then_nothing()


def test_a_label_deleted_since_does_not_make_the_same_labels_another_list() -> None:
    relabel = RelabelCustomer(labels=frozenset({2}), existing=frozenset({2}))
    given(CUSTOMER, registered, labelled).when(relabel).then_nothing()


def test_a_user_is_attached() -> None:
    given(CUSTOMER, registered).when(AttachUser(user_id=4)).then(attached)


@pytest.mark.parametrize("user_id", [4, 5])
def test_a_customer_with_a_user_gets_no_other(user_id: int) -> None:
    given(CUSTOMER, registered, attached).when(AttachUser(user_id=user_id)).refused(UserAlreadyAttached, 4)


def test_a_user_is_detached() -> None:
    given(CUSTOMER, registered_with_user).when(DetachUser()).then(detached)


def test_detaching_nobody_is_no_event() -> None:
    given(CUSTOMER, registered, attached, detached).when(DetachUser()).then_nothing()


def test_a_detached_customer_can_get_another_user() -> None:
    given(CUSTOMER, registered, attached, detached).when(AttachUser(user_id=5)).then(UserAttached(user_id=5))


def test_what_an_order_says_about_the_person_is_recorded_with_the_customer() -> None:
    record = RecordOrderDetails(order_id=101, details=OrderDetails(note="Ring twice"))
    given(CUSTOMER, registered).when(record).then(note_recorded)


@pytest.mark.parametrize("details", [OrderDetails(), OrderDetails(note="Ring twice")])
def test_order_details_that_say_nothing_new_are_no_event(details: OrderDetails) -> None:
    given(CUSTOMER, registered, note_recorded).when(RecordOrderDetails(order_id=101, details=details)).then_nothing()


def test_empty_details_of_an_unknown_order_are_no_event() -> None:
    given(CUSTOMER, registered).when(RecordOrderDetails(order_id=101, details=OrderDetails())).then_nothing()


def test_new_order_details_leave_what_is_known() -> None:
    shipped_home = OrderDetails(shipping_address=HOME)
    record = RecordOrderDetails(order_id=101, details=shipped_home)
    given(CUSTOMER, registered, note_recorded).when(record).then(
        OrderDetailsRecorded(order_id=101, details=shipped_home)
    )
    both = RecordOrderDetails(order_id=101, details=OrderDetails(note="Ring twice", shipping_address=HOME))
    given(
        CUSTOMER, registered, note_recorded, OrderDetailsRecorded(order_id=101, details=shipped_home)
    ).when(both).then_nothing()  # fmt: skip


def test_erasure_names_the_addresses_and_orders_whose_data_went() -> None:
    given(CUSTOMER, registered, *home_added, note_recorded).when(EraseCustomer(reason="asked")).then(
        CustomerErased(addresses=(7,), orders=(101,), reason="asked")
    )


def test_an_erasure_names_the_users_that_go_along() -> None:
    given(CUSTOMER, registered_with_user).when(EraseCustomer(users=(7, 8))).then(CustomerErased(users=(7, 8)))


def test_the_state_knows_every_user_that_the_customer_had() -> None:
    state = folded(CUSTOMER, registered_with_user, detached, UserAttached(user_id=8))
    assert state is not None
    assert state.user_id == 8
    assert state.users == {4, 8}


def test_an_erased_customer_is_so_also_when_all_before_is_forgotten() -> None:
    given(CUSTOMER, erased).when(RegisterCustomer(profile=JOHN, uuid=UUID)).refused(CustomerExists)


def test_an_erased_customer_leaves_no_personal_data_in_the_state() -> None:
    state = folded(CUSTOMER, registered_with_user, labelled, *home_added, note_recorded, erased)
    assert state is not None
    assert (state.profile.email, state.user_id, state.labels, state.addresses, state.orders) == (
        "", None, frozenset(), {}, {},
    )  # fmt: skip


@pytest.mark.parametrize("history", [(), (registered, erased)], ids=["never registered", "erased"])
@pytest.mark.parametrize(
    "command",
    [
        ChangeCustomer(first_name="Jane"),
        ChangeCustomer(),
        RelabelCustomer(labels=frozenset(), existing=frozenset()),
        AttachUser(user_id=4),
        DetachUser(),
        RecordOrderDetails(order_id=101, details=OrderDetails()),
        AddAddress(address_id=7, type="billing", details=HOME),
        EraseCustomer(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_of_a_customer_who_is_not_there_everything_is_refused(history: tuple[Event, ...], command: Command) -> None:
    given(CUSTOMER, *history).when(command).refused(CustomerNotFound)


@pytest.mark.parametrize(
    ("history", "claims"),
    [
        ((), set()),
        ((registered,), {EMAIL}),
        ((registered, CustomerEmailChanged(email="JOHN.DOE@EXAMPLE.COM")), {EMAIL}),
        ((registered, CustomerEmailChanged(email="J@Example.com")), {Claim("customer-email", "j@example.com")}),
        ((registered_with_user,), {EMAIL, USER_4}),
        ((registered, attached), {EMAIL, USER_4}),
        ((registered, attached, detached), {EMAIL}),
        ((registered, attached, erased), set()),
    ],
    ids=[
        "nobody claims nothing", "an email in lower case", "the same email in capitals", "another email frees it",
        "a user from the start", "a user attached", "a user detached is free", "erasure frees both",
    ],
)  # fmt: skip
def test_an_email_and_a_user_are_claimed(history: tuple[Event, ...], claims: set[Claim]) -> None:
    assert CUSTOMER.claims(folded(CUSTOMER, *history)) == claims


def test_a_customer_is_about_itself() -> None:
    assert CUSTOMER.customer_of(7, folded(CUSTOMER, registered)) == 7


ANOTHER: dict[str, Any] = {
    "email": "jane@example.com", "first_name": "Jane", "last_name": "Roe", "status": "inactive", "notes": "",
    "country": "DE", "state": None, "city": "Berlin", "postcode": "10115",
}  # fmt: skip


@pytest.mark.parametrize("name", CustomerProfile.__struct_fields__)
def test_each_field_of_the_profile_can_be_changed(name: str) -> None:
    assert name in ANOTHER, f"{name}: give it another value here, and see that ChangeCustomer takes it"
    changed = CUSTOMER.decide(ChangeCustomer(**{name: ANOTHER[name]}), folded(CUSTOMER, registered))
    after = folded(CUSTOMER, registered, *changed)
    assert after is not None
    assert after.profile == replace(JOHN, **{name: ANOTHER[name]})
    assert len(changed) == 1
