"""Erasures and their receipts, asked for without a web server."""

import pytest

from domain.refusals import CustomerNotFound
from eventstore.store import Store
from service import privacy
from service.privacy import NotErased
from tests.eventstore.acts import BY, add_user, erase, register


async def test_who_is_erased_takes_its_user_and_the_free_user_with_its_email_along(store: Store) -> None:
    await add_user(store, 8, "grace")
    await add_user(store, 9, "ada")
    ada = await register(store, "ada@example.com", user_id=8)
    await store.transact(BY, lambda unit: privacy.erase(unit, [ada], "asked"))
    receipt = await privacy.find_receipt(store, ada)
    assert (receipt.users, receipt.reason, receipt.erased_by) == ((8, 9), "asked", BY.actor)


async def test_there_is_no_receipt_of_what_was_not_done(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    with pytest.raises(NotErased):
        await privacy.find_receipt(store, ada)
    with pytest.raises(CustomerNotFound):
        await privacy.find_receipt(store, ada + 1)


async def test_those_who_are_erased_already_are_passed_over(store: Store) -> None:
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    await erase(store, ada)
    await store.transact(BY, lambda unit: privacy.erase_registered(unit, [ada, eve], ""))
    assert (await privacy.find_receipt(store, eve)).customer_id == eve
    with pytest.raises(CustomerNotFound):
        await store.transact(BY, lambda unit: privacy.erase_registered(unit, [ada, eve], ""))


async def test_an_export_is_of_somebody_who_is_there(store: Store) -> None:
    ada = await register(store, "ada@example.com")
    assert (await privacy.export(store, ada)).customer["email"] == "ada@example.com"
    await erase(store, ada)
    with pytest.raises(CustomerNotFound):
        await privacy.export(store, ada)
