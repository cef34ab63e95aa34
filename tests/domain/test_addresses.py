from typing import Any

import pytest
from msgspec.structs import replace

from domain.address import (
    AddAddress,
    AddressAdded,
    AddressChanged,
    AddressDetails,
    AddressRemoved,
    AddressRetyped,
    ChangeAddress,
    PrimaryAddressSet,
    RemoveAddress,
    SetPrimaryAddress,
    primary_of,
)
from domain.customer import CUSTOMER, CustomerProfile, CustomerRegistered
from domain.event import Command
from domain.refusals import AddressExists, AddressNotFound, LastAddressKept, PrimaryAddressKept, PrimaryAddressNotSet
from tests.domain.specification import folded, given

JANE = CustomerProfile(email="jane@example.com", first_name="Jane")
HOME = AddressDetails(name="Jane", address_1="1 Elm Street", city="Springfield", country="US", label="Home")
OFFICE = AddressDetails(name="Jane", address_1="2 Oak Street", city="Springfield", country="US", label="Office")

registered = CustomerRegistered(profile=JANE, uuid="0" * 32)
home_added = AddressAdded(address_id=1, type="billing", details=HOME)
home_made_primary = PrimaryAddressSet(address_id=1)
office_added = AddressAdded(address_id=2, type="billing", details=OFFICE)
cabin_added = AddressAdded(address_id=3, type="billing", details=OFFICE)
depot_added = AddressAdded(address_id=9, type="shipping", details=OFFICE)
depot_made_primary = PrimaryAddressSet(address_id=9)

HOME_ONLY = (registered, home_added, home_made_primary)
HOME_AND_OFFICE = (*HOME_ONLY, office_added)
HOME_AND_DEPOT = (*HOME_ONLY, depot_added, depot_made_primary)


def test_the_first_address_of_a_type_becomes_primary() -> None:
    given(CUSTOMER, registered).when(AddAddress(address_id=1, type="billing", details=HOME)).then(
        home_added, home_made_primary
    )


def test_the_first_address_of_another_type_becomes_primary_of_that() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(AddAddress(address_id=9, type="shipping", details=OFFICE)).then(
        depot_added, depot_made_primary
    )


def test_a_further_address_is_not_primary() -> None:
    given(CUSTOMER, *HOME_ONLY).when(AddAddress(address_id=2, type="billing", details=OFFICE)).then(office_added)


def test_an_address_added_as_primary_demotes_the_other_of_its_type() -> None:
    add = AddAddress(address_id=2, type="billing", details=OFFICE, is_primary=True)
    given(CUSTOMER, *HOME_AND_DEPOT).when(add).then(office_added, PrimaryAddressSet(address_id=2, former=1))

    state = folded(CUSTOMER, *HOME_AND_DEPOT, office_added, PrimaryAddressSet(address_id=2, former=1))
    assert state is not None
    assert {id_: address.is_primary for id_, address in state.addresses.items()} == {1: False, 2: True, 9: True}


def test_an_address_id_is_given_once() -> None:
    add = AddAddress(address_id=1, type="shipping", details=OFFICE)
    given(CUSTOMER, *HOME_ONLY).when(add).refused(AddressExists, 1)


def test_a_change_leaves_what_is_not_sent() -> None:
    given(CUSTOMER, *HOME_ONLY).when(ChangeAddress(address_id=1, city="Shelbyville", label="")).then(
        AddressChanged(
            address_id=1,
            details=AddressDetails(name="Jane", address_1="1 Elm Street", city="Shelbyville", country="US"),
        )
    )


@pytest.mark.parametrize(
    "change",
    [
        ChangeAddress(address_id=1),
        ChangeAddress(address_id=1, type="billing", is_primary=True, name="Jane", city="Springfield", label="Home"),
    ],
)
def test_a_change_that_changes_nothing_is_no_event(change: Command) -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(change).then_nothing()


def test_a_change_never_demotes_by_omission() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(ChangeAddress(address_id=1, is_primary=False)).then_nothing()


def test_an_address_changed_to_primary_demotes_the_other() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(ChangeAddress(address_id=2, is_primary=True)).then(
        PrimaryAddressSet(address_id=2, former=1)
    )


def test_an_unknown_address_is_not_changed() -> None:
    given(CUSTOMER, *HOME_ONLY).when(ChangeAddress(address_id=5, name="Jane")).refused(AddressNotFound, 5)


def test_an_address_moves_to_a_type_that_has_a_primary_without_being_one() -> None:
    given(CUSTOMER, *HOME_AND_DEPOT, office_added).when(ChangeAddress(address_id=2, type="shipping")).then(
        AddressRetyped(address_id=2, type="shipping")
    )


def test_an_address_moves_to_a_type_that_has_none_and_becomes_its_primary() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(ChangeAddress(address_id=2, type="shipping")).then(
        AddressRetyped(address_id=2, type="shipping"), PrimaryAddressSet(address_id=2)
    )


def test_an_address_moves_to_a_type_as_its_primary_and_demotes_the_other() -> None:
    retype = ChangeAddress(address_id=2, type="shipping", is_primary=True)
    given(CUSTOMER, *HOME_AND_DEPOT, office_added).when(retype).then(
        AddressRetyped(address_id=2, type="shipping"), PrimaryAddressSet(address_id=2, former=9)
    )


def test_a_primary_address_that_changes_its_type_leaves_an_heir() -> None:
    history = (*HOME_AND_DEPOT, cabin_added, office_added)
    given(CUSTOMER, *history).when(ChangeAddress(address_id=1, type="shipping")).then(
        AddressRetyped(address_id=1, type="shipping"), PrimaryAddressSet(address_id=2)
    )


def test_a_primary_address_moves_as_primary_and_leaves_an_heir() -> None:
    retype = ChangeAddress(address_id=1, type="shipping", is_primary=True, label="Cabin")
    given(CUSTOMER, *HOME_AND_DEPOT, office_added).when(retype).then(
        AddressChanged(
            address_id=1,
            details=AddressDetails(
                name="Jane", address_1="1 Elm Street", city="Springfield", country="US", label="Cabin"
            ),
        ),
        AddressRetyped(address_id=1, type="shipping"),
        PrimaryAddressSet(address_id=1, former=9),
        PrimaryAddressSet(address_id=2),
    )


def test_the_only_address_of_a_type_may_leave_it_empty() -> None:
    given(CUSTOMER, *HOME_ONLY).when(ChangeAddress(address_id=1, type="shipping")).then(
        AddressRetyped(address_id=1, type="shipping"), PrimaryAddressSet(address_id=1)
    )


def test_making_an_address_primary_is_one_event() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(SetPrimaryAddress(address_id=2, type="billing")).then(
        PrimaryAddressSet(address_id=2, former=1)
    )


def test_making_the_primary_address_primary_is_no_event() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(SetPrimaryAddress(address_id=1, type="billing")).then_nothing()


def test_an_unknown_address_is_not_made_primary() -> None:
    set_primary = SetPrimaryAddress(address_id=5, type="billing")
    given(CUSTOMER, *HOME_AND_OFFICE).when(set_primary).refused(PrimaryAddressNotSet, 5, "billing")


def test_an_address_is_not_made_primary_of_another_type() -> None:
    set_primary = SetPrimaryAddress(address_id=2, type="shipping")
    given(CUSTOMER, *HOME_AND_OFFICE).when(set_primary).refused(PrimaryAddressNotSet, 2, "shipping")


def test_an_address_is_removed() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(RemoveAddress(address_id=2)).then(AddressRemoved(address_id=2))


def test_an_unknown_address_is_not_removed() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(RemoveAddress(address_id=5)).refused(AddressNotFound, 5)


def test_a_removed_address_is_unknown() -> None:
    history = (*HOME_AND_OFFICE, AddressRemoved(address_id=2))
    given(CUSTOMER, *history).when(RemoveAddress(address_id=2)).refused(AddressNotFound, 2)


def test_a_primary_address_cannot_be_removed() -> None:
    given(CUSTOMER, *HOME_AND_OFFICE).when(RemoveAddress(address_id=1)).refused(PrimaryAddressKept, 1)


def test_the_only_address_is_kept_as_the_primary_that_it_is() -> None:
    given(CUSTOMER, *HOME_ONLY).when(RemoveAddress(address_id=1)).refused(PrimaryAddressKept, 1)


def test_the_last_address_cannot_be_removed_even_if_it_were_not_primary() -> None:
    given(CUSTOMER, registered, home_added).when(RemoveAddress(address_id=1)).refused(LastAddressKept, 1)


def test_a_type_without_addresses_has_no_primary() -> None:
    state = folded(CUSTOMER, *HOME_ONLY)
    assert state is not None
    assert (primary_of(state.addresses, "billing"), primary_of(state.addresses, "shipping")) == (1, None)


@pytest.mark.parametrize("name", AddressDetails.__struct_fields__)
def test_each_detail_can_be_changed(name: str) -> None:
    another: dict[str, Any] = {name: "another"}
    given(CUSTOMER, *HOME_ONLY).when(ChangeAddress(address_id=1, **another)).then(
        AddressChanged(address_id=1, details=replace(HOME, **another))
    )
