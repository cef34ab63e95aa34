"""What is held about a person: its erasure, the receipt of that, and the export."""

from collections.abc import Collection, Sequence

from domain import people
from domain.customer import CUSTOMER, EraseCustomer
from domain.event import Stream
from domain.refusals import CustomerNotFound
from domain.text import identity
from domain.user import USER, EraseUser
from eventstore.sealing.stream_keys import openable
from eventstore.store import Store, Unit
from projections.database import at_one_moment
from projections.history.pages import was_registered
from projections.history.person import Export, HeldCounts
from projections.history.person import count_held as count_held_about
from projections.history.person import export as export_customer
from projections.history.receipt import Receipt, lately_erased, receipt
from projections.live.words import orders_ever
from projections.queries.lookups import free_users_by_email
from service.customers import registered, require_customer

MAX_REASON = 255


class NotErased(Exception):
    """The customer is registered, and there is no receipt."""


async def erase(unit: Unit, ids: Sequence[int], reason: str) -> None:
    """Each customer with what its orders say, its user, its former users that are deleted, and a free user with its
    email. Raises CustomerNotFound.
    """
    customers = {id_: await require_customer(unit, id_) for id_ in ids}
    emails = [identity.of_email(customer.profile.email) for customer in customers.values()]
    with_email = await free_users_by_email(unit.on, emails)
    possible = {user_id for each in customers.values() for user_id in each.users}.union(*with_email.values())
    await unit.load_many(USER, possible)
    users = people.users_erased(customers, with_email, await _known(unit, possible))
    orders = await orders_ever(unit.on, ids)
    for id_ in customers:
        erasure = EraseCustomer(users=users[id_], orders=tuple(orders[id_]), reason=reason)
        await unit.decide(CUSTOMER, id_, erasure)
        for user_id in users[id_]:
            await unit.decide(USER, user_id, EraseUser())


async def erase_registered(unit: Unit, ids: Collection[int], reason: str) -> None:
    """Erases like `erase`, but skips those that are not registered, or erased. Raises CustomerNotFound when all are."""
    await erase(unit, await registered(unit, ids), reason)


async def _known(unit: Unit, user_ids: Collection[int]) -> dict[int, bool]:
    """Users who have something to erase, and whether they are registered."""
    sealed = {stream.id for stream in await openable(unit.on, [Stream("user", user_id) for user_id in user_ids])}
    known = {user_id: await unit.load(USER, user_id) is not None for user_id in user_ids}
    return {user_id: is_registered for user_id, is_registered in known.items() if is_registered or user_id in sealed}


async def find_receipt(store: Store, customer_id: int) -> Receipt:
    """Raises CustomerNotFound for a customer that never was, NotErased for one that is not erased."""
    async with at_one_moment(store.pool) as on:
        found = await receipt(on, store.log, customer_id)
        if found is None and not await was_registered(on, customer_id):
            raise CustomerNotFound
    if found is None:
        raise NotErased
    return found


async def newest_receipts(store: Store, limit: int) -> list[Receipt]:
    """The last erased first."""
    async with at_one_moment(store.pool) as on:
        found = [await receipt(on, store.log, id_) for id_ in await lately_erased(on, limit)]
    return [each for each in found if each is not None]


async def count_held(store: Store, customer_id: int) -> HeldCounts:
    """How much an export would have. Raises CustomerNotFound."""
    async with at_one_moment(store.pool) as on:
        found = await count_held_about(on, store.log, customer_id)
    if found is None:
        raise CustomerNotFound
    return found


async def export(store: Store, customer_id: int) -> Export:
    """Everything that is held about a customer, at one moment. Raises CustomerNotFound."""
    async with at_one_moment(store.pool) as on:
        found = await export_customer(on, store.log, customer_id)
    if found is None:
        raise CustomerNotFound
    return found
