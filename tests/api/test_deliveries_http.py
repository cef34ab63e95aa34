"""What webhooks were sent, over HTTP: each attempt with its answer, sent again, how far behind, and who was told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import pytest

from api import app
from eventstore.postgres.watch import reachable
from tests.api.documented import Body, conforms
from tests.api.shop import Shop, done, open_shop, problems, reason, refusal, rule
from tests.api.test_webhooks_http import NO_WEBHOOK, made, shown
from tests.eventstore.acts import PATIENCE
from tests.webhooks.desk import deliveries as delivering
from tests.webhooks.receiver import Receiver, answering, receiving, take

T = TypeVar("T")
NEVER = 1e6  # seconds
NO_DELIVERY = rule(404, "Delivery not found.")


@pytest.fixture(name="shop")
async def shop_that_delivers(database: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """It delivers here, to this machine too, and not in a process beside it."""
    monkeypatch.setattr(app, "DELIVERER_SECONDS", NEVER)
    async with open_shop(database) as shop, reachable(database) as servers, delivering(shop.store, servers):
        yield shop


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def attempts(shop: Shop, id_: int, query: str = "per_page=199") -> Body:
    answer = await shop.get(f"/webhooks/{id_}/deliveries?{query}")
    conforms(answer)
    page: Body = done(answer)["deliveries"]
    return page


async def until(look: Callable[[], Awaitable[T]], is_so: Callable[[T], object]) -> T:
    """What is seen once it is so."""
    async with asyncio.timeout(PATIENCE):
        while not is_so(seen := await look()):  # noqa: ASYNC110 - what moves is in the database
            await asyncio.sleep(0.05)
    return seen


async def sent(shop: Shop, id_: int, count: int) -> list[Body]:
    """Attempts, the newest first, once there are so many."""
    page = await until(lambda: attempts(shop, id_), lambda page: len(page["data"]) >= count)
    data: list[Body] = page["data"]
    return data


async def test_each_attempt_is_listed_with_its_answer_page_by_page(shop: Shop, receiver: Receiver) -> None:
    id_ = (await made(shop, url=receiver.url(), types=["customer-registered"]))["id"]
    customers = [await shop.customer() for _ in range(3)]
    newest, *_, oldest = await sent(shop, id_, 3)
    assert (oldest["type"], oldest["kind"], oldest["attempt"]) == ("customer-registered", "new", 1)
    assert (oldest["status"], oldest["answer"], oldest["error"]) == (200, "thanks", "")
    assert {each["customer_id"] for each in (await attempts(shop, id_))["data"]} == set(customers)
    first = await attempts(shop, id_, "per_page=2")
    rest = await attempts(shop, id_, f"per_page=2&cursor={first['next_cursor']}")
    assert [each["id"] for each in first["data"] + rest["data"]] == sorted({newest["id"], oldest["id"]} | {
        each["id"] for each in first["data"]
    }, reverse=True)  # fmt: skip
    assert rest["next_cursor"] is None


async def test_a_delivery_is_sent_once_more_with_the_same_id(shop: Shop, receiver: Receiver) -> None:
    id_ = (await made(shop, url=receiver.url(), types=["customer-registered"]))["id"]
    await shop.customer()
    [delivery] = await sent(shop, id_, 1)
    for _ in range(2):
        answer = await shop.post(
            f"/webhooks/{id_}/deliveries/{delivery['id']}/resend", headers={"Idempotency-Key": "again"}
        )
        conforms(answer)
        done(answer)
    again, _ = await sent(shop, id_, 2)
    assert (again["kind"], again["position"]) == ("resent", delivery["position"])
    first, second = receiver.received
    assert (first.id, first.body) == (second.id, second.body)


async def test_what_is_not_there_is_neither_listed_nor_sent(shop: Shop) -> None:
    id_ = (await made(shop))["id"]
    for number in ("1", "0", "x", "99999999999999999999"):
        gone = await shop.post(f"/webhooks/{id_}/deliveries/{number}/resend")
        assert (refusal(gone), reason(gone)) == (NO_DELIVERY, "delivery_not_found")
    assert refusal(await shop.get("/webhooks/999999/deliveries")) == NO_WEBHOOK
    assert refusal(await shop.post("/webhooks/999999/deliveries/1/resend")) == NO_WEBHOOK
    assert problems(await shop.get(f"/webhooks/{id_}/deliveries?cursor=x")) == {"cursor": ["numeric"]}


async def test_a_webhook_that_fails_says_so_with_the_answer_and_is_no_longer_behind_once_it_takes_all(
    shop: Shop, receiver: Receiver
) -> None:
    receiver.answer = answering(500, text="the database is full")
    id_ = (await made(shop, url=receiver.url(), types=["customer-registered"]))["id"]
    customer = await shop.customer()
    behind = await until(lambda: shown(shop, id_), lambda one: one["lag"] and one["lag"]["last_failure"])
    lag = behind["lag"]
    assert (lag["events"], lag["customers_held_up"], lag["seconds"] > 0) == (1, 1, True)
    assert lag["failing_since"] is not None
    failure = lag["last_failure"]
    assert (failure["status"], failure["answer"], failure["customer_id"]) == (500, "the database is full", customer)
    [listed] = done(await shop.get("/webhooks"))["webhooks"]
    assert listed["lag"]["last_failure"] == failure
    receiver.answer = take
    done(await shop.post(f"/webhooks/{id_}/deliveries/{failure['id']}/resend"))
    await receiver.until(lambda: len(receiver.taken) == 1)


async def test_the_receipt_of_an_erasure_says_who_was_told_and_when_it_was_acknowledged(
    shop: Shop, receiver: Receiver
) -> None:
    id_ = (await made(shop, url=receiver.url(), types=["customer-registered"]))["id"]
    customer = await shop.customer()
    await sent(shop, id_, 1)
    done(await shop.delete(f"/customers/{customer}"))

    async def receipt() -> Body:
        answer = await shop.get(f"/customers/{customer}/erasure")
        conforms(answer)
        erasure: Body = done(answer)["erasure"]
        return erasure

    found = await until(receipt, lambda erasure: erasure["told"] and erasure["told"][0]["acknowledged_at"])
    [told] = found["told"]
    assert (told["webhook_id"], told["host"]) == (id_, "127.0.0.1")
    assert told["sent_at"] <= told["acknowledged_at"]
    done(await shop.delete(f"/webhooks/{id_}"))
    assert (await receipt())["told"] == [told]
    other = await shop.customer()
    done(await shop.delete(f"/customers/{other}"))
    assert done(await shop.get(f"/customers/{other}/erasure"))["erasure"]["told"] == []
