"""What a request may be, and how long it may take: every limit has its answer, in the contract's shapes."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, get
from litestar.response import Stream
from litestar.types import Message, Receive, Scope, Send

from api.app import AT_ONCE, WAITING
from api.edge.limits import ANSWER_SECONDS as ANSWERED_WITHIN
from api.edge.limits import MAX_HEADER_BYTES, MAX_URL_BYTES, guarding
from api.handling.listing import MAX_IDS, MAX_SEARCH
from api.http.pages import MAX_PER_PAGE
from api.http.request import MAX_BODY_BYTES, MAX_DEPTH, MAX_FIELDS
from api.process.settings import Settings
from api.rest.customers import MAX_BULK
from eventstore.store import MAX_COMMANDS
from projections.queries.language.filters import MAX_ITEMS as MAX_FILTERS
from projections.queries.language.properties import MAX_VALUES
from projections.queries.pages import PATIENCE
from service.fields.convert import MAX_INTEGER
from service.fields.customer import MAX_NOTES
from service.fields.order import MAX_ITEMS
from tests.api.client import client_of
from tests.api.shop import FORM, JSON, Shop, done, new_email, problems, refusal, rule
from tests.api.test_hostile_http import writes

ANSWER_SECONDS = 0.05
ADVANCED = {"filter_type": "advanced"}
LTV = {"source": ["customer", "ltv"], "operator": "=", "value": 1}
PAGE = Path(__file__).parent.parent.parent / "docs" / "limits.md"
SAID = [
    f"| address, with its query | {MAX_URL_BYTES >> 10} KiB:",
    f"| headers together | {MAX_HEADER_BYTES >> 10} KiB,",
    f"| body | {MAX_BODY_BYTES >> 20} MiB,",
    f"| fields of a form or query | {MAX_FIELDS:,} |",
    f"| depth of JSON, or of PHP's brackets | {MAX_DEPTH} |",
    f"{MAX_NOTES:,} for notes |",
    f"| numbers | ±2⁵³\N{MINUS SIGN}{2**53 - MAX_INTEGER}, ",
    f"| ids in `include_ids`, `customer_ids`, `labels` | {MAX_IDS:,} |",
    f"| ids in `include_ids`, `customer_ids`, `labels` | {MAX_BULK:,} |",
    f"| items of an order | {MAX_ITEMS} |",
    f"| search | {MAX_SEARCH:,} characters |",
    f"| advanced filters | {MAX_FILTERS} in all their groups, {MAX_VALUES:,} values each |",
    f"| rows of a page | {MAX_PER_PAGE} |",
    f"| `CUSTODIARY_CLIENT_SECONDS`, {Settings().client_seconds} |",
    f"| a statement of a list | {PATIENCE} s |",
    f"| a request, until its answer begins | {ANSWERED_WITHIN // 60} min,",
    f"| lists with `as_of`, in a process | {AT_ONCE} at a time, {WAITING} waiting |",
    f"| commands under way, in a process | {MAX_COMMANDS:,} |",
]


@pytest.mark.parametrize("said", SAID)
def test_the_page_of_limits_says_what_holds(said: str) -> None:
    assert said in PAGE.read_text()


async def test_a_thousand_ids_fit_into_an_address(shop: Shop) -> None:
    query = "&".join(f"include_ids%5B%5D={1_000_000 + number}" for number in range(1_000))
    done(await shop.get(f"/customers?{query}"))


async def test_an_address_that_is_too_long_is_a_414(shop: Shop) -> None:
    too_long = rule(414, f"An address may not be longer than {MAX_URL_BYTES} bytes. Send long lists in the body.")
    assert refusal(await shop.get(f"/customers?search={'a' * MAX_URL_BYTES}")) == too_long
    assert refusal(await shop.get(f"/customers/{'1' * MAX_URL_BYTES}")) == too_long


async def test_headers_that_are_too_long_are_a_431(shop: Shop) -> None:
    too_long = rule(431, f"The headers of a request may not be longer than {MAX_HEADER_BYTES} bytes together.")
    assert refusal(await shop.get("/customers", headers={"X-Much": "a" * MAX_HEADER_BYTES})) == too_long
    many = {f"X-{number}": "a" * 1_000 for number in range(40)}
    assert refusal(await shop.get("/customers", headers=many)) == too_long


BOMB = gzip.compress(b'{"notes": "' + b"a" * (64 << 20) + b'"}')
COMPRESSED = {
    "gzip": BOMB,
    "x-gzip": BOMB,
    "deflate": zlib.compress(b"{}"),
    "br": b"\x0b\x02\x80",
    "identity, gzip": BOMB,
    "gzip, identity": BOMB,
    "zstd": b"\x28\xb5\x2f\xfd",
    "bogus": b"{}",
}


@pytest.mark.parametrize("encoding", COMPRESSED)
async def test_a_compressed_body_is_a_415(shop: Shop, encoding: str) -> None:
    """64 MiB in 65 kB: nobody inflates them."""
    before = await shop.position()
    for method, path, _ in (await writes(shop))[:4]:
        before = await shop.position()
        headers = {**JSON, "Content-Encoding": encoding}
        answer = await shop.ask(method, path, content=COMPRESSED[encoding], headers=headers)
        assert refusal(answer) == rule(415, "Bodies are read as they are: send them without Content-Encoding.")
        assert answer.headers["accept-encoding"] == "identity"
        assert await shop.position() == before


async def test_a_compressed_body_is_not_inflated_without_its_header_either(shop: Shop) -> None:
    assert refusal(await shop.post("/customers", content=BOMB, headers=JSON))[0] == 400
    assert refusal(await shop.post("/customers", content=BOMB, headers=FORM))[0] == 422


async def test_a_body_may_say_that_it_is_not_compressed(shop: Shop) -> None:
    body = json.dumps({"email": new_email(), "first_name": "Jane"})
    done(await shop.post("/customers", content=body, headers={**JSON, "Content-Encoding": " Identity "}))


async def test_a_body_that_is_too_large_is_a_413_whether_it_says_so_or_not(shop: Shop) -> None:
    async def chunks() -> Any:
        for _ in range(3):
            yield b"a" * (MAX_BODY_BYTES // 2)

    for content in (b"a" * (MAX_BODY_BYTES + 1), chunks()):
        assert refusal(await shop.post("/customers", content=content, headers=FORM))[0] == 413


async def test_a_body_that_is_nested_too_deeply_is_a_400(shop: Shop) -> None:
    deep = '{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)
    status, refused = refusal(await shop.post("/customers", content=deep, headers=JSON))
    assert (status, refused["code"]) == (400, "rest_invalid_json")


async def test_a_form_of_too_many_fields_is_a_413(shop: Shop) -> None:
    many = "&".join(f"a{number}=1" for number in range(MAX_FIELDS + 1))
    assert refusal(await shop.post("/customers", content=many, headers=FORM))[0] == 413
    assert refusal(await shop.get(f"/customers?{many}"))[0] == 413


@pytest.mark.parametrize(
    ("asked", "field", "broken"),
    [
        ({"include_ids": list(range(1, 1_002))}, "include_ids", "max"),
        ({"with": ["labels"] * 101}, "with", "max"),
        ({"select": ["id"] * 101}, "select", "max"),
        ({"search": "a" * 1_001}, "search", "maxLength"),
        ({"cursor": "a" * 100_000}, "cursor", "invalid"),
        (ADVANCED | {"advanced_filters": [[LTV] * 101]}, "advanced_filters", "invalid"),
        (ADVANCED | {"advanced_filters": [[LTV]] * 101}, "advanced_filters", "invalid"),
        (ADVANCED | {"advanced_filters": [[LTV | {"operator": "in", "value": [1] * 1_001}]]}, "advanced_filters",
         "invalid"),
        (ADVANCED | {"advanced_filters": "[" * 20_000}, "advanced_filters", "invalid"),
        (ADVANCED | {"advanced_filters": "[[" + "{" * 20_000}, "advanced_filters", "invalid"),
    ],
)  # fmt: skip
async def test_a_list_that_asks_for_too_much_is_told_in_which_field(
    shop: Shop, asked: dict[str, Any], field: str, broken: str
) -> None:
    assert problems(await shop.get("/customers", json=asked)) == {field: [broken]}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": list(range(1, 1_002))},
         "customer_ids"),
        ("/orders", {"customer_id": 1, "total_amount": 1, "items": [{"title": "a"}] * (MAX_ITEMS + 1)}, "items"),
    ],
)  # fmt: skip
async def test_a_write_of_too_many_things_is_told_in_which_field(
    shop: Shop, path: str, body: dict[str, Any], field: str
) -> None:
    before = await shop.position()
    assert problems(await shop.post(path, body)) == {field: ["max"]}
    assert await shop.position() == before


async def test_too_many_labels_for_a_customer_are_refused(shop: Shop) -> None:
    path = f"/customers/{await shop.customer()}/additional-info"
    assert problems(await shop.put(path, {"labels": list(range(1, 1_002))})) == {"labels": ["max"]}


@pytest.mark.parametrize("per_page", [200, 1_000, 2**63, 10**30, "9" * 40, 1e300])
async def test_a_page_that_is_too_large_is_one_of_ten(shop: Shop, per_page: float | str) -> None:
    page = done(await shop.get("/customers", json={"per_page": per_page}))["customers"]
    assert page["per_page"] == 10


async def test_an_answer_that_does_not_come_is_given_up() -> None:
    given_up = asyncio.Event()

    @get("/")
    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async with impatient(never) as http:
        answer = await http.get("/")
    assert given_up.is_set()
    assert refusal(answer) == rule(
        503, "This took too long, and was given up. A write may have been carried out all the same."
    )
    assert answer.headers["retry-after"] == "30"


async def test_of_many_answers_that_do_not_come_each_is_given_up_in_its_own_time() -> None:
    waited: list[float] = []

    @get("/")
    async def never() -> None:
        await asyncio.Event().wait()

    async with impatient(never) as http:

        async def ask(after: float) -> None:
            await asyncio.sleep(after * ANSWER_SECONDS)
            began = asyncio.get_running_loop().time()
            assert (await http.get("/")).status_code == 503
            waited.append(asyncio.get_running_loop().time() - began)

        await asyncio.gather(ask(0), ask(0.5))
        await ask(0)  # nobody is waiting any more
    assert min(waited) >= ANSWER_SECONDS * 0.9


async def test_a_body_is_whole_when_all_that_was_announced_is_there() -> None:
    """Not only when the server says that no more of it comes."""
    read: list[bytes] = []

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        message: Any = {"more_body": True}
        while message["more_body"]:
            message = await receive()
            read.append(message["body"])

    pieces = iter([b"in two", b" pieces"])

    async def receive() -> Any:
        return {"type": "http.request", "body": next(pieces), "more_body": True}

    async def send(_message: Message) -> None:
        pass

    length = (b"content-length", b"%d" % len(b"in two pieces"))
    scope: Any = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [length]}
    await guarding(app, client_seconds=1)(scope, receive, send)
    assert read == [b"in two", b" pieces"]


async def test_an_answer_that_has_begun_may_take_its_time() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"as it "
        await asyncio.sleep(4 * ANSWER_SECONDS)
        yield b"happens"

    @get("/")
    async def told() -> Stream:
        return Stream(pieces())

    async with impatient(told) as http:
        assert (await http.get("/")).text == "as it happens"


def impatient(handler: Any) -> httpx.AsyncClient:
    app = Litestar([handler], openapi_config=None)
    app.asgi_handler = guarding(app.asgi_handler, client_seconds=1, answer_seconds=ANSWER_SECONDS)
    return client_of(app)
