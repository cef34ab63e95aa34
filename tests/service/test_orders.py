"""What people do with orders and addresses, asked for without a web server."""

import pytest

from domain.address import AddressDetails, ChangeAddress
from domain.order import PlaceOrder, RecordPayment, RecordRefund
from domain.refusals import ClaimTaken, CustomerNotFound, TransactionRecorded, UnknownOrder
from domain.terms import Move, OrderDetails
from eventstore.store import Store
from projections.queries.lookups import find_address, find_order
from service import addresses, orders
from service.addresses import AddressUnfit
from tests.eventstore.acts import BY, erase, place, register, terms, transfer

HOME = AddressDetails(name="Ada", address_1="1 Main St", city="Albany", state="NY", postcode="12207", country="US")


async def test_an_order_goes_to_nobody_who_is_erased(store: Store) -> None:
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    order_id = await place(store, ada)
    await erase(store, eve)
    with pytest.raises(CustomerNotFound):
        await transfer(store, order_id, eve)
    with pytest.raises(CustomerNotFound):
        await place(store, eve)


async def test_nothing_more_is_said_of_the_erased(store: Store) -> None:
    order_id = await place(store, ada := await register(store, "ada@example.com"), 1_000)
    await erase(store, ada)
    refund = RecordRefund(amount=100, transaction_id="r-1", reason="Ada did not like it")
    await store.transact(BY, orders.recording(order_id, refund))
    order = await find_order(store.pool, order_id)
    assert order is not None
    assert (order["total_refund"], "did not like" in str(dict(order))) == (100, False)


async def test_a_payment_that_is_asked_for_again_says_which_order_has_it(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    first, second = await place(store, ada, 0), await place(store, ada, 0)
    await store.transact(BY, orders.recording(first, RecordPayment(amount=7, transaction_id="t-1")))
    again = orders.recording(second, RecordPayment(amount=8, transaction_id="t-1"))
    with pytest.raises(ClaimTaken):
        await store.transact(BY, again)
    with pytest.raises(TransactionRecorded) as refused:
        await store.transact(BY, again)
    assert refused.value.args == ("t-1", (first, Move("payment", 7)), (second, Move("payment", 8)))


async def test_an_address_has_what_its_country_asks_for_whoever_sends_it(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    nowhere = AddressDetails(name="Ada", country="US", city="Albany", state="NY")
    with pytest.raises(AddressUnfit) as refused:
        await store.transact(BY, lambda unit: addresses.add(unit, ada, "billing", nowhere))
    assert [field for field, _rule, _problem in refused.value.problems] == ["postcode"]
    id_ = await store.transact(BY, lambda unit: addresses.add(unit, ada, "billing", HOME))
    wanted = ChangeAddress(address_id=id_, country="CA")
    with pytest.raises(AddressUnfit):
        await store.transact(BY, lambda unit: addresses.change(unit, ada, wanted))


async def test_an_order_gets_the_address_that_names_it_if_it_is_the_customers(store: Store) -> None:
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    order_id = await place(store, ada)
    with pytest.raises(UnknownOrder):
        await store.transact(BY, lambda unit: addresses.add(unit, eve, "shipping", HOME, order_id=order_id))
    id_ = await store.transact(BY, lambda unit: addresses.add(unit, ada, "shipping", HOME, order_id=order_id))
    order, address = await find_order(store.pool, order_id), await find_address(store.pool, id_)
    assert order is not None
    assert address is not None
    assert (b"1 Main St" in order["shipping_address"], order["billing_address"]) == (True, None)
    assert (address["customer_id"], address["is_primary"]) == (ada, 1)


async def test_what_an_order_says_comes_with_it(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    wanted = PlaceOrder(terms=terms(ada, 100))
    details = OrderDetails(note="Ring twice")
    id_ = await store.transact(BY, lambda unit: orders.place(unit, wanted, details, 7))
    order = await find_order(store.pool, id_)
    assert order is not None
    assert (id_, order["note"]) == (7, "Ring twice")
    assert await place(store, ada) > id_
