"""What is logged of requests: who did what, and nothing that he sent. Everything that any part says is looked at."""

import asyncio
import io
import json as plain
import logging
import logging.config
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from msgspec import json

from api.access.access_log import logging_access
from api.process.logs import LOGGING, JsonLines
from api.process.settings import Settings
from service.redaction import Personal, Secret
from tests.api.documented import OPERATIONS, Body, example_of
from tests.api.every_operation import every_operation
from tests.api.shop import SETTINGS, Shop, open_shop

MARK = "zmark"
# What tells who somebody is, or is written by somebody about somebody.
TEXTS = frozenset({
    "first_name", "last_name", "full_name", "name", "display_name", "user_nicename", "address_1", "address_2", "city",
    "phone", "notes", "note", "company_name", "label", "value", "user_login", "title", "post_title", "reason",
    "invoice_no", "transaction_id",
})  # fmt: skip
EMAILS = frozenset({"email", "user_email"})


class Log:
    """All that is logged, by whatever part and at whatever level, as the service would write it."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self.stream = io.StringIO()
        self._capfd = capfd

    @property
    def text(self) -> str:
        self.stream.write(self._capfd.readouterr().err)
        return self.stream.getvalue()

    async def lines(self, logger: str = "custodiary.access") -> list[Body]:
        await asyncio.sleep(0)  # the event loop's next turn, in which the access log is written
        lines = [json.decode(line) for line in self.text.splitlines()]
        return [line for line in lines if line["logger"] == logger]

    async def last(self) -> Body:
        return (await self.lines())[-1]


@pytest.fixture
def log(capfd: pytest.CaptureFixture[str]) -> Iterator[Log]:
    log, root = Log(capfd), logging.getLogger()
    handler, level = logging.StreamHandler(log.stream), root.level
    handler.setFormatter(JsonLines())
    handler.addFilter(lambda record: not record.name.startswith(("http", "hypothesis")))  # the tests' own
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield log
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
async def marked(database: str) -> AsyncIterator[Shop]:
    """What is sent to it is marked wherever it may tell of a person."""
    settings = replace(SETTINGS, admin_password=Secret(f"{MARK} password"), database_url=Secret(f"postgres://{MARK}@x"))
    async with open_shop(database, settings) as shop:
        shop.http.event_hooks = {"request": [mark]}
        yield shop


async def mark(request: httpx.Request) -> None:
    body = await request.aread()
    if body.startswith(b"{") and body.endswith(b"}"):
        content = plain.dumps(marked_values(plain.loads(body))).encode()
        request.stream = httpx.ByteStream(content)
        request.headers["Content-Length"] = str(len(content))


def marked_values(value: Any, key: str = "") -> Any:
    match value:
        case dict():
            return {name: marked_values(each, name) for name, each in value.items()}
        case list():
            return [marked_values(each, key) for each in value]
        case str() if value and key in EMAILS:
            return f"{MARK}.{value}"
        case str() if value and key in TEXTS:
            return f"{MARK[: 15 - len(value)]} {value}" if key == "label" else f"{MARK} {value}"
        case _:
            return value


async def test_of_all_that_is_sent_to_any_operation_nothing_is_logged(marked: Shop, log: Log) -> None:
    """Every operation as it should be called, and then in every way that it is refused."""
    answers = [answer async for answer in every_operation(marked)]
    assert {answer.status_code for answer in answers} == {200}
    assert len([answer for answer in answers if MARK in answer.text]) > 20
    wrong = b64encode(f"{MARK}@example.com:{MARK} password".encode()).decode()
    query = {"search": MARK, "with": MARK, "from": MARK, "cursor": MARK, "as_of": MARK}
    for (method, path), operation in OPERATIONS.items():
        for there in (path, path.replace("{", f"{MARK}{{")):
            await marked.forgive()
            requests: list[Body] = [
                {"headers": {"Authorization": f"Basic {wrong}"}, "auth": None},
                {"headers": {"Authorization": f"Bearer {MARK}"}, "auth": None},
                {"content": f'{{"email": "{MARK}@example.com", "a": '.encode(), "params": query},
                {"json": example_of(operation), "headers": {"If-Match": MARK, "Idempotency-Key": MARK}},
                {"json": dict.fromkeys(("email", "value", "customer_id", "status"), MARK)},
                {"auth": ("worker", marked.passwords["worker"])},
            ]
            answers += [await marked.http.request(method, f"http://x{there}", **request) for request in requests]
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 404, 422}
    assert MARK not in log.text.lower()
    for password in marked.passwords.values():
        login = b64encode(f"administrator:{password}".encode()).decode()
        assert not any(secret in log.text for secret in (password, password.replace(" ", ""), login))
    told = [answer for answer in answers if answer.request.method != "GET" or answer.status_code in {401, 403}]
    assert [line["request_id"] for line in await log.lines()] == [answer.headers["x-request-id"] for answer in told]


async def test_a_fault_that_has_a_persons_data_in_its_message_is_logged_without_it(marked: Shop, log: Log) -> None:
    await marked.pool.execute(f"ALTER TABLE customers ADD CONSTRAINT never CHECK (first_name !~ '{MARK}')")
    answer = await marked.post("/customers", {"email": "jane@example.com", "first_name": "Jane", "city": "Boston"})
    assert answer.status_code == 500
    [line] = await log.lines("custodiary.api")
    assert line["request_id"] == answer.json()["data"]["request_id"] == answer.headers["x-request-id"]
    assert "asyncpg.exceptions.CheckViolationError 23514 customers never" in line["exception"]
    assert line["route"] == "/wp-json/fluent-cart/v2/customers"
    assert MARK not in log.text.lower()
    assert "jane" not in log.text.lower()


async def test_a_write_is_logged_with_who_did_it_and_to_whom(marked: Shop, log: Log) -> None:
    id_ = await marked.customer()
    answer = await marked.put(f"/customers/{id_}/additional-info", {"labels": []}, headers={"X-Request-Id": "r-1"})
    uuid = await marked.pool.fetchval("SELECT uuid FROM credentials WHERE login = 'administrator'")
    assert answer.headers["x-request-id"] == "r-1"
    line = await log.last()
    assert 0 < line.pop("seconds") < 60
    assert line.pop("time").endswith("Z")
    assert len(line.pop("from")) == 16
    assert line == {
        "level": "INFO",
        "logger": "custodiary.access",
        "message": "write",
        "request_id": "r-1",
        "actor": "administrator",
        "credential": str(uuid),
        "method": "PUT",
        "route": "/wp-json/fluent-cart/v2/customers/{customer_id}/additional-info",
        "ids": {"customer_id": str(id_)},
        "status": 200,
    }


async def test_a_write_that_is_refused_is_logged_too_and_reads_are_not(marked: Shop, log: Log) -> None:
    await marked.get("/customers")
    assert await log.lines() == []
    await marked.post("/customers", {})
    assert ((await log.last())["status"], (await log.last())["message"]) == (422, "write")
    await marked.delete("/customers/4915112345678/address")
    assert ((await log.last())["status"], (await log.last())["ids"]) == (403, {})


async def test_a_denied_request_is_logged_with_who_was_denied_if_he_is_known(marked: Shop, log: Log) -> None:
    worker = ("worker", marked.passwords["worker"])
    await marked.get("/users", auth=worker)
    denied = await log.last()
    assert (denied["message"], denied["status"], denied["actor"]) == ("denied", 403, "worker")
    await marked.get("/users", auth=("worker", "wrong"))
    denied = await log.last()
    assert (denied["message"], denied["status"], denied["actor"], denied["credential"]) == ("denied", 401, None, None)


async def test_where_denied_requests_come_from_is_told_apart_and_not_told(marked: Shop, log: Log) -> None:
    transport: Any = marked.http._transport
    for address in ("192.0.2.1", "192.0.2.1", "198.51.100.1"):
        sent_from = httpx.ASGITransport(transport.app, client=(address, 1))
        async with httpx.AsyncClient(transport=sent_from, base_url=marked.http.base_url) as http:
            await http.get("/customers")
    one, again, other = (line["from"] for line in await log.lines())
    assert one == again != other
    assert "192.0.2.1" not in log.text


# By type


def logged(log: Log, *arguments: Any, **facts: Any) -> str:
    logging.getLogger("custodiary.test").warning(*arguments, extra=facts)
    return log.text


async def test_what_is_hidden_is_hidden_in_a_message_a_field_and_inside_of_others(log: Log) -> None:
    email, key = Personal("jane@example.com"), Secret("hunter2")
    text = logged(log, "%s and %r", email, [key], email=email, inside={"keys": [key]})
    [line] = await log.lines("custodiary.test")
    assert (line["message"], line["email"], line["inside"]) == (
        "<personal> and [<secret>]", "<personal>", {"keys": ["<secret>"]},
    )  # fmt: skip
    assert "jane" not in text
    assert "hunter2" not in text
    assert f"{key} {email!r}" == "<secret> <personal>"


async def test_of_what_is_no_plain_value_the_type_is_told(log: Log) -> None:
    settings = Settings(admin_password=Secret("hunter2"))
    logged(log, "facts", settings=settings, inside=[object()])
    [line] = await log.lines("custodiary.test")
    assert (line["settings"]["admin_password"], line["inside"]) == ("<secret>", ["<object>"])


async def test_exceptions_are_told_by_kind_and_place_whichever_way_they_are_logged(log: Log) -> None:
    several = ExceptionGroup("jane@example.com", [KeyError("jane"), FileNotFoundError(2, "No such file")])
    try:
        raise several from ValueError("jane@example.com")
    except ExceptionGroup as error:
        logging.getLogger("custodiary.test").exception("failed: %s", error)  # noqa: TRY401 - that is what is tried
    [line] = await log.lines("custodiary.test")
    assert line["message"] == "failed: builtins.ExceptionGroup"
    kinds = [each for each in line["exception"].splitlines() if each.startswith("builtins.")]
    assert kinds == [
        "builtins.ValueError", "builtins.ExceptionGroup", "builtins.KeyError",
        "builtins.FileNotFoundError No such file",
    ]  # fmt: skip
    assert "test_access_log_http.py" in line["exception"]


def test_the_server_logs_as_is_tested_here() -> None:
    logging.config.dictConfig({**LOGGING, "handlers": {}, "root": {}})
    assert LOGGING["formatters"]["json"]["()"] == f"{JsonLines.__module__}.{JsonLines.__qualname__}"


async def test_a_log_that_nobody_reads_any_more_is_no_reason_not_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr("api.access.access_log.STDERR", writer)
    scope: Any = {"type": "http"}
    logging_access(lambda _scope: "r-1", lambda _scope: "x")(scope, "POST", "/", "200", 0.1)
    await asyncio.sleep(0)
    os.close(writer)
