"""Erasing over HTTP: who goes with whom, what other processes know of it, and the receipt."""

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.event import Forgotten, Stream
from domain.refusals import CustomerNotFound
from domain.user import UserErased, UserProfileChanged, UserRegistered
from eventstore.postgres.stream_ids import to_uuid
from projections.database import open_store
from service.background.forgetting import forget
from service.credentials.roles import Role
from tests.api.searching import found_in
from tests.api.shop import FORBIDDEN, NO_CUSTOMER, Shop, done, new_email, problems, reason, refusal, rule
from tests.eventstore.acts import rename
from tests.eventstore.arriving import arriving_together, so_many_wait
from tests.projections.replays import asked, made

REASON = "asked by letter"
TOPICS = "SELECT topic FROM stored_events WHERE notification_id > $1 ORDER BY notification_id"
TRANSACTIONS = """
    SELECT count(DISTINCT xmin::text) FROM stored_events
    WHERE former_customer_id = $1 OR (originator_id = $2 AND topic LIKE 'customer-erased%')"""
NAMES = ("customer_id", "erased_by", "request_id", "reason", "events", "users")


async def erase(shop: Shop, id_: int, **options: Any) -> None:
    body = {"action": "delete_customers", "customer_ids": [id_], "reason": REASON}
    done(await shop.post("/customers/do-bulk-action", body, **options))


async def test_the_receipt_says_who_when_why_and_how_much_at_any_later_time(shop: Shop) -> None:
    id_ = await shop.customer(wp_user="yes")
    user_id = (await shop.shown(id_))["user_id"]
    await shop.order(id_)
    await erase(shop, id_, auth=("manager", shop.passwords["manager"]), headers={"X-Request-Id": f"erase-{id_}"})
    receipt = done(await shop.get(f"/customers/{id_}/erasure"))["erasure"]
    assert [receipt[name] for name in NAMES] == [id_, "manager", f"erase-{id_}", REASON, 2, [user_id]]
    assert receipt["erased_at"] <= str(datetime.now(UTC))
    done(await shop.put(f"/users/{user_id}", {"user_login": f"again{id_}", "user_email": f"again{id_}@example.com"}))
    assert done(await shop.get(f"/customers/{id_}/erasure"))["erasure"] == receipt


async def test_who_is_not_erased_has_no_receipt(shop: Shop) -> None:
    assert refusal(await shop.get(f"/customers/{await shop.customer()}/erasure")) == rule(
        404, "Customer is not erased."
    )
    assert refusal(await shop.get("/customers/4711471/erasure")) == NO_CUSTOMER


@pytest.mark.parametrize("role", ["manager", "worker", "monitor"])
async def test_receipts_are_for_administrators(shop: Shop, role: Role) -> None:
    id_ = await shop.customer()
    await erase(shop, id_)
    assert refusal(await shop.get(f"/customers/{id_}/erasure", auth=(role, shop.passwords[role]))) == FORBIDDEN


async def test_a_reason_has_its_limits(shop: Shop) -> None:
    body = {"action": "delete_customers", "customer_ids": [await shop.customer()], "reason": "r" * 256}
    assert problems(await shop.post("/customers/do-bulk-action", body)) == {"reason": ["maxLength"]}


@pytest.mark.parametrize("blank", ["", "  ", "\u00a0", "\u200b"])
async def test_a_reason_is_not_blank(shop: Shop, blank: str) -> None:
    id_ = await shop.customer()
    body = {"action": "delete_customers", "customer_ids": [id_], "reason": blank}
    assert problems(await shop.post("/customers/do-bulk-action", body)) == {"reason": ["required"]}
    assert (await shop.shown(id_))["id"] == id_


async def test_the_document_asks_for_no_reason(shop: Shop) -> None:
    """So that the original's clients erase as they always did; the receipt has none then."""
    for body in ({}, {"reason": None}):
        id_ = await shop.customer()
        done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [id_]} | body))
        assert done(await shop.get(f"/customers/{id_}/erasure"))["erasure"]["reason"] == ""


async def test_a_request_that_is_sent_again_brings_nobody_back(shop: Shop) -> None:
    person, key = {"email": new_email(), "first_name": "Jane"}, {"Idempotency-Key": f"for {new_email()}"}
    created = await shop.post("/customers", person, headers=key)
    await erase(shop, done(created)["data"]["id"])
    before = await shop.position()
    again = await shop.post("/customers", person, headers=key)
    message = "The answer under this Idempotency-Key was about somebody who is erased."
    assert refusal(again) == rule(410, message)
    assert await shop.position() == before


async def users(shop: Shop) -> set[int]:
    return {each["ID"] for each in done(await shop.get("/users"))["users"]}


async def test_the_linked_user_goes_with_its_customer_and_may_come_back(shop: Shop) -> None:
    id_ = await shop.customer(wp_user="yes")
    user_id = (await shop.shown(id_))["user_id"]
    await erase(shop, id_)
    assert user_id not in await users(shop)
    profile = {"user_login": f"user{user_id}", "user_email": f"user{user_id}@example.net"}
    done(await shop.put(f"/users/{user_id}", profile))
    done(await shop.put(f"/users/{user_id}", profile | {"first_name": "Jane"}))
    async with open_store(shop.dsn, connections=1) as elsewhere:  # which remembers nothing of it
        events = await elsewhere.log.stream(elsewhere.pool, Stream("user", user_id))
    assert [type(each.event) for each in events] == [Forgotten, UserErased, UserRegistered, UserProfileChanged]
    other = await shop.customer(user_id=user_id)
    assert (await shop.shown(other))["user_id"] == user_id
    assert (await made(shop.store, asked("equal"))).status == "swapped"


@pytest.mark.parametrize("erased", ["former", "latter"])
async def test_what_went_to_another_customer_with_an_order_goes_with_either(shop: Shop, erased: str) -> None:
    id_, other = await shop.customer(), await shop.customer()
    order_id = await shop.order(id_, 500, note="ring twice", total_paid=500, items=[{"title": "For Zelda"}])
    key = {"headers": {"Idempotency-Key": f"transfer {order_id}"}}
    transferred = await shop.post(f"/orders/{order_id}/transfer", {"customer_id": other}, **key)
    assert done(transferred)["data"]["order_items"][0]["title"] == "For Zelda"
    gone, stands = (id_, other) if erased == "former" else (other, id_)
    await erase(shop, gone)
    order = done(await shop.get(f"/orders/{order_id}"))["order"]
    assert (order["note"], order["order_items"][0]["title"], order["total_paid"]) == ("", "", 500)
    again = await shop.post(f"/orders/{order_id}/transfer", {"customer_id": other}, **key)
    assert again.status_code == 410
    assert "Zelda" not in str(done(await shop.get(f"/customers/{gone}/history")))
    assert ("Zelda" in str(done(await shop.get(f"/customers/{stands}/history")))) == (stands == id_)
    assert (await made(shop.store, asked("equal"))).status == "swapped"


async def test_what_leaves_with_an_order_while_its_customer_is_erased_goes_too(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    order_id = await shop.order(id_, 500, items=[{"title": "For Zelda"}])
    key = {"headers": {"Idempotency-Key": f"transfer {order_id}"}}
    async with arriving_together(shop.store) as start:
        [transferred] = start(shop.post(f"/orders/{order_id}/transfer", {"customer_id": other}, **key))
        await so_many_wait(shop.store, 1)
        [erased] = start(erase(shop, id_))
    assert (done(transferred.result())["data"]["customer_id"], erased.exception()) == (other, None)
    transactions = await shop.store.pool.fetchval(TRANSACTIONS, id_, to_uuid(Stream("customer", id_)))
    assert transactions == 1, "they are not in one batch"
    assert (await shop.post(f"/orders/{order_id}/transfer", {"customer_id": other}, **key)).status_code == 410


async def test_an_order_says_nothing_more_of_a_customer_who_is_erased(shop: Shop) -> None:
    id_ = await shop.customer()
    order_id = await shop.order(id_, 500, total_paid=500)
    await erase(shop, id_)
    assert refusal(await shop.put(f"/orders/{order_id}", {"note": "Zelda called"})) == NO_CUSTOMER
    body = {"amount": 100, "transaction_id": "re_1", "reason": "Zelda moved"}
    assert done(await shop.post(f"/orders/{order_id}/refunds", body))["data"]["total_refund"] == 100
    [refund] = done(await shop.get("/history?type=refund-recorded&per_page=1"))["history"]["data"]
    assert (refund["data"]["amount"], refund["data"]["words"]) == (100, None)


async def test_users_with_its_email_or_that_it_had_go_too_unless_they_are_somebody_elses(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    email = (await shop.shown(id_))["email"]
    same = await shop.user(user_email=email.upper())
    deleted, moved, stranger = [await shop.user() for _ in range(3)]
    for user_id in (deleted, moved):
        done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
        done(await shop.post(f"/customers/{id_}/detach-user"))
    done(await shop.delete(f"/users/{deleted}"))
    done(await shop.post(f"/customers/{other}/attachable-user", {"user_id": moved}))
    await erase(shop, id_)
    receipt = done(await shop.get(f"/customers/{id_}/erasure"))["erasure"]
    assert receipt["users"] == sorted([same, deleted])
    assert await users(shop) >= {moved, stranger}
    assert same not in await users(shop)


async def test_a_receipt_counts_what_orders_said_of_the_customer_too_and_of_nobody_else(shop: Shop) -> None:
    id_, other = await shop.customer(), await shop.customer()
    order_id = await shop.order(id_, 500, total_paid=500, items=[{"title": "For Zelda"}])
    body = {"amount": 100, "transaction_id": f"re_{order_id}", "reason": "Zelda moved"}
    done(await shop.post(f"/orders/{order_id}/refunds", body))
    await shop.order(id_, 500)  # which says nothing
    strangers = await shop.order(other, 500, items=[{"title": "For Link"}])
    done(await shop.post(f"/orders/{strangers}/transfer", {"customer_id": id_}))
    await erase(shop, id_)
    assert done(await shop.get(f"/customers/{id_}/erasure"))["erasure"]["events"] == 3


async def test_of_many_that_are_erased_at_once_each_has_its_receipt(shop: Shop) -> None:
    ids = [await shop.customer(wp_user="yes") for _ in range(5)]
    body = {"action": "delete_customers", "customer_ids": [*ids, 4711471], "reason": REASON}
    done(await shop.post("/customers/do-bulk-action", body))
    receipts = [done(await shop.get(f"/customers/{id_}/erasure"))["erasure"] for id_ in ids]
    assert [(each["customer_id"], each["events"], len(each["users"])) for each in receipts] == [
        (id_, 2, 1) for id_ in ids
    ]


async def test_plain_events_that_another_tool_has_written_are_erased_too(shop: Shop) -> None:
    id_ = await shop.customer(first_name="Zsófia")
    done(await shop.put(f"/customers/{id_}", {"email": new_email(), "first_name": "Quimbölt"}))
    stream = to_uuid(Stream("customer", id_))
    plain = '{"event":"customer-registered","profile":{"email":"z@example.com","first_name":"Zsófia"},"uuid":"0"}'
    await shop.pool.execute(
        "UPDATE stored_events SET state = convert_to($2, 'UTF8') WHERE originator_id = $1 AND originator_version = 1",
        stream, plain,
    )  # fmt: skip
    await erase(shop, id_)
    states = await shop.pool.fetch(
        "SELECT encode(state, 'escape') FROM stored_events WHERE originator_id = $1 ORDER BY originator_version", stream
    )
    assert found_in("".join(row[0] for row in states).encode(), ["Zsófia", "Quimbölt"]) == []
    entries = done(await shop.get(f"/customers/{id_}/history"))["history"]["data"]
    assert [entry["data"] for entry in entries[1:]] == [None] * (len(entries) - 1)


async def test_another_process_forgets_what_it_remembers(shop: Shop) -> None:
    id_ = await shop.customer()
    async with open_store(shop.dsn, connections=2) as elsewhere:
        await rename(elsewhere, id_, "Zsófia")
        assert elsewhere._instances.remembered.heads.newest(Stream("customer", id_))
        keys = elsewhere.log.sealing.cipher.cache_info
        assert keys().currsize == 1
        await erase(shop, id_)
        await forget(elsewhere)
        assert keys().currsize == 0
        assert elsewhere._instances.remembered.heads.newest(Stream("customer", id_)) is None
        with pytest.raises(CustomerNotFound):
            await rename(elsewhere, id_, "Quimbölt")


async def test_deleting_a_customer_is_the_bulk_action_on_one(shop: Shop) -> None:
    """The same events, down to the user's; and the receipt has the reason, from the body or the query."""
    told = []
    for in_query in (None, True, False):
        id_ = await shop.customer(wp_user="yes")
        user_id = (await shop.shown(id_))["user_id"]
        await shop.order(id_)
        before = await shop.position()
        if in_query is None:
            await erase(shop, id_)
        else:
            sent: Any = {"params": {"reason": REASON}} if in_query else {"body": {"reason": REASON}}
            answer = await shop.delete(f"/customers/{id_}", **sent)
            assert done(answer) == {"message": "Customer has been deleted permanently", "data": ""}
        events = await shop.pool.fetch(TOPICS, before)
        receipt = done(await shop.get(f"/customers/{id_}/erasure"))["erasure"]
        assert receipt["users"] == [user_id]
        told.append(([row["topic"] for row in events], receipt["reason"]))
        assert refusal(await shop.delete(f"/customers/{id_}")) == NO_CUSTOMER
    assert told[0] == told[1] == told[2]


async def test_it_is_deleted_once_for_a_key_and_only_in_the_version_that_is_named(shop: Shop) -> None:
    id_ = await shop.customer()
    stale = await shop.delete(f"/customers/{id_}", headers={"If-Match": '"99"'})
    assert reason(stale) == "version_changed"
    keyed = {"Idempotency-Key": f"delete-{id_}"}
    first, second = [await shop.delete(f"/customers/{id_}", headers=keyed) for _ in range(2)]
    assert done(first) == done(second)
    assert second.headers["idempotency-replayed"] == "true"


async def test_deleting_needs_what_the_bulk_action_needs(shop: Shop) -> None:
    id_ = await shop.customer()
    for role in ("worker", "monitor"):
        assert refusal(await shop.delete(f"/customers/{id_}", auth=(role, shop.passwords[role]))) == FORBIDDEN
    said = {"login": "ann", "name": f"phone {id_}", "role": "manager", "permissions": ["customers/delete"]}
    password = done(await shop.post("/credentials", said))["data"]["password"]
    assert refusal(await shop.delete(f"/customers/{id_}", auth=("ann", password))) == FORBIDDEN
    assert problems(await shop.delete(f"/customers/{id_}", {"reason": " \u200b"})) == {"reason": ["required"]}
    done(await shop.delete(f"/customers/{id_}", auth=("manager", shop.passwords["manager"])))
