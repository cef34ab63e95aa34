"""Erasing customers, with the users that are the same person; and the receipt, for whoever asks later."""

from collections.abc import Collection, Sequence
from typing import Any

from litestar import delete, get
from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.handling.writes import carry_out, just
from api.http.answer import Answer, answer
from api.http.refusals import Rule
from api.http.request import read_input
from domain.customer import CUSTOMER, Customer, EraseCustomer
from domain.event import Stream
from domain.refusals import CustomerNotFound
from domain.text import identity
from domain.user import USER, EraseUser
from eventstore.postgres.stream_ids import from_uuid, to_uuid
from eventstore.store import Unit
from projections.database import at_one_moment
from projections.history.pages import was_registered
from projections.history.receipt import Receipt, receipt
from projections.live.words import orders_ever
from projections.tables.projection import utc
from service.fields.reader import Fields
from service.reasons import Reason

MAX_REASON = 255

# As users are found for customers: by email, while nobody has them.
WITH_EMAIL = """
    SELECT u.id, u.user_email_identity FROM users AS u WHERE u.user_email_identity = ANY($1)
    AND NOT EXISTS (SELECT FROM customers AS c WHERE c.user_id = u.id)"""
WITH_KEY = "SELECT originator_id FROM stream_keys WHERE originator_id = ANY($1) AND wrapped IS NOT NULL"


def read_reason(fields: Fields) -> str:
    """Empty when none is given; one that says nothing is refused."""
    if fields.get("reason") is None:
        return ""
    return fields.required.text("reason", max_length=MAX_REASON)


async def erase(unit: Unit, ids: Sequence[int], reason: str) -> None:
    """Customers that stand, each with what its orders say, its user, users that it had and that are deleted, and one
    with its email.
    """
    customers = {id_: await _standing(unit, id_) for id_ in ids}
    emails = [identity.of_email(known.profile.email) for known in customers.values()]
    with_email: dict[str, set[int]] = {}
    for user_id, email in await unit.pool.fetch(WITH_EMAIL, emails):
        with_email.setdefault(email, set()).add(user_id)
    possible = {user_id for known in customers.values() for user_id in known.users}.union(*with_email.values())
    await unit.load_many(USER, possible)
    told_of, orders = await _told_of(unit, possible), await orders_ever(unit.pool, ids)
    for id_, known in customers.items():
        own = {known.user_id, *with_email.get(identity.of_email(known.profile.email), ())}
        deleted = {user_id for user_id in known.users if await unit.load(USER, user_id) is None}
        users = tuple(sorted((own | deleted) & told_of))
        told_of = told_of.difference(users)
        await unit.decide(CUSTOMER, id_, EraseCustomer(users=users, orders=tuple(orders[id_]), reason=reason))
        for user_id in users:
            await unit.decide(USER, user_id, EraseUser())


async def _standing(unit: Unit, id_: int) -> Customer:
    known = await unit.load(CUSTOMER, id_)
    if known is None or known.erased:
        raise CustomerNotFound
    return known


async def _told_of(unit: Unit, user_ids: Collection[int]) -> set[int | None]:
    """Users of whom there is something to erase: an import keeps links to users that were never here."""
    rows = await unit.pool.fetch(WITH_KEY, [to_uuid(Stream("user", user_id)) for user_id in user_ids])
    standing = [user_id for user_id in user_ids if await unit.load(USER, user_id) is not None]
    return {*standing, *(from_uuid(row[0]).id for row in rows)}


@delete("/customers/{customer_id:str}", opt=needs("customers/delete"), summary="Erase a customer", status_code=200)
async def delete_customer(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """For good: whatever says who it was can be read by nobody any more, and its orders leave the lists. The same as
    the bulk action, and it needs `customers/manage`, too. The answer holds no customer; a receipt stays at `erasure`.
    """
    id_, fields = customer_in_path(customer_id), Fields(await read_input(request))
    reason = read_reason(fields)
    fields.check_all()
    request.user.require("customers/manage")  # as for the bulk action that does the same

    async def work(unit: Unit) -> None:
        await erase(unit, [id_], reason)

    done = just({"message": "Customer has been deleted permanently", "data": ""})
    return await carry_out(request, work, done, customer_id=id_)


@get("/customers/{customer_id:str}/erasure", opt=needs("history/view"), summary="The receipt of an erasure")
async def get_erasure(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Who erased the customer, when and why, and how many events are sealed for good."""
    store, id_ = serving(request).store, customer_in_path(customer_id)
    async with at_one_moment(store.pool) as on:
        found = await receipt(on, store.log, id_)
        if found is None and not await was_registered(on, id_):
            raise CustomerNotFound
    if found is None:
        raise Rule(Reason.NOT_ERASED, "Customer is not erased.")
    return answer({"erasure": receipt_body(found)})


def receipt_body(found: Receipt) -> dict[str, Any]:
    return {name: getattr(found, name) for name in Receipt.__struct_fields__} | {"erased_at": str(utc(found.erased_at))}


HANDLERS: list[Any] = [delete_customer, get_erasure]
