"""Replays over HTTP: run by a process of their own, followed, swapped, rolled back, cancelled."""

import asyncio
import json
import os
import signal
from typing import Any

import pytest

from projections.replay import engine
from tests.api.documented import Body, conforms
from tests.api.shop import Shop, done, problems, refusal, rule
from tests.eventstore.acts import PATIENCE, until

NO_REPLAY = rule(404, "Replay not found.")
KEYS = [
    "id", "status", "projections", "customers", "from", "swap", "position", "events", "rate", "seconds_left",
    "differences", "poison", "not_rebuilt", "error", "started_by", "started_at", "finished_at",
]  # fmt: skip


async def followed(shop: Shop, id_: int) -> list[tuple[str, Body]]:
    """All events of a replay's stream, to its end."""
    answer = await asyncio.wait_for(shop.get(f"/replays/{id_}/progress"), PATIENCE)
    assert answer.headers["content-type"].startswith("text/event-stream")
    blocks = [
        dict(line.split(": ", 1) for line in block.splitlines()) for block in answer.text.split("\r\n\r\n") if block
    ]
    return [(block["event"], json.loads(block["data"])) for block in blocks]


async def made(shop: Shop, **asked: Any) -> Body:
    """A replay, when it has ended."""
    started = done(await shop.post("/replays", asked))
    assert started["message"] == "Replay started."
    *_, (event, last) = await followed(shop, started["data"]["id"])
    assert event == "end"
    return last


async def test_a_replay_is_compared_and_waits_to_be_swapped(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer()
    await shop.pay(await shop.order(id_, 900), 900)
    await shop.pool.execute("UPDATE figures SET ltv = 7")
    replay = await made(shop)
    assert list(replay) == KEYS
    assert (replay["status"], replay["swap"], replay["started_by"]) == ("ready", "never", "administrator")
    assert replay["events"] == {"done": replay["events"]["total"], "total": 3}
    assert replay["differences"]["figures"]["columns"] == {"ltv": 1}
    assert (await shop.shown(id_))["ltv"] == 7
    swapped = done(await shop.post(f"/replays/{replay['id']}/swap"))
    assert (swapped["message"], swapped["data"]["status"]) == ("Replay swapped.", "swapped")
    assert (await shop.shown(id_))["ltv"] == 900
    again = await shop.post(f"/replays/{replay['id']}/swap")
    assert refusal(again) == rule(409, "That cannot be done with a replay that is swapped.")
    back = done(await shop.post(f"/replays/{replay['id']}/rollback"))
    assert (back["message"], back["data"]["status"]) == ("Replay rolled back.", "rolled_back")
    assert (await shop.shown(id_))["ltv"] == 7


async def test_one_customer_is_rebuilt_and_swapped_at_once(shop: Shop) -> None:
    one, other = await shop.customer(), await shop.customer()
    await shop.pool.execute("UPDATE customers SET first_name = 'Eve' WHERE id = ANY($1)", [one, other])
    replay = await made(shop, customer_id=one, swap="always", projection="customers")
    assert replay["customers"] == {"first": one, "last": one}
    assert (replay["status"], replay["projections"]) == ("swapped", ["customers"])
    assert [(await shop.shown(id_))["first_name"] for id_ in (one, other)] == ["Jane", "Eve"]


async def test_customers_are_named_as_on_the_command_line(shop: Shop) -> None:
    ids = [await shop.customer() for _ in range(3)]
    await shop.pool.execute("UPDATE customers SET first_name = 'Eve' WHERE id = ANY($1)", ids)
    replay = await made(shop, customers=f"{ids[0]}-{ids[1]}", swap="always", projection="customers")
    assert replay["customers"] == {"first": ids[0], "last": ids[1]}
    assert [(await shop.shown(id_))["first_name"] for id_ in ids] == ["Jane", "Jane", "Eve"]
    assert (await made(shop, customers=ids[2]))["customers"] == {"first": ids[2], "last": ids[2]}


async def test_what_if_tells_figures_under_another_rule_and_leaves_everything_as_it_is(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer()
    order_id = await shop.order(id_, 900)
    await shop.pay(order_id, 900)
    await shop.refund(order_id, 200)
    before = await shop.shown(id_)
    answer = await shop.post("/replays", {"what_if": "gross-of-refunds"})
    assert conforms(answer) == "start_replay"
    told = done(answer)["data"]
    assert (told["rule"], told["instead_of"], told["customers"], told["changed"]) == (
        "gross-of-refunds", "net-of-refunds", 1, 1,
    )  # fmt: skip
    assert told["figures"]["ltv"] == {
        "before": 700, "after": 900, "up": 1, "down": 0, "unchanged": 0, "furthest_down": [],
        "furthest_up": [{"customer_id": id_, "before": 700, "after": 900, "by": 200}],
    }  # fmt: skip
    assert await shop.shown(id_) == before
    assert done(await shop.get("/replays"))["replays"] == []


async def test_those_of_a_position_on_are_rebuilt(shop: Shop) -> None:
    old = await shop.customer()
    position = await shop.position()
    new = await shop.customer()
    replay = await made(shop, **{"from": position + 1})
    assert replay["from"] == position + 1
    assert replay["differences"]["customers"]["rows"] == 1
    assert {old, new} <= {row[0] for row in await shop.pool.fetch("SELECT id FROM customers")}


async def test_replays_are_listed_newest_first(shop: Shop) -> None:
    first, second = await made(shop), await made(shop, projection="labels")
    listed = done(await shop.get("/replays"))["replays"]
    assert [each["id"] for each in listed[:2]] == [second["id"], first["id"]]
    assert done(await shop.get(f"/replays/{first['id']}")) == {"replay": first}


async def test_a_replay_is_cancelled(shop: Shop) -> None:
    replay = await made(shop)
    cancelled = done(await shop.post(f"/replays/{replay['id']}/cancel"))
    assert (cancelled["message"], cancelled["data"]["status"]) == ("Replay cancelled.", "cancelled")
    assert not await shop.pool.fetchval("SELECT to_regnamespace($1) IS NOT NULL", f"replay_{replay['id']}")


async def test_a_second_replay_is_refused_while_one_runs(shop: Shop) -> None:
    async with engine.alone(shop.pool):
        answer = await shop.post("/replays")
    assert refusal(answer) == rule(409, "Another replay is running.")


async def test_the_same_key_starts_one_replay(shop: Shop) -> None:
    headers = {"Idempotency-Key": "a replay"}
    answers = [await shop.post("/replays", {"projection": "users"}, headers=headers) for _ in range(2)]
    assert answers[0].content == answers[1].content
    await followed(shop, answers[0].json()["data"]["id"])


async def test_a_replay_whose_process_is_killed_is_gone_on_with(shop: Shop) -> None:
    await shop.customer()
    async with shop.pool.acquire() as holder, holder.transaction():
        await holder.execute("LOCK TABLE customers IN ACCESS SHARE MODE")  # so that it can't be swapped yet
        id_ = done(await shop.post("/replays", {"swap": "always"}))["data"]["id"]
        swapping = "SELECT status = 'swapping' FROM replays WHERE id = $1"
        await until(lambda: shop.pool.fetchval(swapping, id_), "it swaps")
        [pid] = shop.app.state.service.jobs.processes
        os.kill(pid, signal.SIGKILL)
        await until(lambda: other_process(shop, pid), "another process goes on")
    *_, (_, last) = await followed(shop, id_)
    assert last["status"] == "swapped"


async def other_process(shop: Shop, pid: int) -> bool:
    return any(other != pid for other in shop.app.state.service.jobs.processes)


@pytest.mark.parametrize(
    ("body", "field", "broken"),
    [
        ({"projection": "nonsense"}, "projection", "in"),
        ({"projection": 7}, "projection", "in"),
        ({"swap": "sometimes"}, "swap", "in"),
        ({"from": 0}, "from", "min"),
        ({"customer_id": "x"}, "customer_id", "numeric"),
        ({"customer_id": 7, "last_customer_id": 6}, "last_customer_id", "min"),
        ({"last_customer_id": 6}, "last_customer_id", "min"),
        ({"customer_id": 7, "projection": "labels"}, "projection", "in"),
        ({"customers": "7-9", "projection": "labels"}, "projection", "in"),
        ({"customers": "9-7"}, "customers", "invalid"),
        ({"customers": "5-"}, "customers", "invalid"),
        ({"customers": "0-5"}, "customers", "invalid"),
        ({"customers": "5 - 9"}, "customers", "invalid"),
        ({"customers": "\u0665-\u0669"}, "customers", "invalid"),
        ({"customers": 2**53}, "customers", "invalid"),
        ({"customers": -5}, "customers", "invalid"),
        ({"customers": [5, 9]}, "customers", "string"),
        ({"customers": "5-9", "customer_id": 5}, "customers", "invalid"),
        ({"customers": "5-9", "last_customer_id": 9}, "customers", "invalid"),
        ({"customers": ""}, "customers", "required"),
        ({"customers": None}, "customers", "required"),
        ({"customer_id": None}, "customer_id", "required"),
        ({"from": None}, "from", "required"),
        ({"what_if": None}, "what_if", "required"),
        ({"customer_id": " "}, "customer_id", "required"),
        ({"from": ""}, "from", "required"),
        ({"customer": "5-9"}, "customer", "unknown"),
        ({"Customers": "5-9"}, "Customers", "unknown"),
        ({"what_if": "guess"}, "what_if", "in"),
        ({"what_if": ""}, "what_if", "required"),
        ({"what_if": "gross-of-refunds", "customers": "5-9"}, "customers", "invalid"),
        ({"what_if": "gross-of-refunds", "swap": "always"}, "swap", "invalid"),
        ({"what-if": "gross-of-refunds"}, "what-if", "unknown"),
    ],
)
async def test_what_cannot_be_replayed_is_named(shop: Shop, body: Body, field: str, broken: str) -> None:
    assert problems(await shop.post("/replays", body)) == {field: [broken]}


@pytest.mark.parametrize("id_", ["0", "999999", "x", "-1", "9" * 30])
async def test_a_replay_that_is_not_there(shop: Shop, id_: str) -> None:
    for path in (f"/replays/{id_}", f"/replays/{id_}/progress"):
        assert refusal(await shop.get(path)) == NO_REPLAY
    for act in ("swap", "rollback", "cancel"):
        assert refusal(await shop.post(f"/replays/{id_}/{act}")) == NO_REPLAY
