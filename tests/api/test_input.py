import json
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, Request, route

from api.handling.errors import exception_handlers
from api.http.refusals import HttpRefusal, Invalid, InvalidJson, Rule, TooLarge
from api.http.request import MAX_BODY_BYTES, MAX_DEPTH, MAX_FIELDS, parse_body, parse_form, parse_json, read_input
from service.fields.convert import ids
from tests.api.client import client_of

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = 'multipart/form-data; boundary="edge"'


def test_a_query_holds_plain_names() -> None:
    assert parse_form(b"search=john+doe&per_page=20&blank=&bare") == {
        "search": "john doe",
        "per_page": "20",
        "blank": "",
        "bare": "",
    }


def test_empty_brackets_make_a_list() -> None:
    assert parse_form(b"with[]=labels&with%5B%5D=orders") == {"with": ["labels", "orders"]}


def test_numbered_brackets_make_a_list_when_they_count_from_0() -> None:
    assert parse_form(b"ids[0]=7&ids[1]=8") == {"ids": ["7", "8"]}
    assert parse_form(b"ids[3]=7&ids[]=8") == {"ids": {"3": "7", "4": "8"}}


def test_named_brackets_make_objects_of_any_depth() -> None:
    assert parse_form(b"params[customer_only]=yes&address[id]=5") == {
        "params": {"customer_only": "yes"},
        "address": {"id": "5"},
    }
    assert parse_form(b"a[b][c]=1&a[b][d][]=2&a[b][d][]=3") == {"a": {"b": {"c": "1", "d": ["2", "3"]}}}


def test_the_last_of_two_counts() -> None:
    assert parse_form(b"a=1&a=2") == {"a": "2"}
    assert parse_form(b"a=1&a[]=2") == {"a": ["2"]}
    assert parse_form(b"a[]=2&a=1") == {"a": "1"}


def test_of_a_list_all_count_that_are_sent_under_its_name() -> None:
    """Many clients write a list so: its name again and again, without PHP's brackets."""
    for form in (b"a=1&a=2&a=3", b"a[]=1&a[]=2&a[]=3", b"a=1,2&a=&a=3", b"a=1,2,3"):
        assert ids(parse_form(form)["a"], max_items=3) == [1, 2, 3]
    assert ids(parse_form(b"a[b]=1&a[b]=2")["a"]["b"], max_items=3) == [1, 2]


def test_json_says_each_key_once() -> None:
    for document in (b'{"a": 1, "b": 2, "a": 1}', b'{"b": [{"a": 1, "a": 2}]}'):
        with pytest.raises(Invalid) as refused:
            parse_json(document)
        assert refused.value.errors == {"a": {"duplicate": "The a field may be there only once."}}
    assert parse_json(b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}')["a"] == {"a": 1}


def test_brackets_that_do_not_close_are_part_of_the_name() -> None:
    assert parse_form(b"a[b=1&=2&[]=3") == {"a[b": "1"}


def test_bytes_that_are_not_utf_8_are_left_for_the_field_to_refuse() -> None:
    assert parse_form(b"name=%ff%00") == {"name": "\udcff\x00"}


def test_more_fields_than_the_limit_are_refused() -> None:
    assert len(parse_form(b"&".join(b"f%d=1" % number for number in range(MAX_FIELDS)))) == MAX_FIELDS
    with pytest.raises(TooLarge):
        parse_form(b"&" * MAX_FIELDS)


def test_a_field_nested_too_deeply_is_refused() -> None:
    parse_form(b"a" + b"[x]" * (MAX_DEPTH - 1))
    with pytest.raises(TooLarge):
        parse_form(b"a" + b"[x]" * MAX_DEPTH)


@pytest.mark.parametrize("content_type", [JSON, "application/problem+json; charset=utf-8", FORM, "text/plain", ""])
def test_what_looks_like_json_is_json(content_type: str) -> None:
    assert parse_body(b' {"first_name": "Jane", "labels": [1, null]}', content_type) == {
        "first_name": "Jane",
        "labels": [1, None],
    }


@pytest.mark.parametrize("content_type", [FORM, "text/plain", ""])
def test_what_does_not_is_a_form(content_type: str) -> None:
    assert parse_body(b"first_name=Form&email=form%40example.com", content_type) == {
        "first_name": "Form",
        "email": "form@example.com",
    }


@pytest.mark.parametrize("content_type", [JSON, FORM, MULTIPART, ""])
def test_no_body_is_an_empty_one(content_type: str) -> None:
    assert parse_body(b" \r\n", content_type) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"first_name=Jane",
        b"{",
        b'{"a": 1} b',
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": "\xff"}',
        b"[]",
        b"5",
        b"null",
        b'"text"',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_a_declared_json_body_must_be_a_json_object(body: bytes) -> None:
    with pytest.raises(InvalidJson):
        parse_body(body, JSON)


def test_json_may_nest_as_deep_as_the_limit_and_no_deeper() -> None:
    parse_json(b'{"a":' * (MAX_DEPTH - 1) + b"{}" + b"}" * (MAX_DEPTH - 1))
    with pytest.raises(InvalidJson):
        parse_json(b'{"a":' * MAX_DEPTH + b"{}" + b"}" * MAX_DEPTH)


def test_numbers_of_any_length_are_read() -> None:
    assert parse_json(b'{"a": %s, "b": 1e999}' % (b"9" * 5000)) == {"a": float("inf"), "b": float("inf")}
    assert parse_json(b'{"a": 9223372036854775808}') == {"a": 2**63}


def test_a_number_without_a_fraction_is_an_integer_however_it_is_written() -> None:
    document = parse_json(b'{"a": 5.0, "b": 5e2, "c": 5.5, "d": 1e300}')
    assert document == {"a": 5, "b": 500, "c": 5.5, "d": 1e300}
    assert [type(number) for number in document.values()] == [int, int, float, float]


def test_a_multipart_body_gives_its_text_fields() -> None:
    body = (
        b'--edge\r\nContent-Disposition: form-data; name="address[city]"\r\n\r\nK\xc3\xb6ln\r\n'
        b'--edge\r\nContent-Disposition: form-data; name="photo"; filename="a.png"\r\n\r\n\x89PNG\r\n'
        b"--edge--\r\n"
    )
    assert parse_body(body, MULTIPART) == {"address": {"city": "Köln"}}


def test_a_multipart_body_may_not_have_more_fields_than_another() -> None:
    field = b'--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    with pytest.raises(TooLarge):
        parse_body(field * (MAX_FIELDS + 1) + b"--edge--\r\n", MULTIPART)


@pytest.mark.parametrize("content_type", [MULTIPART, "multipart/form-data"])
def test_a_broken_multipart_body_is_refused(content_type: str) -> None:
    with pytest.raises(Rule):
        parse_body(b"--other\r\n\r\n", content_type)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_query_or_refused(raw: bytes) -> None:
    with suppress(HttpRefusal):
        parse_form(raw)


@given(st.text(alphabet="ab[]=&%0159+.", max_size=60))
def test_any_brackets_are_read(raw: str) -> None:
    assert isinstance(parse_form(raw.encode()), dict)


@given(st.binary(max_size=200), st.sampled_from([JSON, FORM, MULTIPART, "multipart/form-data", "", "\xff;;="]))
def test_any_bytes_are_a_body_or_refused(raw: bytes, content_type: str) -> None:
    with suppress(HttpRefusal):
        parse_body(raw, content_type)


KEYS = st.text(alphabet="abcdefgh", min_size=1, max_size=4)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=10)


@given(st.dictionaries(KEYS, TEXTS | st.lists(TEXTS, min_size=1) | st.dictionaries(KEYS, TEXTS, min_size=1)))
def test_what_php_would_write_is_read_back(values: dict[str, Any]) -> None:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if isinstance(value, str):
            pairs.append((name, value))
        elif isinstance(value, list):
            pairs += [(f"{name}[]", item) for item in value]
        else:
            pairs += [(f"{name}[{key}]", item) for key, item in value.items()]
    assert parse_form(urlencode(pairs).encode()) == values


@route("/echo", http_method=["GET", "POST", "DELETE"], status_code=200)
async def echo(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return await read_input(request)


def echoing() -> Litestar:
    return Litestar(
        [echo],
        request_max_body_size=MAX_BODY_BYTES,
        exception_handlers=exception_handlers({}, lambda _request: "request-1"),
        openapi_config=None,
    )


def client() -> httpx.AsyncClient:
    return client_of(echoing())


async def test_the_body_wins_over_the_query() -> None:
    async with client() as http:
        answer = await http.post("/echo?email=q@example.com&page=2", json={"email": "b@example.com"})
    assert answer.json() == {"email": "b@example.com", "page": "2"}


async def test_a_delete_may_have_a_body() -> None:
    async with client() as http:
        answer = await http.request("DELETE", "/echo", content=json.dumps({"address": {"id": 5}}))
    assert answer.json() == {"address": {"id": 5}}


async def test_a_body_that_breaks_off_is_refused() -> None:
    """A client that is gone, or whose chunks are none, is no fault of ours."""
    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": "/echo",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(b"transfer-encoding", b"chunked")],
        "root_path": "",
    }
    messages: list[Any] = [{"type": "http.request", "body": b"a=", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await echoing()(scope, receive, send)
    assert sent[0]["status"] == 400
    assert json.loads(sent[1]["body"]) == {
        "code": 400,
        "message": "The request ended before its body did.",
        "data": "",
        "reason": "incomplete_body",
    }


async def test_a_body_over_one_mebibyte_is_refused() -> None:
    async with client() as http:
        answer = await http.post("/echo", content=b"a=" + b"x" * MAX_BODY_BYTES)
    assert (answer.status_code, answer.json()["code"]) == (413, 413)
