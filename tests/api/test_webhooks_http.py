"""Webhooks over HTTP: created, changed, paused, resumed, tested, replayed and deleted, each an event with an actor."""

import asyncio
from base64 import b64decode
from typing import Any

import pytest

from api.http.reasons import Reason
from domain.event import Stream
from domain.webhook import WEBHOOK, Webhook
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from service.credentials import passwords as credentials
from service.webhooks import endpoints
from tests.api.documented import Body, conforms
from tests.api.searching import found_in
from tests.api.shop import FORBIDDEN, Shop, done, problems, reason, refusal, rule

NO_WEBHOOK = rule(404, "Webhook not found.")
URL = "https://crm.example.com/hooks?token=t0ken-in-the-address"
SECRET = "Bearer t0ken-that-nobody-sees"
ACTS = ("pause", "resume", "test", "rotate-secret", "replay")
ALL = {"after": 0}


async def made(shop: Shop, **said: Any) -> Body:
    answer = await shop.post("/webhooks", {"url": URL} | said)
    conforms(answer)
    data: Body = done(answer)["data"]
    return data


async def shown(shop: Shop, id_: int) -> Body:
    answer = await shop.get(f"/webhooks/{id_}")
    conforms(answer)
    webhook: Body = done(answer)["webhook"]
    return webhook


def settled(webhook: Body) -> Body:
    """Without the secret, and how far behind it is."""
    return {name: value for name, value in webhook.items() if name not in {"secret", "lag"}}


async def version(shop: Shop, id_: int) -> str:
    return (await shop.get(f"/webhooks/{id_}")).headers["etag"]


async def act(shop: Shop, id_: int, what: str, body: Body | None = None, **options: Any) -> Body:
    answer = await shop.post(f"/webhooks/{id_}/{what}", body, **options)
    conforms(answer)
    return done(answer)


async def loaded(store: Store, id_: int) -> Webhook:
    """The state that its events give."""
    state = None
    for recorded in await store.log.stream(store.pool, Stream("webhook", id_)):
        state = WEBHOOK.evolve(state, recorded.event)
    assert state
    return state


async def acts_on(shop: Shop, id_: int) -> list[tuple[str, str]]:
    """Types and actors, oldest first."""
    entries = done(await shop.get("/history", params={"per_page": 199}))["history"]["data"]
    return [
        (each["type"], each["actor"]) for each in reversed(entries) if each["subject"] == {"type": "webhook", "id": id_}
    ]


async def test_a_webhook_is_created_listed_changed_and_deleted(shop: Shop) -> None:
    label = await shop.label()
    wanted = {
        "url": URL, "description": "CRM", "types": ["customer-renamed", "order-placed"],
        "customers": {"labels": [label]}, "form": "full", "order": "store", "rate": 5,
    }  # fmt: skip
    before = await shop.position()
    new = await made(shop, **wanted, headers={"X-Shop": "7"})
    assert new | wanted == new
    assert (new["headers"], new["status"], new["paused"]) == ({"x-shop": None}, "enabled", None)
    assert new["since"] == before
    assert settled(new) in map(settled, done(await shop.get("/webhooks"))["webhooks"])
    one = settled(await shown(shop, new["id"]))
    assert one == settled(new)
    answer = await shop.put(f"/webhooks/{new['id']}", {"url": "http://[::1]:8080/"})
    conforms(answer)
    assert done(answer)["data"] == one | {
        "url": "http://[::1]:8080/", "description": "", "types": [], "customers": {"labels": []}, "form": "thin",
        "order": "customer", "rate": None, "updated_at": done(answer)["data"]["updated_at"],
    }  # fmt: skip
    assert answer.headers["etag"] == await version(shop, new["id"])
    assert (await loaded(shop.store, new["id"])).headers == {"x-shop": "7"}
    assert done(await shop.delete(f"/webhooks/{new['id']}"))["data"] == ""
    gone = await shop.get(f"/webhooks/{new['id']}")
    assert (refusal(gone), reason(gone)) == (NO_WEBHOOK, "webhook_not_found")
    assert [each["id"] for each in done(await shop.get("/webhooks"))["webhooks"]] == []


async def test_what_is_shown_can_be_sent_back_and_changes_nothing(shop: Shop) -> None:
    new = await made(shop, headers={"authorization": SECRET}, types=["user-erased"], rate=1)
    before = await shop.position()
    one = await shown(shop, new["id"])
    settings = ("url", "description", "types", "customers", "form", "order", "rate", "headers")
    done(await shop.put(f"/webhooks/{new['id']}", {name: one[name] for name in settings}))
    assert await shop.position() == before
    assert (await loaded(shop.store, new["id"])).headers == {"authorization": SECRET}


async def test_every_act_is_an_event_with_who_did_it(shop: Shop) -> None:
    id_ = (await made(shop))["id"]
    assert (await act(shop, id_, "pause"))["data"]["paused"]["reason"] == "asked"
    assert (await act(shop, id_, "pause"))["data"]["status"] == "paused"
    done(await shop.put(f"/webhooks/{id_}", {"url": "https://other.example.com"}))
    assert (await shown(shop, id_))["status"] == "paused"
    paused = await shop.post(f"/webhooks/{id_}/test")
    assert (paused.status_code, reason(paused)) == (409, "webhook_paused")
    assert (await act(shop, id_, "resume"))["data"]["paused"] is None
    await act(shop, id_, "test")
    await act(shop, id_, "rotate-secret")
    await act(shop, id_, "replay", ALL)
    done(await shop.delete(f"/webhooks/{id_}"))
    done_to_it = ("created", "paused", "changed", "resumed", "tested", "secret-rotated", "replayed", "deleted")
    assert await acts_on(shop, id_) == [(f"webhook-{each}", "administrator") for each in done_to_it]


async def test_a_secret_is_shown_once_and_signs_for_a_day_after_another_took_its_place(shop: Shop) -> None:
    key = {"headers": {"Idempotency-Key": "make"}}
    first = done(await shop.post("/webhooks", {"url": URL}, **key))["data"]
    assert first["secret"].startswith("whsec_")
    assert first["public_key"].startswith("whpk_")
    again = done(await shop.post("/webhooks", {"url": URL}, **key))["data"]
    assert again == first | {"secret": None}
    second = (await act(shop, first["id"], "rotate-secret"))["data"]
    assert second["secret"] != first["secret"]
    assert second["public_key"] != first["public_key"]
    assert second["former_secret_until"] > second["updated_at"]
    newest, former = (await loaded(shop.store, first["id"])).keys
    assert [newest.symmetric, former.symmetric] == [b64decode(each["secret"][6:]) for each in (second, first)]
    assert (newest.until, former.until is not None) == (None, True)
    assert settled(await shown(shop, first["id"])) == settled(second)
    await act(shop, first["id"], "rotate-secret")
    assert len((await loaded(shop.store, first["id"])).keys) == 2


async def test_no_secret_lies_open_anywhere_nor_is_in_any_answer(shop: Shop) -> None:
    new = await made(shop, headers={"authorization": SECRET})
    done(await shop.put(f"/webhooks/{new['id']}", {"url": URL, "headers": {"authorization": SECRET, "x-b": SECRET}}))
    rotated = (await act(shop, new["id"], "rotate-secret", headers={"Idempotency-Key": "rotate"}))["data"]
    keys = (await loaded(shop.store, new["id"])).keys
    secrets = [SECRET, new["secret"][6:], rotated["secret"][6:]]
    raw = [key for pair in keys for key in (pair.symmetric, pair.private)]
    for path in ("/webhooks", f"/webhooks/{new['id']}", "/history", "/events?form=full&limit=1000&after=0"):
        answer = await shop.get(path)
        assert ("crm.example.com" in answer.text) != path.startswith("/events"), path
        assert found_in(answer.content, secrets) == []
    tables = await shop.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        dump = "\n".join(row[0] for row in await shop.pool.fetch(f"SELECT t::text FROM {table} AS t")).encode()
        assert found_in(dump, secrets) == [], table
        assert not [key for key in raw if key.hex().encode() in dump], table


async def test_deleting_a_webhook_destroys_its_key_and_leaves_its_host(shop: Shop) -> None:
    id_ = (await made(shop, headers={"authorization": SECRET}))["id"]
    done(await shop.delete(f"/webhooks/{id_}"))
    entries = done(await shop.get("/history"))["history"]["data"]
    deleted, created = [each for each in entries if each["subject"] == {"type": "webhook", "id": id_}]
    assert deleted["data"] == {"host": "crm.example.com"}
    assert (created["type"], created["data"], created["changes"]) == ("webhook-created", None, None)
    [key] = await shop.pool.fetch(
        "SELECT wrapped FROM stream_keys WHERE originator_id = $1", to_uuid(Stream("webhook", id_))
    )  # fmt: skip
    assert key["wrapped"] is None


ADDRESSES = [
    "https://crm.example.com", "http://crm:8080/in", "https://127.0.0.1/x?y=%20&z=1", "HTTPS://Crm.Example.COM./",
    "https://[2001:db8::1]:65535/", "https://xn--mnchen-3ya.example/", f"https://a.example/{'x' * 1_981}",
    "https://a.example?x", "https://_dmarc.a.example", "https://a.example/~a/@b;c=(d)'*!$,",
]  # fmt: skip
NO_ADDRESSES = [
    "https://user@a.example", "https://user:pass@a.example", "https://@a.example", "https://a.example#x",
    "ftp://a.example", "https://", "https:///x", "https:a.example", "a.example", "//a.example",
    "https://a.example:0", "javascript:alert(1)", "https://a.example:65536", "https://a.example:99999",
    "https://a.example:x", "https://a.example:", "https://a..b", "https://-a.example", "https://[::1",
    "https://[::g]", "https://[1.2.3.4]", "https://[::1%25lo]", "https://münchen.example", "https://a.example/ü",
    "https://\uff41.example", "https://a.example/\\@b.example", "https:\\\\a.example", "https://a.example/%",
    "https://a.example/%zz", "https://a b.example", "https://a.example/a b", "https://a.example/\r\nx-a: b",
    "https://a.example\t/", "https://a.example\0", "https://\u202ea.example", f"https://a.example/{'x' * 1_983}",
    "https://a.example/<x>", "file:///etc/passwd", "https://.a.example", "https://a.example..",
    "http://127.1", "http://0x7f.1", "http://2130706433", "http://256.1.1.1", "http://017.0.0.1", "http://10.0.0.0x1",
]  # fmt: skip


@pytest.mark.parametrize("url", ADDRESSES)
async def test_an_address_is_kept_as_it_is_written(shop: Shop, url: str) -> None:
    assert (await made(shop, url=url))["url"] == url


@pytest.mark.parametrize("url", [*NO_ADDRESSES, None, "", " ", 7, True, [], {}], ids=ascii)
async def test_what_can_be_no_address_is_refused(shop: Shop, url: Any) -> None:
    before = await shop.position()
    answer = await shop.post("/webhooks", {"url": url})
    assert set(problems(answer)) == {"url"}
    assert await shop.position() == before


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"types": ["customer-renamed", "no-such"]}, {"types": ["in"]}),
        ({"types": {"a": {}}}, {"types": ["string"]}),
        ({"customers": {"labels": [0]}}, {"customers.labels": ["numeric"]}),
        ({"customers": {"labels": [999_999]}}, {"customers.labels": ["exists"]}),
        ({"customers": {"segment": 1}}, {"customers.segment": ["unknown"]}),
        ({"customers": 7}, {"customers": ["object"]}),
        ({"form": "fat"}, {"form": ["in"]}),
        ({"order": "none"}, {"order": ["in"]}),
        ({"rate": 0}, {"rate": ["min"]}),
        ({"rate": 10_001}, {"rate": ["max"]}),
        ({"description": "x" * 256}, {"description": ["maxLength"]}),
        ({"secret": "mine"}, {"secret": ["unknown"]}),
        ({"headers": []}, {}),
        ({"headers": "x"}, {"headers": ["object"]}),
        ({"headers": {f"x-{number}": "1" for number in range(21)}}, {"headers": ["max"]}),
        ({"headers": {"X-A": "1", "x-a": "2"}}, {"headers.x-a": ["duplicate"]}),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_named(shop: Shop, said: Body, expected: dict[str, list[str]]) -> None:
    answer = await shop.post("/webhooks", {"url": URL} | said)
    if expected:
        assert problems(answer) == expected
    else:
        done(answer)


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-a", "b\r\nx-c: d"), ("x-a", "b\n"), ("x-a", "\0"), ("x-a", "é"), ("x-a", ""), ("x-a", " b"), ("x-a", 7),
     ("x-a", []), ("x-a", "b" * 1_001), ("x-a", None), ("x\r\na", "b"), ("x a", "b"), ("x:a", "b"), ("é", "b"),
     ("", "b"), ("x" * 101, "b"), ("Host", "b"), ("Content-Length", "1"), ("content-type", "b"),
     ("webhook-signature", "v1,x"), ("Webhook-Id", "b"), ("connection", "close"), ("user-agent", "b"),
     ("Transfer-Encoding", "chunked"), ("x\ud800", "b")],
    ids=ascii,
)  # fmt: skip
async def test_a_header_that_would_be_another_is_refused(shop: Shop, name: str, value: Any) -> None:
    answer = await shop.post("/webhooks", {"url": URL, "headers": {name: value}})
    [field] = problems(answer)
    assert field.startswith("headers.")


async def test_a_value_stays_only_where_there_is_one(shop: Shop) -> None:
    id_ = (await made(shop))["id"]
    answer = await shop.put(f"/webhooks/{id_}", {"url": URL, "headers": {"x-a": None}})
    assert (problems(answer), reason(answer)) == ({"headers": ["exists"]}, "unknown_header")


async def test_a_label_that_was_deleted_stays_in_a_webhook_that_has_it_and_comes_into_no_other(shop: Shop) -> None:
    label = await shop.label()
    id_ = (await made(shop, customers={"labels": [label]}))["id"]
    done(await shop.delete(f"/labels/{label}"))
    wanted = {"url": "https://b.example", "customers": {"labels": [label]}}
    assert done(await shop.put(f"/webhooks/{id_}", wanted))["data"]["customers"] == {"labels": [label]}
    assert (await act(shop, id_, "replay", ALL | {"dry_run": 1}))["data"]["events"] == 0
    other = (await made(shop))["id"]
    assert reason(await shop.put(f"/webhooks/{other}", wanted)) == "unknown_label"


async def test_a_replay_says_first_how_many_events_it_would_send(shop: Shop) -> None:
    label, before = await shop.label(), await shop.position()
    one, other = await shop.customer(), await shop.customer()
    done(await shop.put(f"/customers/{one}/additional-info", {"labels": [label]}))
    named = (await made(shop, types=["customer-registered"]))["id"]
    labelled = (await made(shop, customers={"labels": [label]}))["id"]
    every = (await made(shop))["id"]
    until = await shop.position()
    for id_, events in ((named, 2), (labelled, 2), (every, until - before)):
        counted = await act(shop, id_, "replay", {"after": before, "dry_run": 1})
        assert counted["data"] == {"after": before, "until": until, "events": events}
    assert await shop.position() == until
    assert (await act(shop, every, "replay", {"after": before, "until": 10**9}))["data"]["until"] == until
    assert await acts_on(shop, every) == [
        ("webhook-created", "administrator"), ("webhook-replayed", "administrator")
    ]  # fmt: skip
    assert (await act(shop, every, "replay", {"since": "2001-01-01", "dry_run": True}))["data"]["after"] == 0
    assert (await act(shop, every, "replay", {"since": "2999-01-01"}))["data"]["events"] == 0
    assert other
    beyond = await shop.post(f"/webhooks/{every}/replay", {"after": await shop.position() + 1})
    assert reason(beyond) == Reason.BEYOND_THE_LOG


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, {"after": ["required"]}),
        ({"after": 1, "since": "2026-01-01"}, {"after": ["required"]}),
        ({"after": -1}, {"after": ["min"]}),
        ({"after": 5, "until": 5}, {"until": ["min"]}),
        ({"since": "yesterday"}, {"since": ["date"]}),
        ({"from": 7, "after": 1}, {"from": ["unknown"]}),
    ],
)
async def test_a_range_that_makes_no_sense_is_refused(shop: Shop, body: Body, expected: Body) -> None:
    id_ = (await made(shop))["id"]
    assert problems(await shop.post(f"/webhooks/{id_}/replay", body)) == expected


async def test_a_write_goes_in_only_on_the_version_that_it_names(shop: Shop) -> None:
    id_ = (await made(shop))["id"]
    before = await version(shop, id_)
    done(await shop.put(f"/webhooks/{id_}", {"url": "https://b.example"}, headers={"If-Match": before}))
    writes: list[tuple[Any, str, Body | None]] = [
        ("PUT", "", {"url": "https://c.example"}), ("DELETE", "", None),
        *(("POST", f"/{what}", ALL if what == "replay" else None) for what in ACTS),
    ]  # fmt: skip
    for method, path, body in writes:
        stale = await shop.ask(method, f"/webhooks/{id_}{path}", body, headers={"If-Match": before})
        assert (stale.status_code, reason(stale)) == (412, "version_changed"), path
        assert stale.json()["message"].startswith("This webhook has changed meanwhile")
        gone = await shop.ask(method, f"/webhooks/999999{path}", body, headers={"If-Match": before})
        assert refusal(gone) == NO_WEBHOOK, path
    done(await shop.delete(f"/webhooks/{id_}", headers={"If-Match": await version(shop, id_)}))


async def test_two_who_change_one_webhook_at_once_are_told_apart_by_their_versions(shop: Shop) -> None:
    id_ = (await made(shop))["id"]
    headers = {"If-Match": await version(shop, id_)}
    answers = await asyncio.gather(
        *(shop.put(f"/webhooks/{id_}", {"url": f"https://{name}.example"}, headers=headers) for name in "ab")
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_a_repetition_with_the_same_key_is_one_act(shop: Shop) -> None:
    id_ = (await made(shop))["id"]
    for _ in range(2):
        await act(shop, id_, "test", headers={"Idempotency-Key": "t"})
    assert [type_ for type_, _ in await acts_on(shop, id_)].count("webhook-tested") == 1


@pytest.mark.parametrize("path", ["999999", "0", "x", "99999999999999999999"])
async def test_what_is_not_there_is_not_found(shop: Shop, path: str) -> None:
    assert refusal(await shop.get(f"/webhooks/{path}")) == NO_WEBHOOK
    assert refusal(await shop.put(f"/webhooks/{path}", {"url": URL})) == NO_WEBHOOK
    assert refusal(await shop.delete(f"/webhooks/{path}")) == NO_WEBHOOK
    for what in ACTS:
        assert refusal(await shop.post(f"/webhooks/{path}/{what}", ALL if what == "replay" else None)) == NO_WEBHOOK


async def test_who_may_not_send_values_to_others_makes_no_full_webhook(shop: Shop) -> None:
    added = await credentials.add(shop.pool, "hooker", "administrator", "thin", ["feeds/manage"])
    auth = ("hooker", added.password)
    made_thin = await shop.post("/webhooks", {"url": URL}, auth=auth)
    id_ = done(made_thin)["data"]["id"]
    assert refusal(await shop.post("/webhooks", {"url": URL, "form": "full"}, auth=auth)) == FORBIDDEN
    assert refusal(await shop.put(f"/webhooks/{id_}", {"url": URL, "form": "full"}, auth=auth)) == FORBIDDEN


async def test_there_are_not_more_than_a_store_may_have(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    there = len(done(await shop.get("/webhooks"))["webhooks"])
    monkeypatch.setattr(endpoints, "MOST", there + 1)
    await made(shop)
    full = await shop.post("/webhooks", {"url": URL})
    assert (full.status_code, reason(full)) == (409, "too_many_webhooks")
