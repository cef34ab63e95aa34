"""GET /events: pages after a position or a time, filters, long polls, and who may see what of them."""

import asyncio
import time
from typing import Any

import jsonschema_rs
import pytest

from api.http.reasons import Reason
from domain.events import TAGS
from service.credentials import passwords
from service.credentials.roles import Role
from tests.api.shop import Shop, done, problems, reason
from tests.eventstore.acts import PATIENCE, until
from tests.projections.history import History

MANY = 60  # long polls, three times as many as the pool has connections


async def events(shop: Shop, **asked: Any) -> dict[str, Any]:
    page: dict[str, Any] = done(await shop.get("/events", params=asked))["events"]
    return page


def ids(page: dict[str, Any]) -> list[int]:
    return [int(event["id"]) for event in page["data"]]


async def test_pages_follow_one_another_to_the_end(empty_shop: Shop) -> None:
    shop = empty_shop
    for _ in range(5):
        await shop.customer()
    first = await events(shop, limit=2)
    assert (ids(first), first["next"], first["caught_up"]) == ([1, 2], 2, False)
    second = await events(shop, after=first["next"], limit=2)
    last = await events(shop, after=second["next"], limit=2)
    assert (ids(last), last["next"], last["caught_up"]) == ([5], 5, True)
    assert await events(shop, after=5) == {"data": [], "next": 5, "caught_up": True}
    assert ids(await events(shop)) == [1, 2, 3, 4, 5]


async def test_a_page_of_many_bytes_ends_early_and_goes_on(empty_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.rest.feed.events.MAX_ANSWER", 2_000)
    for _ in range(5):
        await empty_shop.customer()
    first = await events(empty_shop, form="full")
    assert ids(first) == list(range(1, len(first["data"]) + 1))
    assert (first["next"], first["caught_up"]) == (len(first["data"]), False)
    assert 1 <= len(first["data"]) < 5
    rest = [id_ for after in range(first["next"], 5) for id_ in ids(await events(empty_shop, after=after, limit=1))]
    assert rest == list(range(first["next"] + 1, 6))


async def test_of_webhooks_nobody_learns_where_they_lead(empty_shop: Shop) -> None:
    await empty_shop.post("/webhooks", {"url": "https://crm.example.com/secret?token=secret"})
    [created] = (await events(empty_shop, form="full", types="webhook-created"))["data"]
    assert created["data"]["left_out"] == ["changes", "event"]
    assert "secret" not in str(created)


async def test_whoever_begins_at_a_time_gets_what_was_recorded_from_then_on(empty_shop: Shop) -> None:
    shop = empty_shop
    for _ in range(3):
        await shop.customer()
    _, second, _ = (await events(shop))["data"]
    assert ids(await events(shop, since=second["recordedtime"])) == [2, 3]
    assert ids(await events(shop, since="2001-01-01")) == [1, 2, 3]
    assert ids(await events(shop, since="2100-01-01 00:00:00")) == []
    assert problems(await shop.get("/events", params={"since": "2001-01-01", "after": 1})) == {"since": ["invalid"]}


async def test_filters_by_type_and_customer(empty_shop: Shop) -> None:
    shop = empty_shop
    ada, bob = await shop.customer(), await shop.customer()
    order = await shop.order(ada)
    await shop.post(f"/orders/{order}/transfer", {"customer_id": bob})
    assert [event["type"] for event in (await events(shop, customer_id=ada))["data"]] == [
        "customer-registered", "order-placed", "order-transferred",
    ]  # fmt: skip
    page = await events(shop, types="order-transferred,label-created", customer_id=bob)
    assert [event["data"]["former_customer_id"] for event in page["data"]] == [ada]
    assert page["caught_up"]
    assert problems(await shop.get("/events", params={"types": "customer-promoted"})) == {"types": ["in"]}


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"wait": 31}, "wait"), ({"after": -1}, "after"),
     ({"form": "fat"}, "form"), ({"customer_id": "x"}, "customer_id"), ({"since": "soon"}, "since")],
)  # fmt: skip
async def test_what_can_not_be_meant_is_refused(shop: Shop, asked: dict[str, Any], field: str) -> None:
    for path in ("/events", "/events/stream"):
        if field not in {"limit", "wait"} or path == "/events":
            assert list(problems(await shop.get(path, params=asked))) == [field]


async def test_whoever_is_beyond_the_end_learns_where_it_is(empty_shop: Shop) -> None:
    await empty_shop.customer()
    for path in ("/events", "/events/stream"):
        answer = await empty_shop.get(path, params={"after": 2})
        assert reason(answer) == Reason.BEYOND_THE_LOG
        assert "position 1:" in answer.json()["message"]
    answer = await empty_shop.get("/events/stream", headers={"Last-Event-ID": "2"})
    assert reason(answer) == Reason.BEYOND_THE_LOG


@pytest.mark.parametrize("last", ["-1", "abc", "9" * 19, "1.5", "\u0661".encode()])
async def test_a_last_event_id_that_is_none_is_refused(shop: Shop, last: str | bytes) -> None:
    assert problems(await shop.get("/events/stream", headers={"Last-Event-ID": last})) == {"Last-Event-ID": ["numeric"]}


async def test_a_poll_tells_nothing_to_a_credential_that_is_revoked_while_it_waits(shop: Shop) -> None:
    head = await shop.position()
    new = {"login": "crm", "name": "desk", "role": "administrator", "permissions": ["feeds/view"]}
    made = done(await shop.post("/credentials", new))["data"]
    poll = shop.get("/events", params={"after": head, "wait": 30}, auth=("crm", made["password"]))
    waiting = asyncio.create_task(poll)
    await until(lambda: following(shop), "somebody waits")
    await shop.delete(f"/credentials/{made['uuid']}")
    await shop.customer()
    assert (await asyncio.wait_for(waiting, PATIENCE)).status_code == 401


async def test_a_long_poll_is_answered_when_there_is_an_event(shop: Shop) -> None:
    head = await shop.position()
    waiting = asyncio.create_task(events(shop, after=head, wait=30))
    await until(lambda: following(shop), "somebody waits")
    await shop.customer()
    page = await asyncio.wait_for(waiting, PATIENCE)
    assert (ids(page), page["caught_up"]) == ([head + 1], True)
    assert not await following(shop)


async def following(shop: Shop) -> bool:
    return bool(shop.app.state.service.following._followers)


async def test_a_long_poll_for_other_events_goes_on_waiting_and_does_not_look_at_them_again(shop: Shop) -> None:
    head = await shop.position()
    waiting = asyncio.create_task(events(shop, after=head, wait=30, types="label-created"))
    await until(lambda: following(shop), "somebody waits")
    await shop.customer()
    await shop.label()
    page = await asyncio.wait_for(waiting, PATIENCE)
    assert (ids(page), page["next"]) == ([head + 2], head + 2)
    started = time.monotonic()
    nothing = await events(shop, after=head, wait=1, types="label-deleted")
    assert nothing == {"data": [], "next": head + 2, "caught_up": True}
    assert time.monotonic() - started >= 1


async def test_long_polls_hold_no_connections(shop: Shop) -> None:
    head = await shop.position()
    waiting = [asyncio.create_task(events(shop, after=head, wait=30)) for _ in range(MANY)]

    async def all_wait() -> bool:
        return bool(shop.app.state.service.following._followers == MANY)

    await until(all_wait, "all of them wait")
    # One of twenty is listening; commands and queries have all others.
    await asyncio.wait_for(shop.customer(), PATIENCE)
    assert {tuple(ids(page)) for page in await asyncio.gather(*waiting)} == {(head + 1,)}


@pytest.mark.parametrize(
    ("role", "thin", "full"),
    [("administrator", 200, 200), ("manager", 200, 403), ("worker", 403, 403), ("monitor", 403, 403)],
)
async def test_values_need_a_permission_of_their_own(shop: Shop, role: Role, thin: int, full: int) -> None:
    await shop.customer()
    for path in ("/events", "/events/stream"):
        for form, status in (("thin", thin), ("full", full)):
            for headers in ({}, {"Last-Event-ID": "1"}):
                asked = {"params": {"form": form}, "auth": (role, shop.passwords[role]), "headers": headers}
                assert (await shop.get(path, **asked)).status_code == status


async def test_a_credential_may_be_for_the_feed_alone(shop: Shop) -> None:
    made = await passwords.add(shop.pool, "crm", "administrator", "feed", ["feeds/view"])
    auth = ("crm", made.password)
    assert (await shop.get("/events", auth=auth)).status_code == 200
    assert (await shop.get("/events", params={"form": "full"}, auth=auth)).status_code == 403
    assert (await shop.get("/customers", auth=auth)).status_code == 403


async def test_every_event_is_as_the_schema_of_its_type_says(empty_shop: Shop) -> None:
    shop = empty_shop
    await History(shop.store, 51).live(200)
    known = {each["type"]: each["schema"] for each in done(await shop.get("/events/types"))["types"]}
    assert tuple(known) == TAGS
    validators = {type_: jsonschema_rs.validator_for(schema) for type_, schema in known.items()}
    seen = set()
    for form in ("thin", "full"):
        for event in (await events(shop, form=form, limit=1000))["data"]:
            validators[event["type"]].validate(event)
            seen.add(event["type"])
    assert len(seen) > 15
    closed = known["customer-renamed"]["properties"]["data"]["properties"]["event"]["anyOf"][0]
    assert closed["required"] == ["first_name", "last_name"]
