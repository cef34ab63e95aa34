"""What people do with customers, asked for without a web server."""

import pytest

from domain.customer import ChangeCustomer, CustomerProfile
from domain.refusals import ClaimTaken, CustomerNotFound, UnknownLabel, UnknownUser
from domain.user import ChangeUserProfile
from eventstore.store import Store
from projections.queries.customers import find_customer
from projections.queries.lookups import find_user
from service import customers, labels, users
from service.customers import Registration, Update
from tests.eventstore.acts import BY, add_user

ADA = CustomerProfile(email="ada@example.com", first_name="Ada", last_name="Byron")


async def register(store: Store, wanted: Registration) -> int:
    find_free_user = users.finding_free_users(store.pool)
    return await store.transact(BY, lambda unit: customers.register(unit, wanted, find_free_user))


async def user_of(store: Store, customer_id: int) -> int | None:
    customer = await find_customer(store.pool, customer_id)
    assert customer is not None
    user_id: int | None = customer["user_id"]
    return user_id


async def test_the_free_user_with_its_email_is_linked_whoever_is_named(store: Store) -> None:
    await add_user(store, 8, "grace")
    await add_user(store, 9, "ada")
    assert await user_of(store, await register(store, Registration(profile=ADA, user_id=8, makes_user=True))) == 9


async def test_a_named_user_must_be_there_and_be_nobody_elses(store: Store) -> None:
    await add_user(store, 8, "grace")
    with pytest.raises(UnknownUser):
        await register(store, Registration(profile=ADA, user_id=7))
    assert await user_of(store, await register(store, Registration(profile=ADA, user_id=8))) == 8
    eve = CustomerProfile(email="eve@example.com", first_name="Eve")
    with pytest.raises(ClaimTaken):
        await register(store, Registration(profile=eve, user_id=8))


async def test_a_user_that_is_made_gets_a_login_that_is_free(store: Store) -> None:
    taken = CustomerProfile(email="ada@elsewhere.example", first_name="Ada")
    await register(store, Registration(profile=taken, makes_user=True))
    user_id = await user_of(store, await register(store, Registration(profile=ADA, makes_user=True)))
    user = await find_user(store.pool, user_id or 0)
    assert user is not None
    assert (user["user_login"], user["user_email"], user["display_name"]) == ("ada2", ADA.email, "Ada Byron")


async def test_a_user_follows_its_customer_and_gets_what_is_said_of_itself(store: Store) -> None:
    id_ = await register(store, Registration(profile=ADA, makes_user=True))
    wanted = Update(customer=ChangeCustomer(first_name="Augusta"), user=ChangeUserProfile(display_name="The Countess"))
    await store.transact(BY, lambda unit: customers.update(unit, id_, wanted))
    user = await find_user(store.pool, await user_of(store, id_) or 0)
    assert user is not None
    assert (user["first_name"], user["last_name"], user["display_name"]) == ("Augusta", "Byron", "The Countess")


async def test_labels_must_be_there(store: Store) -> None:
    id_ = await register(store, Registration(profile=ADA))
    label_id = await store.transact(BY, lambda unit: labels.create(unit, "VIP"))
    wanted = frozenset({label_id})
    await store.transact(BY, lambda unit: customers.set_labels(unit, id_, wanted))
    with pytest.raises(UnknownLabel) as refused:
        await store.transact(BY, lambda unit: customers.set_labels(unit, id_, wanted | {label_id + 1}))
    assert refused.value.args == (label_id + 1,)


async def test_a_status_changes_for_those_who_are_there(store: Store) -> None:
    id_ = await register(store, Registration(profile=ADA))
    await store.transact(BY, lambda unit: customers.change_status(unit, [id_, id_ + 1], "archived"))
    customer = await find_customer(store.pool, id_)
    assert customer is not None
    assert customer["status"] == "archived"
    with pytest.raises(CustomerNotFound):
        await store.transact(BY, lambda unit: customers.change_status(unit, [id_ + 1], "active"))
