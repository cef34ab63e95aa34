"""What people see after what happened. Each row is checked again after a replay."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from domain.address import (
    AddAddress,
    AddressDetails,
    AddressType,
    ChangeAddress,
    RemoveAddress,
    SetPrimaryAddress,
)
from domain.customer import (
    CUSTOMER,
    ChangeCustomer,
    CustomerProfile,
    RecordOrderDetails,
    RegisterCustomer,
    RelabelCustomer,
)
from domain.label import LABEL, CreateLabel, DeleteLabel, RenameLabel
from domain.order import (
    ORDER,
    ChangeOrderStatus,
    ChangePaymentStatus,
    DeleteOrder,
    PlaceOrder,
    RecordPayment,
    RecordRefund,
)
from domain.terms import Item, ItemWords, OrderDetails, OrderWords, Transaction
from domain.user import USER, ChangeUserProfile, DeleteUser, RegisterUser, UserProfile
from eventstore.store import Store
from projections.models.addresses import AddressRow
from projections.models.customers import CustomerRow
from projections.models.figures import FiguresRow
from projections.models.order_rows import OrderRow
from projections.replay.engine import replay
from tests.eventstore.acts import attach, detach, do, erase, place, register, say, terms, transfer
from tests.projections.rows import live, row

AT = datetime(2026, 3, 4, 5, 6, 7)  # noqa: DTZ001 - rows hold UTC without a zone
PAID_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SAID = ("note", "ip_address", "billing_address", "shipping_address")
HOME = AddressDetails(name="Ada", address_1="1 Main St", city="Paris", country="FR", label="home")


@pytest.fixture
async def store(store: Store) -> AsyncIterator[Store]:
    """Whatever a test leaves, a replay must leave the same."""
    yield store
    written = await live(store)
    await replay(store)
    assert await live(store) == written


async def customer(store: Store, id_: int = 1) -> CustomerRow:
    found: CustomerRow = await row(store, "customers", id_)
    return found


async def figures(store: Store, id_: int = 1) -> FiguresRow:
    found: FiguresRow = await row(store, "figures", id_)
    return found


async def order(store: Store, id_: int) -> OrderRow:
    found: OrderRow = await row(store, "orders", id_)
    return found


async def primaries(store: Store) -> dict[int, tuple[str, int]]:
    """Type and `is_primary` by address."""
    addresses: dict[int, AddressRow] = (await live(store))["addresses"]
    return {id_: (address.type, address.is_primary) for id_, address in addresses.items()}


def add(address_id: int, type_: AddressType, *, is_primary: bool = False) -> AddAddress:
    return AddAddress(address_id=address_id, type=type_, details=HOME, is_primary=is_primary)


# Customers


async def test_a_new_customer_has_a_row_without_purchases(store: Store) -> None:
    profile = CustomerProfile(email="Ada@Example.com", first_name="Ada", last_name="Byron", notes="a\nb", country="FR")
    await do(store, CUSTOMER, 1, RegisterCustomer(profile=profile, uuid="f" * 32, contact_id=4))
    assert await customer(store) == CustomerRow(
        id=1,
        user_id=None,
        contact_id=4,
        email="Ada@Example.com",
        first_name="Ada",
        last_name="Byron",
        status="active",
        notes="a\nb",
        uuid="f" * 32,
        country="FR",
        city=None,
        state=None,
        postcode=None,
        created_at=AT,
        updated_at=AT,
        labels=(),
    )
    assert await figures(store) == FiguresRow(
        id=1,
        version=1,
        ltv=0,
        purchase_count=0,
        aov=Decimal(0),
        first_purchase_date=None,
        last_purchase_date=None,
        purchase_value={},
    )


async def test_a_changed_customer_shows_what_changed_and_nothing_else(store: Store) -> None:
    await register(store, "ada@example.com")
    before = await customer(store)
    await do(store, CUSTOMER, 1, ChangeCustomer(email="a@example.com", city="Paris", status="archived"))
    assert await customer(store) == replace(before, email="a@example.com", city="Paris", status="archived")
    assert (await figures(store)).version == 4
    await do(store, CUSTOMER, 1, ChangeCustomer(city=None))
    assert (await customer(store)).city is None


async def test_labels_and_user_stand_in_the_customers_row(store: Store) -> None:
    await do(store, USER, 9, RegisterUser(profile=UserProfile(user_login="ada", user_email="ada@example.com")))
    await register(store, "ada@example.com")
    await do(store, CUSTOMER, 1, RelabelCustomer(labels=frozenset({3, 2}), existing=frozenset({2, 3})))
    await attach(store, 1, 9)
    assert ((await customer(store)).labels, (await customer(store)).user_id) == ((2, 3), 9)
    await do(store, CUSTOMER, 1, RelabelCustomer(labels=frozenset(), existing=frozenset({2, 3})))
    await detach(store, 1)
    assert ((await customer(store)).labels, (await customer(store)).user_id) == ((), None)


async def test_a_purchase_raises_the_customers_figures_and_version(store: Store) -> None:
    await register(store, "ada@example.com")
    await place(store, 1, 1_500)
    found = await figures(store)
    assert (found.ltv, found.purchase_count, found.aov, found.purchase_value) == (
        1_500,
        1,
        Decimal(1_500),
        {"USD": 1_500},
    )
    assert (found.first_purchase_date, found.last_purchase_date, found.version) == (AT, AT, 2)


# Addresses


async def test_an_address_shows_its_details(store: Store) -> None:
    await register(store, "ada@example.com")
    await do(store, CUSTOMER, 1, add(5, "billing"))
    address: AddressRow = await row(store, "addresses", 5)
    assert address == AddressRow(
        id=5,
        customer_id=1,
        is_primary=1,
        type="billing",
        status="active",
        label="home",
        name="Ada",
        address_1="1 Main St",
        address_2="",
        city="Paris",
        state="",
        postcode="",
        country="FR",
        phone="",
        email="",
        company_name="",
        created_at=AT,
        updated_at=AT,
    )
    await do(store, CUSTOMER, 1, ChangeAddress(address_id=5, city="Lyon"))
    assert await row(store, "addresses", 5) == replace(address, city="Lyon")


async def test_a_new_primary_address_demotes_the_other_of_its_type(store: Store) -> None:
    await register(store, "ada@example.com")
    await do(store, CUSTOMER, 1, add(5, "billing"), add(6, "billing"), add(7, "shipping"))
    assert await primaries(store) == {5: ("billing", 1), 6: ("billing", 0), 7: ("shipping", 1)}
    await do(store, CUSTOMER, 1, SetPrimaryAddress(address_id=6, type="billing"))
    assert await primaries(store) == {5: ("billing", 0), 6: ("billing", 1), 7: ("shipping", 1)}
    await do(store, CUSTOMER, 1, add(8, "billing", is_primary=True))
    assert await primaries(store) == {5: ("billing", 0), 6: ("billing", 0), 7: ("shipping", 1), 8: ("billing", 1)}


async def test_a_primary_address_that_changes_its_type_leaves_an_heir(store: Store) -> None:
    await register(store, "ada@example.com")
    await do(store, CUSTOMER, 1, add(5, "billing"), add(6, "billing"), add(7, "shipping"))
    await do(store, CUSTOMER, 1, ChangeAddress(address_id=5, type="shipping"))
    assert await primaries(store) == {5: ("shipping", 0), 6: ("billing", 1), 7: ("shipping", 1)}


async def test_the_id_of_a_removed_address_may_be_another_customers_later(store: Store) -> None:
    await register(store, "ada@example.com")
    await register(store, "eve@example.com")
    await do(store, CUSTOMER, 2, add(5, "billing"), add(6, "billing", is_primary=True), RemoveAddress(address_id=5))
    await do(store, CUSTOMER, 1, add(5, "billing"))
    assert (await row(store, "addresses", 5)).customer_id == 1


async def test_a_removed_address_is_gone(store: Store) -> None:
    await register(store, "ada@example.com")
    await do(store, CUSTOMER, 1, add(5, "billing"), add(6, "billing"))
    await do(store, CUSTOMER, 1, RemoveAddress(address_id=6))
    assert list(await primaries(store)) == [5]


# Orders


async def test_an_order_shows_its_terms_items_and_transactions(store: Store) -> None:
    await register(store, "ada@example.com")
    items = (
        Item(id=1, object_id=8, quantity=2, unit_price=500, rate=Decimal("1.10")),
        Item(id=2, object_id=3),
    )
    words = OrderWords(
        items=(ItemWords(title="Tea", other_info={"b": 1, "a": 2}), ItemWords(title="Cup")),
        config={"z": [1], "a": "é"},
    )
    charge = Transaction(id=4, transaction_type="charge", total=1_000, vendor_charge_id="ch_1", created_at=PAID_AT)
    placed = replace(terms(1, 1_000), items=items, transactions=(charge,), invoice_no="INV-1")
    await say(store, 1, 1, PlaceOrder(terms=placed, words=words))
    found = await order(store, 1)
    assert (found.total_paid, found.payment_status, found.invoice_no, found.customer_id) == (1_000, "paid", "INV-1", 1)
    assert (found.created_at, found.config, found.variations) == (AT, {"z": [1], "a": "é"}, (3, 8))
    assert [(item.id, item.order_id, item.title, item.quantity) for item in found.items] == [
        (1, 1, "Tea", 2),
        (2, 1, "Cup", 1),
    ]
    assert (str(found.items[0].rate), list(found.items[0].other_info)) == ("1.10", ["b", "a"])
    [transaction] = found.transactions
    assert (transaction.id, transaction.total, transaction.vendor_charge_id) == (4, 1_000, "ch_1")
    assert (transaction.order_id, transaction.currency, transaction.created_at) == (1, "USD", "2026-01-02 03:04:05")


async def test_payments_and_refunds_show_in_totals_status_and_transactions(store: Store) -> None:
    await register(store, "ada@example.com")
    unpaid = replace(terms(1, 1_000), total_paid=0, payment_status="pending")
    await do(store, ORDER, 1, PlaceOrder(terms=unpaid))
    steps: list[tuple[Any, tuple[int, int, str]]] = [
        (ChangePaymentStatus(payment_status="authorized"), (0, 0, "authorized")),
        (RecordPayment(amount=400, transaction_id="p1", paid_at=PAID_AT), (400, 0, "partially_paid")),
        (RecordPayment(amount=600, transaction_id="p2"), (1_000, 0, "paid")),
        (RecordPayment(amount=600, transaction_id="p2"), (1_000, 0, "paid")),
        (RecordRefund(amount=300, transaction_id="r1"), (1_000, 300, "partially_refunded")),
        (RecordRefund(amount=700, transaction_id="r2", refunded_at=PAID_AT), (1_000, 1_000, "refunded")),
    ]
    for command, shown in steps:
        await do(store, ORDER, 1, command)
        found = await order(store, 1)
        assert (found.total_paid, found.total_refund, found.payment_status) == shown
    found = await order(store, 1)
    moved = [(each.id, each.transaction_type, each.total, each.vendor_charge_id) for each in found.transactions]
    assert moved == [
        (1, "charge", 400, "p1"),
        (2, "charge", 600, "p2"),
        (3, "refund", 300, "r1"),
        (4, "refund", 700, "r2"),
    ]
    assert [each.created_at for each in found.transactions][::3] == ["2026-01-02 03:04:05"] * 2
    assert found.refunded_at == PAID_AT.replace(tzinfo=None)


async def test_a_completed_order_says_since_when(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    await do(store, ORDER, order_id, ChangeOrderStatus(status="completed"))
    found = await order(store, order_id)
    assert (found.status, found.completed_at) == ("completed", AT)


async def test_an_order_shows_what_it_holds_about_the_person(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    details = OrderDetails(note="Ring twice", ip_address="192.0.2.1", billing_address=HOME)
    await do(store, CUSTOMER, 1, RecordOrderDetails(order_id=order_id, details=details))
    found = await order(store, order_id)
    assert (found.note, found.ip_address, found.shipping_address) == ("Ring twice", "192.0.2.1", None)
    assert found.billing_address is not None
    assert found.billing_address["city"] == "Paris"
    await do(store, CUSTOMER, 1, RecordOrderDetails(order_id=order_id, details=OrderDetails(note="")))
    assert await order(store, order_id) == replace(found, note="")


async def test_a_transferred_order_goes_with_its_value_and_with_what_it_says(store: Store) -> None:
    await register(store, "ada@example.com")
    await register(store, "eve@example.com")
    order_id = await place(store, 1)
    details = OrderDetails(note="Ring twice", ip_address="192.0.2.1", billing_address=HOME, shipping_address=HOME)
    await do(store, CUSTOMER, 1, RecordOrderDetails(order_id=order_id, details=details))
    before = await order(store, order_id)
    await transfer(store, order_id, 2)
    found = await order(store, order_id)
    assert found == replace(before, customer_id=2, words_of=dict.fromkeys(SAID, 1))
    assert [(await figures(store, id_)).ltv for id_ in (1, 2)] == [0, 1_000]
    await do(store, CUSTOMER, 1, RecordOrderDetails(order_id=order_id, details=OrderDetails(note="Mine no more")))
    assert (await order(store, order_id)).note == "Ring twice"


async def test_orders_that_go_around_among_customers_belong_to_the_last_ones(store: Store) -> None:
    for name in ("ada", "eve", "bob"):
        await register(store, f"{name}@example.com")
    first, second = await place(store, 3), await place(store, 1)
    for customer_id in (1, 2, 1):
        await transfer(store, first, customer_id)
    await transfer(store, second, 2)
    await erase(store, 3)
    assert [(await order(store, id_)).customer_id for id_ in (first, second)] == [1, 2]
    assert [(await figures(store, id_)).ltv for id_ in (1, 2)] == [1_000, 1_000]
    assert [(await figures(store, id_)).version for id_ in (1, 2)] == [6, 4]


async def test_a_deleted_order_is_gone_from_the_list_and_the_figures(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    await do(store, ORDER, order_id, DeleteOrder())
    assert await row(store, "orders", order_id) is None
    assert ((await figures(store)).ltv, (await figures(store)).purchase_value) == (0, {})


# Erasure


async def test_erasing_removes_the_customer_and_its_addresses_and_clears_its_orders(store: Store) -> None:
    await register(store, "ada@example.com")
    order_id = await place(store, 1)
    await do(store, CUSTOMER, 1, add(5, "billing"), add(6, "shipping"))
    details = OrderDetails(note="Ring twice", ip_address="192.0.2.1", billing_address=HOME)
    await do(store, CUSTOMER, 1, RecordOrderDetails(order_id=order_id, details=details))
    await erase(store, 1)
    assert ((await live(store))["customers"], (await live(store))["figures"]) == ({}, {})
    assert (await live(store))["addresses"] == {}
    found = await order(store, order_id)
    assert (found.note, found.ip_address, found.billing_address, found.total_paid) == ("", "", None, 1_000)


async def test_erasing_leaves_what_an_order_holds_about_its_new_customer(store: Store) -> None:
    await register(store, "ada@example.com")
    await register(store, "eve@example.com")
    order_id = await place(store, 1)
    await do(store, CUSTOMER, 1, RecordOrderDetails(order_id=order_id, details=OrderDetails(note="Ada's")))
    await transfer(store, order_id, 2)
    await do(store, CUSTOMER, 2, RecordOrderDetails(order_id=order_id, details=OrderDetails(note="Eve's")))
    await erase(store, 1)
    assert (await order(store, order_id)).note == "Eve's"
    assert (await figures(store, 2)).ltv == 1_000


async def engraved(store: Store, customer_id: int) -> int:
    """An order in which everything is said that can be."""
    order_id = await place(store, customer_id)
    words = OrderWords(
        items=(ItemWords(title="Ring", post_title="Ada", other_info={"a": 1}, line_meta={"b": 2}, referrer="mail"),),
        payment_method_title="Ada's card",
        config={"gift": "Ada"},
    )
    placed = PlaceOrder(terms=replace(terms(customer_id, 1_000), items=(Item(id=1, object_id=7),)), words=words)
    await say(store, customer_id, order_id + 100, placed)
    details = OrderDetails(note="Ada's", ip_address="192.0.2.1", billing_address=HOME, shipping_address=HOME)
    await do(store, CUSTOMER, customer_id, RecordOrderDetails(order_id=order_id + 100, details=details))
    return order_id + 100


def silent(found: OrderRow) -> OrderRow:
    """Every word is gone; what is left is what figures, and sums by product, come from."""
    [item] = found.items
    bare = replace(item, title="", post_title="", other_info=[], line_meta=[], referrer=None)
    return replace(
        found, note="", ip_address="", billing_address=None, shipping_address=None, payment_method_title="", config={},
        items=[bare], words_of=None,
    )  # fmt: skip


async def test_erasing_takes_every_word_of_an_order_and_nothing_else(store: Store) -> None:
    order_id = await engraved(store, await register(store, "ada@example.com"))
    before = await order(store, order_id)
    await erase(store, 1)
    assert await order(store, order_id) == silent(before)
    assert before.variations == (7,)


@pytest.mark.parametrize("erased", [1, 2])
async def test_what_went_along_goes_with_either_customer(store: Store, erased: int) -> None:
    for name in ("ada", "eve"):
        await register(store, f"{name}@example.com")
    order_id = await engraved(store, 1)
    await transfer(store, order_id, 2)
    before = await order(store, order_id)
    await erase(store, erased)
    assert await order(store, order_id) == silent(before)


async def test_what_was_said_before_and_after_another_had_it_stays_when_that_one_goes(store: Store) -> None:
    for name in ("ada", "eve", "bob"):
        await register(store, f"{name}@example.com")
    order_id = await engraved(store, 1)
    await transfer(store, order_id, 2)
    own = RecordOrderDetails(order_id=order_id, details=OrderDetails(note="Eve's"), has_moved=True)
    await do(store, CUSTOMER, 2, own)
    await transfer(store, order_id, 3)
    await erase(store, 2)
    found = await order(store, order_id)
    assert (found.note, found.items[0].title, found.customer_id) == ("", "Ring", 3)
    await transfer(store, order_id, 1)
    mine = RecordOrderDetails(order_id=order_id, details=OrderDetails(note="Ada's"), has_moved=True)
    await do(store, CUSTOMER, 1, mine)
    await erase(store, 3)
    assert ((await order(store, order_id)).note, (await order(store, order_id)).items[0].title) == ("Ada's", "Ring")


async def test_money_still_moves_on_orders_of_an_erased_customer(store: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"))
    await erase(store, 1)
    await do(store, ORDER, order_id, RecordRefund(amount=100, transaction_id="r1"))
    assert (await order(store, order_id)).payment_status == "partially_refunded"
    assert ((await live(store))["customers"], (await live(store))["figures"]) == ({}, {})


# Users and labels


async def test_users_are_as_wordpress_tells_them(store: Store) -> None:
    profile = UserProfile(user_login="ada", user_email="ada@example.com", display_name="Ada")
    await do(store, USER, 9, RegisterUser(profile=profile))
    await do(store, USER, 9, ChangeUserProfile(display_name="Ada B."))
    user = await row(store, "users", 9)
    assert (user.user_login, user.user_email, user.display_name) == ("ada", "ada@example.com", "Ada B.")
    await do(store, USER, 9, RegisterUser(profile=replace(profile, display_name="")))
    assert (await row(store, "users", 9)).display_name == ""
    await do(store, USER, 9, DeleteUser())
    assert (await live(store))["users"] == {}


async def test_labels_are_listed_until_they_are_deleted(store: Store) -> None:
    await do(store, LABEL, 3, CreateLabel(value="gold"))
    await do(store, LABEL, 3, RenameLabel(value="golden"))
    label = await row(store, "labels", 3)
    assert (label.value, label.created_at, label.updated_at) == ("golden", AT, AT)
    await do(store, LABEL, 3, DeleteLabel())
    assert (await live(store))["labels"] == {}
