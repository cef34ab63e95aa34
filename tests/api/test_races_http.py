"""Many clients at once."""

import asyncio
from collections import Counter

import pytest

from domain.event import Stream
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import OutcomeUnknown
from tests.api.shop import HOME, NUMBERS, Shop, done, new_email, refusal, rule
from tests.eventstore.acts import a_writer_waits, facts

UNREADABLE = "UPDATE stored_events SET state = '{}' WHERE originator_id = $1"
STREAMS = "SELECT count(DISTINCT originator_id) FROM stored_events WHERE topic LIKE 'customer-registered#%'"


async def test_of_two_hundred_creates_with_one_email_one_wins(empty_shop: Shop) -> None:
    shop = empty_shop
    email = new_email()
    spellings = [email, email.upper(), f" {email} ", email.title()]
    bodies = [{"email": spellings[number % 4], "first_name": f"Jane {number}"} for number in range(200)]
    answers = await asyncio.gather(*(shop.post("/customers", body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 199}
    refused = rule(400, "Customer already exists.")
    assert all(refusal(answer) == refused for answer in answers if answer.status_code != 200)
    assert await shop.pool.fetchval(STREAMS) == 1
    assert done(await shop.get("/customers"))["customers"]["total"] == 1
    assert await shop.pool.fetchval("SELECT count(*) FROM claims") == 1


async def test_of_many_customers_one_gets_the_user(shop: Shop) -> None:
    user_id, ids = await shop.user(), [await shop.customer() for _ in range(20)]
    body = {"user_id": user_id}
    answers = await asyncio.gather(*(shop.post(f"/customers/{id_}/attachable-user", body) for id_ in ids))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 422: 19}
    assert [(await shop.shown(id_))["user_id"] for id_ in ids].count(user_id) == 1


async def test_as_many_logins_are_made_as_customers_ask_for_at_once(shop: Shop) -> None:
    bodies = [{"email": f"rush@{number}.example", "first_name": "Jane", "wp_user": "yes"} for number in range(20)]
    answers = await asyncio.gather(*(shop.post("/customers", body) for body in bodies))
    users = {done(answer)["data"]["user_id"] for answer in answers}
    assert len(users) == 20
    assert None not in users


async def test_payments_at_once_all_count_and_repeated_ones_once(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_, 2_000)
    await asyncio.gather(*(shop.pay(order_id, 100, f"p{number % 20}") for number in range(40)))
    customer = await shop.shown(id_)
    assert (customer["ltv"], customer["purchase_count"]) == (2_000, 1)


async def test_refunds_at_once_never_exceed_what_was_paid(shop: Shop) -> None:
    order_id = await shop.order(await shop.customer(), 1_000, total_paid=1_000)
    bodies = [{"amount": 300, "transaction_id": f"r{next(NUMBERS)}"} for _ in range(10)]
    answers = await asyncio.gather(*(shop.post(f"/orders/{order_id}/refunds", body) for body in bodies))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 422: 7}
    assert done(await shop.get(f"/orders/{order_id}"))["order"]["total_refund"] == 900


async def test_addresses_made_primary_at_once_leave_one_primary(shop: Shop) -> None:
    id_ = await shop.customer()
    await asyncio.gather(*(shop.address(id_, is_primary=1) for _ in range(20)))
    ids = [address["id"] for address in await shop.addresses(id_)]
    assert len(ids) == 20
    path = f"/customers/{id_}/address"
    await asyncio.gather(
        *(shop.post(f"{path}/make-primary", {"addressId": address, "type": "billing"}) for address in ids),
        *(shop.put(path, HOME | {"id": address, "type": "shipping"}) for address in ids[::3]),
        *(shop.delete(path, {"address": {"id": address}}) for address in ids[::2]),
    )
    assert len(await shop.primaries(id_)) == 1
    assert len(await shop.primaries(id_, "shipping")) == 1


async def test_orders_passed_to_and_fro_count_for_exactly_one(shop: Shop) -> None:
    one, two = await shop.customer(), await shop.customer()
    orders = [await shop.order(one, 100, total_paid=100) for _ in range(5)]
    bodies = [{"customer_id": customer} for customer in (one, two)] * 5
    await asyncio.gather(
        *(shop.post(f"/orders/{order}/transfer", body) for order in orders for body in bodies),
        *(shop.pay(order, 10) for order in orders),
    )
    figures = [await shop.shown(id_) for id_ in (one, two)]
    assert sum(customer["ltv"] for customer in figures) == 550
    assert sum(customer["purchase_count"] for customer in figures) == 5


async def test_a_customer_erased_meanwhile_takes_nothing_more(shop: Shop) -> None:
    """Whoever comes after the erasure finds nobody; whoever came before is erased with it."""
    id_ = await shop.customer()
    erasure = {"action": "delete_customers", "customer_ids": [id_]}
    await asyncio.gather(
        *(shop.post(f"/customers/{id_}/address", HOME) for _ in range(10)),
        shop.post("/customers/do-bulk-action", erasure),
        *(shop.post("/orders", {"customer_id": id_, "total_amount": 1, "note": "n"}) for _ in range(10)),
    )
    assert (await shop.get(f"/customers/{id_}")).status_code == 404
    assert await shop.pool.fetchval("SELECT count(*) FROM addresses WHERE customer_id = $1", id_) == 0
    assert await shop.pool.fetchval("SELECT count(*) FROM orders WHERE customer_id = $1 AND note <> ''", id_) == 0


async def test_more_than_can_be_written_soon_is_turned_away_and_told_when_to_come_again(
    empty_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = empty_shop
    monkeypatch.setattr("eventstore.store.MAX_COMMANDS", 10)
    async with shop.pool.acquire() as slow, slow.transaction():
        await shop.store.log.append(slow, facts(999))
        bodies = [{"email": new_email(), "first_name": "Jane"} for _ in range(30)]
        requests = [asyncio.ensure_future(shop.post("/customers", body)) for body in bodies]
        await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        await a_writer_waits(shop.pool)
    answers = await asyncio.gather(*requests)
    assert Counter(answer.status_code for answer in answers) == {200: 10, 429: 20}
    assert {answer.headers.get("retry-after") for answer in answers if answer.status_code == 429} == {"1"}
    assert await shop.pool.fetchval("SELECT count(*) FROM customers") == 10


async def test_a_write_that_nobody_knows_the_outcome_of_says_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lost(*_: object, **__: object) -> None:
        raise OutcomeUnknown

    monkeypatch.setattr(shop.app.state.service.store, "answer", lost)
    answer = await shop.post("/labels", {"value": "lost"})
    assert answer.status_code == answer.json()["code"] == 503
    assert "whether it was written is not known" in answer.json()["message"]


async def test_a_write_to_what_cannot_be_read_any_more_is_refused_by_name(shop: Shop) -> None:
    label_id = done(await shop.post("/labels", {"value": "readable"}))["data"]["id"]
    await shop.pool.execute(UNREADABLE, to_uuid(Stream("label", label_id)))
    shop.app.state.service.store._instances.remembered.heads.drop(Stream("label", label_id))
    answer = await shop.ask("PUT", f"/labels/{label_id}", {"value": "more so"})
    told = rule(409, "An event of what this is about can't be read any more: nothing can be decided on it.")
    assert refusal(answer) == told
