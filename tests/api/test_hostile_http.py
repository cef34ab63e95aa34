"""Input that no honest client sends: every field of every write, and every parameter of every list."""

import json
from typing import Any

import pytest

from tests.api.shop import FORM, HOME, JSON, NUMBERS, Method, Shop, done, new_email, problems, refusal

DEEP: Any = None
for _ in range(20):
    DEEP = [DEEP]
NASTY: dict[str, Any] = {
    "NUL": "a\0b",
    "bell": "a\x07b",
    "C1 control": "a\x85b",
    "lone surrogate": "a\ud800b",
    "a digit and a separator": "1\x1f",
    "true": True,
    "a fraction": 1.5,
    "beyond 64 bits": 2**64,
    "far beyond": 10**400,
    "below 64 bits": -(2**63) - 1,
    "digits beyond 64 bits": "9" * 40,
    "an object": {"$ne": None},
    "a list": [1],
    "a list of objects": [{"id": 1}, {}],
    "deep": DEEP,
    "absurdly long": "a" * 66_000,
    "other digits": "\u0661\u0662",
    "an exponent": "1e3",
    "SQL": "'; DROP TABLE customers; --",
    "minus one": -1,
    "zero": 0,
    "infinite": "Infinity",
}
# What can't be stored in any field, whatever it is for.
NEVER_TEXT = ("NUL", "bell", "C1 control", "lone surrogate", "a digit and a separator", "an object", "absurdly long")
ORDER: dict[str, Any] = {
    "customer_id": 1, "total_amount": 1_000, "id": None, "currency": "USD", "rate": 1, "total_paid": 0,
    "total_refund": 0, "payment_status": "pending", "status": "on-hold", "type": "payment", "mode": "live",
    "created_at": "2025-01-01", "invoice_no": "F-1", "receipt_number": "1", "note": "", "ip_address": "",
    "payment_method": "", "payment_method_title": "", "fulfillment_type": "", "shipping_status": "", "subtotal": 0,
    "tax_total": 0, "parent_id": None, "items": [],
}  # fmt: skip


async def writes(shop: Shop) -> list[tuple[Method, str, dict[str, Any]]]:
    """Each fit to be carried out, but for the field that is spoilt."""
    id_, user_id, label_id = await shop.customer(), await shop.user(), await shop.label()
    address_id = await shop.address(id_)
    order_id = await shop.order(id_, total_paid=1_000)
    profile = {
        "email": new_email(), "first_name": "Jane", "last_name": "S", "city": "B", "state": "MA", "postcode": "02101",
        "country": "US", "notes": "n", "status": "active", "user_id": None, "user_url": "",
    }  # fmt: skip
    address = HOME | {"address_2": "", "phone": "1", "label": "x", "status": "active", "is_primary": 0,
                      "company_name": "", "order_id": None}  # fmt: skip
    follow = {"display_name": "J", "user_nicename": "j"}
    money = {"amount": 1, "transaction_id": f"t{next(NUMBERS)}"}
    user = {"user_login": f"u{next(NUMBERS)}", "user_email": new_email(), "display_name": "", "first_name": "",
            "last_name": "", "user_url": "", "user_nicename": ""}  # fmt: skip
    path = f"/customers/{id_}"
    return [
        ("POST", "/customers", profile),
        ("PUT", path, profile | follow),
        ("PUT", f"{path}/additional-info", {"labels": [label_id]}),
        ("POST", "/customers/do-bulk-action",
         {"action": "change_customer_status", "customer_ids": [id_], "new_status": "active"}),
        ("POST", f"{path}/address", address),
        ("PUT", f"{path}/address", address | {"id": address_id}),
        ("DELETE", f"{path}/address", {"address": {"id": address_id}}),
        ("POST", f"{path}/address/make-primary", {"addressId": address_id, "type": "billing"}),
        ("POST", f"{path}/attachable-user", {"user_id": user_id}),
        ("POST", f"{path}/detach-user", {}),
        ("POST", f"{path}/recalculate-ltv", {}),
        ("POST", "/labels", {"value": f"l{next(NUMBERS)}"}),
        ("PUT", f"/labels/{label_id}", {"value": f"l{next(NUMBERS)}"}),
        ("PUT", f"/users/{user_id}", user),
        ("POST", "/orders", ORDER | {"customer_id": id_}),
        ("PUT", f"/orders/{await shop.order(id_)}", {"status": "completed", "note": "", "payment_status": "pending"}),
        ("POST", f"/orders/{order_id}/payments", money | {"paid_at": "2025-01-01"}),
        ("POST", f"/orders/{order_id}/refunds", money | {"refunded_at": "2025-01-01", "reason": ""}),
        ("POST", f"/orders/{order_id}/transfer", {"customer_id": id_}),
        ("DELETE", f"/orders/{await shop.order(id_)}", {}),
        ("DELETE", f"/labels/{await shop.label()}", {}),
        ("DELETE", f"/users/{await shop.user()}", {}),
        ("POST", "/replays/1/swap", {}), ("POST", "/replays/1/rollback", {}), ("POST", "/replays/1/cancel", {}),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", NASTY)
async def test_no_value_of_any_field_is_a_fault_of_ours(shop: Shop, kind: str) -> None:
    """It is refused, naming the field and storing nothing, or it is text like any other."""
    for method, path, body in await writes(shop):
        for field in body:
            before = await shop.position()
            answer = await shop.ask(method, path, body | {field: NASTY[kind]})
            what = (method, path, field, answer.text[:200])
            assert answer.status_code in {200, 400, 403, 404, 409, 422}, what
            assert answer.headers["content-type"].startswith("application/json"), what
            assert isinstance(answer.json()["message"], str), what
            if answer.status_code != 200:
                assert await shop.position() == before, what
            if answer.status_code == 422:
                assert next(iter(problems(answer))).startswith(field), what
            if kind in NEVER_TEXT:
                assert answer.status_code != 200, what


@pytest.mark.parametrize("kind", ["NUL", "lone surrogate", "digits beyond 64 bits"])
async def test_no_form_is_a_fault_of_ours(shop: Shop, kind: str) -> None:
    value = str(NASTY[kind]).encode("utf-8", "surrogatepass")
    escaped = "".join(f"%{byte:02x}" for byte in value)
    for method, path, body in await writes(shop):
        for field in body:
            sent = {name: said for name, said in body.items() if name != field and isinstance(said, str | int)}
            form = "&".join([*(f"{name}={said}" for name, said in sent.items()), f"{field}={escaped}"])
            answer = await shop.ask(method, path, content=form, headers=FORM)
            assert answer.status_code in {200, 400, 403, 404, 409, 422}, (method, path, field, answer.text[:200])


QUERIES = [
    "page={}", "per_page={}", "sort_by={}", "sort_type={}", "search={}", "filter_type={}", "active_view={}", "with={}",
    "with[]={}", "with[a]={}", "select={}", "select[]={}", "include_ids={}", "include_ids[]={}", "user_tz={}",
    "cursor={}", "filter_type=advanced&advanced_filters={}", "filter_type=advanced&advanced_filters[]={}",
    "search[]={}", "page[]={}", "search=id={}", "search=id>{}", "search=ltv::{}-5", "search=created_at<{}",
    "search=email=*{}*", "params[customer_only]={}", "params={}", "type={}", "from={}", "actor={}", "{}={}",
    "search[{}]=1", "{}", "[{}]=1", "a[{}][b][]=1",
]  # fmt: skip
VALUES = [
    "", "%00", "1%1F", "%ED%A0%80", "%FF", "-1", "0", "1.5", "1e999", "9" * 40, "NaN", "null", "true", "%25", "%5C",
    "%27", "*", "**", "%3B", "{}", "[]", "[[]]", "[[[]]]", "[[{}]]", "[{]", "%22", "a" * 2_000,
    "%F0%9F%98%80", "%E2%80%AE",
    "[[{%22source%22:[],%22operator%22:%22=%22,%22value%22:1}]]",
    "[[{%22source%22:[%22customer%22,%22ltv%22],%22operator%22:{},%22value%22:{}}]]",
    "[[{%22source%22:[%22customer%22,%22ltv%22],%22operator%22:%22=%22,%22value%22:1e400}]]",
    "[[{%22source%22:[%22customer%22,%22email%22],%22operator%22:%22=%22,%22value%22:%22%5Cu0000%22}]]",
    "[[{%22source%22:[%22labels%22,%22labels%22],%22operator%22:%22in%22,%22value%22:[9999999999999999999999]}]]",
    "[[{%22source%22:[%22order%22,%22first_purchase_date%22],%22operator%22:%22within%22,%22value%22:99999999999}]]",
    "[[{%22source%22:[%22order%22,%22first_purchase_date%22],%22operator%22:%22before%22,%22value%22:%220001-01-01%22}]]",
    "[[{%22source%22:[%22%5Cud800%22,%22%5Cu0000%22],%22operator%22:%22%5Cud800%22}]]", "[" * 500, "[" * 30_000,
]  # fmt: skip


async def all_answered(shop: Shop, path: str, values: list[str]) -> None:
    for query in QUERIES:
        for value in values:
            sent = query.replace("{}", value)
            answer = await shop.get(f"{path}?{sent}&user_tz=Europe/Berlin")
            assert answer.status_code in {200, 413, 414, 422}, (sent[:200], answer.text[:200])
            assert isinstance(answer.json(), dict), sent[:200]


async def test_no_query_of_a_list_is_a_fault_of_ours(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.order(id_, total_paid=1_000)
    await all_answered(shop, "/customers", VALUES[::2])
    await all_answered(shop, f"/customers/{id_}/orders", VALUES[1::2])


@pytest.mark.parametrize("path", ["/customers/{}", "/customers/{}/order", "/customers/{}/address",
                                  "/customers/{}/history", "/customers/attachable-user", "/customers/get-stats/{}",
                                  "/labels", "/users"])  # fmt: skip
async def test_no_query_is_a_fault_of_ours(shop: Shop, path: str) -> None:
    await all_answered(shop, path.replace("{}", str(await shop.customer())), ["%00", "%ED%A0%80", "9" * 40])


# Bodies that are none


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"}", b"[", b"[]", b"[1]", b'"text"', b"1", b"null", b"true", b"NaN", b"{'a': 1}", b'{"a": NaN}',
        b'{"a": Infinity}', b'{"a": 1,}', b'{"a" 1}', b'{"email": "\xff"}', b'\x00{"a": 1}', b'{"a": "\t\n"}',
        b"[" * 100_000, b'{"a":' * 100_000, b'{"a":' * 40 + b"1" + b"}" * 40, b'{"a": 01}', b'{"a": "\\x"}',
        '{"a": 1}'.encode("utf-16"),
    ],
)  # fmt: skip
async def test_what_is_no_json_object_is_a_400(shop: Shop, body: bytes) -> None:
    """Also to those operations that need no input."""
    for method, path, _fields in await writes(shop):
        before = await shop.position()
        answer = await shop.ask(method, path, content=body, headers=JSON)
        status, refused = refusal(answer)
        assert (status, refused["code"], refused["data"]) == (400, "rest_invalid_json", {"status": 400}), (
            path,
            refused,
        )
        assert isinstance(refused["message"], str)
        assert await shop.position() == before


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/xml", "application/octet-stream", "application/json; charset=latin-1", "x", "é",
     "multipart/form-data", "multipart/form-data; boundary=x", "application/vnd.api+json", "a" * 5_000],
)  # fmt: skip
async def test_no_content_type_is_a_fault_of_ours(shop: Shop, content_type: str) -> None:
    before = await shop.position()
    for body in (
        b"",
        b"<a>1</a>",
        b"\xff\xfe",
        b"--x\r\n\r\n",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\n',
    ):
        answer = await shop.ask("POST", "/customers", content=body, headers={"Content-Type": content_type.encode()})
        assert answer.status_code in {400, 422}, answer.text
    assert await shop.position() == before


async def test_json_is_read_whatever_its_content_type(shop: Shop) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/vnd.api+json", ""):
        body = json.dumps({"email": new_email(), "first_name": "Jane"})
        done(await shop.post("/customers", content=body, headers={"Content-Type": content_type}))


async def test_a_key_that_is_there_twice_is_refused_by_name(shop: Shop) -> None:
    before = await shop.position()
    email = new_email()
    for body in (
        f'{{"email": "{email}", "first_name": "A", "email": "{email}"}}',
        f'{{"first_name": "A", "email": "{email}", "first_name": "A"}}',
    ):
        [(field, rules)] = problems(await shop.post("/customers", content=body, headers=JSON)).items()
        assert (field in body[:20].replace("'", '"'), rules) == (True, ["duplicate"])
    answer = await shop.post("/labels", content='{"\\ud800\\u0000": 1, "\\ud800\\u0000": 2}', headers=JSON)
    assert list(problems(answer).values()) == [["duplicate"]]
    nested = '{"address": {"id": 1, "id": 2}}'
    answer = await shop.delete("/customers/1/address", content=nested, headers=JSON)
    assert problems(answer) == {"id": ["duplicate"]}
    assert await shop.position() == before


async def test_a_body_that_is_too_large_is_a_413(shop: Shop) -> None:
    before = await shop.position()
    large = json.dumps({"email": new_email(), "first_name": "Jane", "notes": "a" * (2 << 20)})
    many = "&".join(f"a{number}=1" for number in range(5_000))
    for body, headers in ((large, JSON), (many, FORM)):
        status, refused = refusal(await shop.post("/customers", content=body, headers=headers))
        assert (status, refused["code"], refused["data"]) == (413, 413, "")
    assert await shop.position() == before


@pytest.mark.parametrize(
    "id_", ["%00", "%ED%A0%80", "%FF", "%2e%2e", "1%2f2", "9" * 5_000, "-0", "+1", "1%20", "\u0661"]
)
async def test_no_path_is_a_fault_of_ours(shop: Shop, id_: str) -> None:
    for path in (
        "/customers/{}",
        "/customers/{}/address",
        "/customers/get-stats/{}",
        "/orders/{}",
        "/customers/{}/history",
    ):
        assert (await shop.get(path.replace("{}", id_))).status_code == 404


@pytest.mark.parametrize(
    "name", ["X-Request-Id", "If-Match", "Idempotency-Key", "Accept", "Cookie", "Range", "If-None-Match"]
)
async def test_no_header_is_a_fault_of_ours(shop: Shop, name: str) -> None:
    id_ = await shop.customer()
    for value in (b"", b"a" * 5_000, b"\xff\xfe", b"{", b"'; --", b'"1" "2"', b"bytes=0-1"):
        for answer in (
            await shop.get(f"/customers/{id_}", headers={name: value}),
            await shop.put(f"/customers/{id_}", headers={name: value}),
        ):
            assert answer.status_code in {200, 412, 422}, (name, value, answer.text)
