"""`as_of`: what was answered then is answered again."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, NamedTuple

import httpx
import pytest

from api.app import AT_ONCE, WAITING
from api.http.turns import RETRY_AFTER
from projections.queries.relations import OF_CUSTOMER, OF_ORDER
from tests.api.documented import OPERATIONS, conforms
from tests.api.shop import NO_CUSTOMER, Shop, done, new_email, problems, refusal
from tests.projections.history import History

ONE = (
    "/customers/{}",
    "/customers/{}/address",
    "/customers/{}/orders",
    "/customers/{}/order",
    "/customers/get-stats/{}",
    "/customers/{}/ltv/explain",
)
EVERY = (*ONE, "/customers")
GONE = 404, {"message": "Customer not found", "back_text": "Back to Customer List", "back_url": "/customers"}
BACKDATE = """
    UPDATE stored_events SET recorded_at = timestamptz '2026-01-01 00:30Z' + notification_id * interval '1 hour'"""
RECORDED = "SELECT recorded_at FROM stored_events WHERE notification_id = $1"
START = datetime.now(UTC)


def filters(*items: tuple[str, str, Any]) -> dict[str, Any]:
    known = [{"source": name.split("/"), "operator": operator, "value": value} for name, operator, value in items]
    return {"filter_type": "advanced", "advanced_filters": json.dumps([known])}


OF_ONE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/customers/{}", {"with": ",".join(OF_CUSTOMER)}),
    ("/customers/{}", {"params[customer_only]": "yes"}),
    ("/customers/{}/address", {}),
    ("/customers/{}/address", {"type": "shipping"}),
    ("/customers/{}/orders", {"with": ",".join(OF_ORDER), "per_page": 3, "sort_by": "total_amount", "page": 2}),
    ("/customers/{}/orders", {"search": "Zoë", "select": "id,status,customer_id", "sort_type": "asc"}),
    ("/customers/{}/orders", {"active_view": "paid"} | filters(("order/order_items", "in", [1, 2, 3]))),
    ("/customers/{}/order", {}),
    ("/customers/get-stats/{}", {}),
    ("/customers/{}/ltv/explain", {}),
)  # fmt: skip
OF_ALL: tuple[dict[str, Any], ...] = (
    {"with": ",".join(OF_CUSTOMER), "sort_by": "ltv"},
    {"per_page": 2, "page": 2, "sort_by": "first_name", "sort_type": "asc"},
    {"search": "example.com", "sort_by": "email", "per_page": 3},
    {"search": "ltv>1000", "select": "email,ltv,aov", "sort_by": "aov"},
    {"active_view": "archived", "include_ids[]": 3},
    filters(("labels/labels", "in", [1, 2, 3])),
    filters(("order/order_items", "in_all", [1, 2]), ("order/purchase_count", ">", 0)),
    filters(("order/last_purchase_date", "days_before", 30)) | {"user_tz": "Asia/Tokyo"},
)


class Answer(NamedTuple):
    status: int
    version: str | None
    text: str


class Asked(NamedTuple):
    path: str
    params: dict[str, Any]
    answer: Answer


class Lately(History):
    """Orders of the last months, none of which is a whole number of days old while the test runs; nobody is erased."""

    def _when(self) -> datetime:
        return START - timedelta(days=self._chance.randrange(100), hours=12)

    async def _erase(self, unit: Any) -> None:
        await self._change(unit)


async def ask(shop: Shop, path: str, params: dict[str, Any], as_of: object = None) -> Answer:
    """What is answered, but for `as_of` in its links."""
    sent = params if as_of is None else params | {"as_of": as_of}
    answer = await shop.get(path, params=sent)
    text = answer.text if as_of is None else answer.text.replace(f"{httpx.QueryParams({'as_of': str(as_of)})}&", "")
    conforms(answer)
    return Answer(answer.status_code, answer.headers.get("etag"), text)


async def answers(shop: Shop, ids: list[int]) -> AsyncIterator[Asked]:
    """Everything that can be asked as of a time."""
    questions = [(path.format(id_), params) for id_ in ids for path, params in OF_ONE]
    for path, params in [*questions, *(("/customers", params) for params in OF_ALL)]:
        yield Asked(path, params, await ask(shop, path, params))


async def lived_through(shop: Shop, seed: int) -> dict[int, list[Asked]]:
    """What was answered at some positions of a history."""
    history, seen = Lately(shop.store, seed), dict[int, list[Asked]]()
    for number in range(6):
        await history.live(45)
        ids = [1 + number % 5, 1 + (number + 2) % 5, 99]
        position = await shop.position()
        seen[position] = [asked async for asked in answers(shop, ids)]
        assert await shop.position() == position
    assert {asked.answer.status for told in seen.values() for asked in told} == {200, 404}
    return seen


@pytest.mark.parametrize("seed", [41, 42])
async def test_every_answer_is_given_again_as_of_its_position(empty_shop: Shop, seed: int) -> None:
    for position, told in (await lived_through(empty_shop, seed)).items():
        for path, params, answer in told:
            assert await ask(empty_shop, path, params, position) == answer, (position, path, params)


async def test_every_answer_is_given_again_as_of_its_time(empty_shop: Shop) -> None:
    seen = await lived_through(empty_shop, 43)
    await empty_shop.pool.execute(BACKDATE)
    for position, told in seen.items():
        at = await empty_shop.pool.fetchval(RECORDED, position)
        east = at + timedelta(hours=5, minutes=30)
        said = cycle((f"{at:%Y-%m-%dT%H:%M:%SZ}", f"{east:%Y-%m-%d %H:%M:%S+05:30}", f"{at:%Y-%m-%dT%H:59:59+00:00}"))
        for (path, params, answer), as_of in zip(told, said, strict=False):
            if "stats" not in path and "days_before" not in str(params):  # which count days from then; see below
                assert await ask(empty_shop, path, params, as_of) == answer, (as_of, path, params)


async def test_now_is_now(shop: Shop) -> None:
    """The end of the log, today, and a moment by a client's clock that is ahead of ours."""
    id_ = await shop.customer()
    await shop.order(id_, 700, total_paid=700)
    now = datetime.now(UTC)
    kiritimati = {"as_of": f"{now + timedelta(hours=14):%Y-%m-%d}", "user_tz": "Pacific/Kiritimati"}
    for path in EVERY:
        answer = await ask(shop, path.format(id_), {})
        for as_of in ("", " ", f"{now:%Y-%m-%d}", f"{now + timedelta(seconds=30):%Y-%m-%d %H:%M:%S}"):
            assert await ask(shop, path.format(id_), {}, as_of) == answer, (path, as_of)
        if not path.endswith(("/customers", "/orders")):  # whose links have the time zone
            assert await ask(shop, path.format(id_), kiritimati) == answer
        if "stats" not in path:  # which count days
            assert await ask(shop, path.format(id_), {}, await shop.position()) == answer


@pytest.mark.parametrize("path", EVERY)
async def test_what_lies_beyond_the_end_of_the_log_is_refused(shop: Shop, path: str) -> None:
    id_ = await shop.customer()
    end, now = await shop.position(), datetime.now(UTC)
    beyond = f"The as of field is beyond the log's end, which is at position {end}."
    for position in (end + 1, 202601, 1_767_225_600, 9_999_999_999_999_999):
        answer = await shop.get(path.format(id_), params={"as_of": position})
        assert (answer.status_code, answer.json()["errors"]) == (422, {"as_of": {"invalid": beyond}}), position
    ahead = {"as_of": {"max": "The as of field lies ahead: nothing is known of it yet."}}
    days = (f"{now + timedelta(days=days):%Y-%m-%d}" for days in (1, 2))
    for as_of in (*days, "9999-12-31", "2999-01-01T00:00Z", f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"):
        answer = await shop.get(path.format(id_), params={"as_of": as_of})
        assert (answer.status_code, answer.json()["errors"]) == (422, ahead), as_of
        conforms(answer)


@pytest.mark.parametrize("path", EVERY)
async def test_a_number_that_looks_like_a_date_is_no_position_however_long_the_log(shop: Shop, path: str) -> None:
    id_ = await shop.customer()
    for number, day in (("20260101", "2026-01-01"), ("19000228", "1900-02-28"), (" 21991231 ", "2199-12-31")):
        answer = await shop.get(path.format(id_), params={"as_of": number})
        message = f"The as of field looks like a date, and is none: write {day}, or another position."
        assert answer.json()["errors"] == {"as_of": {"invalid": message}}
    for number in (
        "20260230",
        "20261301",
        "18991231",
        "99999999",
    ):  # which are no days: positions, but none of this log
        assert "beyond" in (await shop.get(path.format(id_), params={"as_of": number})).json()["message"]


async def test_before_everything_there_was_nothing(shop: Shop) -> None:
    id_ = await shop.customer()
    for as_of in (0, "0", "1969-12-31", "0001-01-01", "2001-01-01 00:00"):
        sent = {"as_of": as_of, "user_tz": "Asia/Tokyo"}
        assert refusal(await shop.get(f"/customers/{id_}", params=sent)) == GONE
        for path in ONE[1:]:
            assert refusal(await shop.get(path.format(id_), params=sent)) == NO_CUSTOMER
        assert done(await shop.get("/customers", params=sent))["customers"]["total"] == 0


async def test_a_customer_is_not_found_before_its_time(shop: Shop) -> None:
    id_ = await shop.customer()
    position = await shop.position()
    assert refusal(await shop.get(f"/customers/{id_}", params={"as_of": position - 1})) == GONE
    for path in ONE:
        answer = await shop.get(path.format(id_), params={"as_of": position})
        assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')


async def test_an_erased_customer_never_comes_back(empty_shop: Shop) -> None:
    shop = empty_shop
    user_id, label = await shop.user(), await shop.label()
    id_, other = await shop.customer(first_name="Forgotten"), await shop.customer()
    done(await shop.post(f"/customers/{id_}/attachable-user", {"user_id": user_id}))
    done(await shop.put(f"/customers/{id_}/additional-info", {"labels": [label]}))
    await shop.address(id_)
    order_id = await shop.order(id_, 900, total_paid=900, note="Forgotten")
    before = await shop.position()
    erase = {"action": "delete_customers", "customer_ids": [id_]}
    done(await shop.post("/customers/do-bulk-action", erase))
    for as_of in (before, await shop.position()):
        assert refusal(await shop.get(f"/customers/{id_}", params={"as_of": as_of})) == GONE
        for path in ONE[1:]:
            assert refusal(await shop.get(path.format(id_), params={"as_of": as_of})) == NO_CUSTOMER
        everything = {"with": ",".join(OF_CUSTOMER), "include_ids[]": id_, "as_of": as_of}
        answer = await shop.get("/customers", params=everything)
        assert [row["id"] for row in done(answer)["customers"]["data"]] == [other]
        assert "Forgotten" not in answer.text
    assert done(await shop.get(f"/orders/{order_id}"))["order"]["customer_id"] == id_


# Dates


async def renamed_at(shop: Shop, *times: str) -> int:
    """A customer called One, Two and so on from when the log knew it."""
    names = ("One", "Two", "Three")[: len(times)]
    email = new_email()
    id_ = await shop.customer(email=email, first_name=names[0])
    for name in names[1:]:
        done(await shop.put(f"/customers/{id_}", {"email": email, "first_name": name}))
    for back, at in enumerate(reversed(times)):
        moment, position = datetime.fromisoformat(at), await shop.position() - back
        await shop.pool.execute(
            "UPDATE stored_events SET recorded_at = $1 WHERE notification_id = $2", moment, position
        )
    return id_


@pytest.mark.parametrize(
    ("as_of", "user_tz", "name"),
    [
        ("2026-02-28", "", None),
        ("2026-03-01", "", "Two"),
        ("2026-03-01", "Europe/Rome", "One"),
        ("2026-03-02", "Europe/Rome", "Three"),
        ("2026-03-02", "America/New_York", "Three"),
        ("2026-03-01", "America/New_York", "Three"),
        ("2026-02-28", "Asia/Tokyo", None),
        ("2026-03-01 22:29:59", "", None),
        ("2026-03-01 22:30:00", "", "One"),
        ("2026-03-01 22:30", "", "One"),
        ("2026-03-01T23:30:00", "", "Two"),
        ("2026-03-02 00:30:00", "Europe/Rome", "Two"),
        ("2026-03-02 00:29:59", "Europe/Rome", "One"),
        ("2026-03-02T00:30:00+01:00", "America/New_York", "Two"),
        ("2026-03-01T18:29:59-0500", "", "One"),
        ("2026-03-02T01:00:00.25Z", "", "Three"),
    ],
)
async def test_a_day_ends_where_the_client_is(empty_shop: Shop, as_of: str, user_tz: str, name: str | None) -> None:
    times = "2026-03-01T22:30:00.999999Z", "2026-03-01T23:30:00.5Z", "2026-03-02T01:00:00.7Z"
    id_ = await renamed_at(empty_shop, *times)
    sent = {"as_of": as_of, "user_tz": user_tz}
    answer = await empty_shop.get(f"/customers/{id_}", params=sent)
    assert answer.json().get("customer", {}).get("first_name") == name
    rows = done(await empty_shop.get("/customers", params=sent))["customers"]["data"]
    assert [row["first_name"] for row in rows] == ([name] if name else [])


async def test_days_count_from_then(empty_shop: Shop) -> None:
    shop = empty_shop
    id_ = await shop.customer()
    await shop.order(id_, 700, total_paid=700, created_at="2026-03-01 12:00:00")
    await shop.pool.execute("UPDATE stored_events SET recorded_at = '2026-03-01 12:00Z'")

    async def days(as_of: object) -> object:
        answer = await shop.get(f"/customers/get-stats/{id_}", params={"as_of": as_of})
        widgets = {widget["key"]: widget["value"] for widget in done(answer)["widgets"]}
        return widgets["days_since_last_purchase"]

    async def found(as_of: object, operator: str, user_tz: str = "") -> bool:
        asked = filters(("order/last_purchase_date", operator, 2)) | {"as_of": as_of, "user_tz": user_tz}
        return bool(done(await shop.get("/customers", params=asked))["customers"]["total"])

    moments = ("2026-03-01", "2026-03-04", "2026-03-04 11:59:58", await shop.position())
    assert [await days(as_of) for as_of in moments] == [0, 3, 2, 0]
    assert [await found(f"2026-03-0{day}", "days_within") for day in range(1, 6)] == [True, True, True, False, False]
    assert [await found(f"2026-03-0{day}", "days_before") for day in range(1, 6)] == [False, False, True, True, True]
    assert await found(await shop.position(), "days_within")
    assert await found("2026-03-03 23:30:00", "days_within")
    assert not await found("2026-03-03 23:30:00Z", "days_within", "Europe/Rome")  # where it is the 4th already


# Refusals


@pytest.mark.parametrize("path", EVERY)
async def test_what_is_no_time_is_refused_by_name(shop: Shop, path: str) -> None:
    id_ = await shop.customer()
    nonsense = (
        "yesterday",
        "-1",
        "1.5",
        "12x",
        "2026-02-30",
        "2026-13-01",
        "2026-03-01T25:00",
        "2026-03-01T10:00+99:99",
    )
    for as_of in (
        *nonsense,
        "20260301T10",
        "00",
        "007",
        "01012026",
        "9" * 17,
        "٣",
        "5 6",
        "\N{SUPERSCRIPT TWO}",
        "x" * 300,
    ):
        assert list(problems(await shop.get(path.format(id_), params={"as_of": as_of}))) == ["as_of"], as_of
    for sent in ({"as_of": "2026-03-01"}, {"as_of": 1}, {}):
        answer = await shop.get(path.format(id_), params={"user_tz": "Mars/Olympus"} | sent)
        assert list(problems(answer)) == ["user_tz"]


async def test_too_many_who_ask_for_all_of_a_past_are_asked_to_come_again(shop: Shop) -> None:
    turns, ended = shop.app.state.service.turns, asyncio.Event()
    id_ = await shop.customer()
    then = {"as_of": await shop.position()}

    async def take_a_turn() -> None:
        async with turns.turn():
            await ended.wait()

    async with asyncio.TaskGroup() as others:
        for _ in range(AT_ONCE + WAITING):
            others.create_task(take_a_turn())
        await asyncio.sleep(0)  # they start
        refused = await shop.get("/customers", params=then)
        done(await shop.get("/customers"))
        done(await shop.get(f"/customers/{id_}", params=then))
        ended.set()
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == str(RETRY_AFTER)
    assert conforms(refused) == "get_customers"
    answers = await asyncio.gather(*(shop.get("/customers", params=then) for _ in range(AT_ONCE + WAITING)))
    assert len({json.dumps(done(answer)) for answer in answers}) == 1


def test_as_of_is_documented_where_it_means_something() -> None:
    taking = {
        operation["operationId"]
        for operation in OPERATIONS.values()
        if {"as_of", "user_tz"} <= {parameter["name"] for parameter in operation["parameters"]}
    }
    assert taking == {
        "get_customer", "list_addresses", "get_orders", "get_every_order", "get_stats", "get_customers", "explain_ltv",
        "get_store_orders",
    }  # fmt: skip
