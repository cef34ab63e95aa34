"""Requests over all operations, in a store that is empty at first, and what was answered to each: `answers.jsonl`.

An answer that is to change is recorded anew, and the difference read: `python -m tests.api.exchanges`.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx

from api.process.tables import migrate
from eventstore.embedded.server import embedded
from projections.queries.customers import LISTING as CUSTOMERS
from projections.queries.language.cursor import Sort, encode
from projections.queries.orders import LISTING as ORDERS
from projections.queries.pages import LIMITS
from tests.api.documented import Body
from tests.api.shop import HOME, Method, Shop, open_shop
from tests.conftest import SETTINGS

RECORDED = Path(__file__).parent.parent / "data" / "answers.jsonl"
# What is another each time: moments, random ids, and of credentials all that a run makes; and what is only long.
MASKS = (
    (re.compile(r'"[0-9a-f-]{32,36}"'), '"…"'),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "…"),
    (re.compile(r'"password":"[^"]+"'), '"password":"…"'),
    (re.compile(r'"(whsec|whpk)_[^"]+"'), r'"\1_…"'),
    (re.compile(r'"lag":(null|\{[^{}]*(\{[^{}]*\})?[^{}]*\})'), '"lag":"…"'),
    (re.compile(r'"name":"test [0-9]+"'), '"name":"…"'),
    (re.compile(r'"(last_used_at|last_used_from)":(null|"[^"]+")'), r'"\1":"…"'),
    (re.compile(r'"key":"[^"]{40,}"'), '"key":"…"'),
    (re.compile(r'"digest":"[0-9a-f]{64}"'), '"digest":"…"'),
    (re.compile("x{300,}"), "x…"),
)
REQUEST_ID = {"X-Request-Id": "r"}
EVERY_RELATION = (
    "orders,orders.order_items,orders.filteredOrderItems,ordersCount,subscriptions,wpUser,billing_address,"
    "shipping_address,primary_billing_address,primary_shipping_address"
)
ITEM: Body = {
    "title": "Monthly", "post_title": "Coffee", "quantity": 2, "unit_price": "2500", "object_id": 7, "post_id": 3,
    "other_info": {"size": "L"}, "line_meta": "[]", "discount_total": 100, "payment_type": "",
}  # fmt: skip
PROFILE: Body = {
    "email": "jane@example.com", "first_name": " Jane ", "last_name": "Smith", "full_name": "ignored", "city": "Boston",
    "state": "MA", "postcode": "02101", "country": "US", "notes": "One\nTwo", "status": "active", "aov": 7,
    "user_url": "https://jane.example", "user_id": None, "wp_user": "no",
}  # fmt: skip
USER: Body = {
    "user_login": "jane", "user_email": "jane@example.com", "display_name": "Jane Smith", "first_name": "Jane",
    "last_name": "Smith", "user_url": "https://jane.example", "user_nicename": "jane",
}  # fmt: skip
ADDRESS: Body = HOME | {
    "address_2": "Floor 2", "phone": "+1-555-0200", "label": "Office", "status": "active", "is_primary": "0",
    "company_name": "Acme", "order_id": None,
}  # fmt: skip
ORDER: Body = {
    "customer_id": 1, "total_amount": 5000, "id": None, "currency": "usd", "total_paid": "5000", "total_refund": 0,
    "payment_status": "paid", "created_at": "2025-06-20", "status": "completed", "rate": "1.25", "items": [ITEM, {}],
    "parent_id": None, "type": "payment", "mode": "live", "receipt_number": "R-1", "note": "One\nTwo",
    "ip_address": "192.0.2.7", "invoice_no": "F-1", "fulfillment_type": "physical", "shipping_status": "shipped",
    "payment_method": "card", "payment_method_title": "Card", "subtotal": 0, "discount_tax": 1,
    "manual_discount_total": 2, "coupon_discount_total": 3, "shipping_tax": 4, "shipping_total": 5, "fee_total": 6,
    "tax_total": 7,
}  # fmt: skip
# Of each write, the fields that it knows; each is sent with every field spoilt in the same way.
WRITES: list[tuple[Method, str, Body]] = [
    ("POST", "/customers", PROFILE),
    ("PUT", "/customers/1", PROFILE | {"username": "", "user_nicename": "", "display_name": ""}),
    ("PATCH", "/customers/1", PROFILE | {"user_nicename": "", "display_name": ""}),
    ("PUT", "/customers/1/additional-info", {"labels": [1]}),
    ("POST", "/customers/do-bulk-action", {"action": "", "customer_ids": [1], "new_status": "", "reason": ""}),
    ("DELETE", "/customers/99", {"reason": "asked"}),
    ("POST", "/customers/1/address", ADDRESS),
    ("PUT", "/customers/1/address", ADDRESS | {"id": 1}),
    ("DELETE", "/customers/1/address", {"address": {"id": 1}}),
    ("POST", "/customers/1/address/make-primary", {"addressId": 1, "type": "billing"}),
    ("POST", "/customers/1/attachable-user", {"user_id": 1}),
    ("POST", "/customers/1/detach-user", {}),
    ("POST", "/customers/1/recalculate-ltv", {}),
    ("PUT", "/users/1", USER),
    ("DELETE", "/users/99", {}),
    ("POST", "/labels", {"value": "VIP"}),
    ("PUT", "/labels/1", {"value": "VIP"}),
    ("DELETE", "/labels/99", {}),
    ("POST", "/orders", ORDER),
    ("PUT", "/orders/1", {"status": "completed", "payment_status": "pending", "note": ""}),
    ("POST", "/orders/1/payments", {"amount": 1, "transaction_id": "ch_9", "paid_at": None}),
    ("POST", "/orders/1/refunds", {"amount": 1, "transaction_id": "re_9", "refunded_at": None, "reason": None}),
    ("POST", "/orders/1/transfer", {"customer_id": 1}),
    ("DELETE", "/orders/99", {}),
    ("POST", "/credentials", {"login": "ann", "name": "phone", "role": "worker", "permissions": ["customers/view"]}),
    ("POST", "/replays/99/swap", {}),
    ("POST", "/replays/99/rollback", {}),
    ("POST", "/replays/99/cancel", {}),
]
REPLAY: Body = {
    "projection": "", "customers": "", "customer_id": "", "last_customer_id": "", "what_if": "", "swap": "", "from": "",
}  # fmt: skip
UNFIT: tuple[Any, ...] = ([[]], "\0", "x" * 300)
EMPTY = ("", " ", None)
UNLIKE = {"uuid", "updated_at"}  # in another order each time
FILTERS: tuple[tuple[str, str, Any], ...] = (
    ("customer/ltv", ">", 0), ("customer/email", "contains", "jane"), ("customer/customer_full_name", "like_all", "sm"),
    ("order/purchase_count", "=", 1), ("order/first_purchase_date", "before", "2100-01-01"),
    ("order/order_items", "in", [1, 2, 3]), ("labels/labels", "in", [1, 2]), ("labels/labels", "not_in", [2]),
    ("labels/labels", "in_all", [1, 2]),
)  # fmt: skip
READS = (
    "/customers", "/customers/1", "/customers/1/orders", "/orders", "/customers/1/order", "/customers/1/address",
    "/customers/attachable-user", "/customers/get-stats/1", "/customers/1/ltv/explain", "/customers/1/history",
    "/history",
)  # fmt: skip
PARAMETERS = (
    "as_of", "user_tz", "search", "select", "with", "include_ids", "page", "per_page", "sort_by", "sort_type",
    "filter_type", "advanced_filters", "active_view", "cursor", "type", "actor", "from", "to", "customer_id",
)  # fmt: skip


class Exchange(dict[str, Any]):
    """What was asked, and what was answered."""

    def __init__(self, asked: list[Any], answer: httpx.Response) -> None:
        of_events = answer.headers["content-type"].startswith("text/")
        body = None if of_events else _masked(answer.text)
        super().__init__(asked=_masked(json.dumps(asked)), status=answer.status_code, etag=answer.headers.get("etag"))
        self["body"] = body


def _masked(text: str) -> str:
    for mask, put in MASKS:
        text = mask.sub(put, text)
    return text


async def exchanges(shop: Shop) -> AsyncIterator[Exchange]:
    for method, path, sent in requests():
        if method == "GET":
            answer = await shop.get(path, params=sent, headers=REQUEST_ID)
        else:
            answer = await shop.ask(method, path, sent, headers=REQUEST_ID)
        if path == "/customers/1/recalculate-ltv":
            await shop.pool.execute("UPDATE figures SET ltv = 1, aov = 1.5 WHERE id = 1")  # for the next one
        yield Exchange([method, path, sent], answer)
        if (method, path, answer.status_code) == ("POST", "/credentials", 200):
            gone = await shop.delete(f"/credentials/{answer.json()['data']['uuid']}")
            yield Exchange(["DELETE", "/credentials/…", None], gone)


def requests() -> Iterator[tuple[Method, str, Any]]:
    """With what is sent: a body, or of a GET its parameters."""
    yield from made()
    yield from looks()
    yield from listed()
    yield from spoilt()
    yield from money()
    yield from looks()
    yield from ends()
    yield from webhooks()


def made() -> Iterator[tuple[Method, str, Any]]:
    yield "PUT", "/users/1", USER
    yield "PUT", "/users/2", {"user_login": "joe", "user_email": "joe@example.com"}
    yield "PUT", "/users/3", {"user_login": "joe", "user_email": "joe3@example.com"}
    yield "PUT", "/users/abc", USER
    for value in ("VIP", "New", "VIP", 7):
        yield "POST", "/labels", {"value": value}
    yield "PUT", "/labels/2", {"value": "Newer"}
    yield "PUT", "/labels/99", {"value": "Other"}
    yield "POST", "/customers", PROFILE
    yield "POST", "/customers", {"email": "other@example.com", "first_name": "Other", "wp_user": "no"}
    yield "POST", "/customers", {"email": "third@example.com", "first_name": "Third", "user_id": 2, "status": ""}
    yield "POST", "/customers", PROFILE | {"email": "fourth@example.com", "user_id": 99}
    yield "POST", "/customers", PROFILE | {"email": "fourth@example.com", "user_id": 2}
    yield "POST", "/customers", PROFILE
    yield "PUT", "/customers/1", PROFILE | {"city": "Cambridge", "country": "", "display_name": "J. Smith"}
    yield "PUT", "/customers/1", PROFILE | {"email": "other@example.com"}
    yield "PUT", "/customers/99", PROFILE
    yield "PATCH", "/customers/1", {"city": None, "notes": None}
    yield "PATCH", "/customers/1", {"status": "", "first_name": "", "email": None}
    yield "PATCH", "/customers/1", {"full_name": "Jane Smith"}
    yield "PUT", "/customers/1/additional-info", {"labels": [2, "1"]}
    yield "PUT", "/customers/1/additional-info", {"labels": "2"}
    yield "PUT", "/customers/1/additional-info", {"labels": [7]}
    yield "POST", "/customers/1/detach-user", None
    yield "POST", "/customers/1/attachable-user", {"user_id": "1"}
    yield "POST", "/customers/1/attachable-user", {"user_id": 2}
    yield "POST", "/customers/2/attachable-user", {"user_id": 1}
    yield "POST", "/customers/1/address", HOME
    yield "POST", "/customers/1/address", ADDRESS
    yield "POST", "/customers/1/address", ADDRESS | {"type": "shipping", "country": "DE", "state": "", "postcode": "1"}
    yield "POST", "/customers/1/address", ADDRESS | {"type": "shipping", "country": "DE", "postcode": "10117"}
    yield "PUT", "/customers/1/address", HOME | {"id": 2, "phone": "1", "label": None}
    yield "PUT", "/customers/1/address", HOME | {"id": 2, "country": "GB"}
    yield "PUT", "/customers/1/address", HOME | {"id": 99}
    yield "POST", "/customers/1/address/make-primary", {"addressId": "2", "type": "billing"}
    yield "POST", "/customers/1/address/make-primary", {"addressId": 99, "type": "billing"}
    yield "DELETE", "/customers/1/address", {"address": {"id": 2}}
    yield "DELETE", "/customers/1/address", {"address": {"id": 1}}
    yield "DELETE", "/customers/1/address?address[id]=99", None
    yield "POST", "/orders", {"customer_id": 1, "total_amount": 5000, "items": [ITEM], "rate": "1.25"}
    yield "POST", "/orders", {"customer_id": 2, "total_amount": 700, "total_paid": 700, "note": "One\nTwo"}
    yield "POST", "/orders", {"customer_id": 3, "total_amount": 700, "payment_status": "paid", "id": 9}
    yield "POST", "/orders", ORDER | {"customer_id": 3}
    yield "POST", "/orders", ORDER | {"total_refund": 5001, "currency": "USDX", "items": [{"quantity": 0}, 5]}
    yield "POST", "/orders", ORDER | {"subtotal": 9007199254740991, "items": [{"unknown": 1, "title": "\0"}]}
    yield "POST", "/orders", ORDER | {"id": 9}
    yield "POST", "/orders", ORDER | {"customer_id": 99}
    yield "POST", "/customers/1/address", HOME | {"order_id": 1, "is_primary": 1, "type": "shipping"}
    yield "POST", "/customers/1/address", HOME | {"order_id": 2}


def money() -> Iterator[tuple[Method, str, Any]]:
    yield "PUT", "/orders/1", {"status": "processing", "payment_status": "authorized", "note": "Three"}
    yield "POST", "/orders/1/payments", {"amount": 5000, "transaction_id": "ch_1"}
    yield "POST", "/orders/1/payments", {"amount": 5000, "transaction_id": "ch_1"}
    yield "POST", "/orders/1/payments", {"amount": 4000, "transaction_id": "ch_1"}
    yield "POST", "/orders/2/payments", {"amount": 5000, "transaction_id": "ch_1"}
    yield "PUT", "/orders/1", {"payment_status": "pending"}
    yield "POST", "/orders/1/refunds", {"amount": 1000, "transaction_id": "re_1", "reason": "Damaged"}
    yield "POST", "/orders/1/refunds", {"amount": 9000, "transaction_id": "re_2"}
    yield "POST", "/orders/2/transfer", {"customer_id": 1}
    yield "POST", "/orders/2/transfer", {"customer_id": 99}
    yield "POST", "/orders/99/payments", {"amount": 1, "transaction_id": "ch_7"}
    yield "POST", "/customers/1/recalculate-ltv", None
    yield "POST", "/customers/1/recalculate-ltv", None
    yield "POST", "/customers/99/recalculate-ltv", None
    yield "POST", "/replays", {"what_if": "gross-of-refunds"}
    yield "POST", "/replays", {"what_if": "gross-of-refunds", "swap": "never", "customers": "1"}
    yield "POST", "/replays", {"what_if": "x"}
    for name in REPLAY:
        for unfit in ("", *UNFIT, "x", "0"):
            yield "POST", "/replays", {name: unfit, "unknown": 1}
    yield "POST", "/replays", {"what_if": None, "unknown": 1}
    yield "POST", "/replays", {"customers": "1-2", "customer_id": 1}
    yield "POST", "/replays", {"customer_id": 2, "last_customer_id": 1, "unknown": 1}
    yield "POST", "/replays", {"projection": "labels", "customer_id": 2}
    yield "POST", "/replays", {"customer_id": 1, "last_customer_id": 2, "from": 1, "projection": "figures"}
    yield "GET", "/replays/1/progress", None
    yield "GET", "/replays/1", None
    yield "POST", "/replays/1/rollback", None
    yield "POST", "/replays/1/cancel", None
    yield "POST", "/replays/1/swap", None
    yield "GET", "/replays", None


def looks() -> Iterator[tuple[Method, str, Any]]:
    yield "GET", "http://store.example/health/live", None
    yield "GET", "http://store.example/health/ready", None
    for path in ("/labels", "/labels/1", "/labels/99", "/users", "/customers/attachable-user", "/credentials", "/x"):
        yield "GET", path, None
    yield "GET", "/customers/attachable-user", {"search": "j", "per_page": 1}
    yield "GET", "/customers", {"per_page": 2, "sort_type": "asc"}
    yield "GET", "/customers", {"per_page": 1, "with": EVERY_RELATION, "search": "id=1"}
    yield "GET", "/customers", {"with": "labels", "select": "email,aov", "include_ids[]": 1}
    yield "GET", "/customers/1", None
    yield "GET", "/customers/2", {"params[customer_only]": "yes"}
    yield "GET", "/customers/1", {"with": EVERY_RELATION}
    yield "GET", "/customers/99", None
    yield "GET", "/customers/1/orders", {"with": "order_items,filteredOrderItems,billing_address,shipping_address"}
    yield "GET", "/customers/1/orders", {"select": "status,rate", "with": "transactions,customer"}
    yield "GET", "/customers/1/order", None
    yield "GET", "/orders", {"with": "customer", "customer_id": 2}
    yield "GET", "/orders", {"per_page": 1, "select": "status"}
    yield "GET", "/orders/1", None
    yield "GET", "/orders/9", None
    yield "GET", "/orders/99", None
    yield "GET", "/customers/1/address", None
    yield "GET", "/customers/1/address", {"type": "shipping"}
    yield "GET", "/customers/get-stats/1", None
    yield "GET", "/customers/1/ltv/explain", None
    yield "GET", "/customers/3/ltv/explain", None
    yield "GET", "/customers/1/history", {"per_page": 3}
    yield "GET", "/history", {"type": "customer-registered", "actor": "administrator"}
    yield "GET", "/events", {"after": 2, "limit": 3}
    yield "GET", "/events", {"types": "customer-renamed", "customer_id": 1, "form": "full"}
    yield "GET", "/customers/1/erasure", None


def listed() -> Iterator[tuple[Method, str, Any]]:
    """Lists in every order, of every size, and of what every kind of search and filter finds; pages of history."""
    for path, listing in (("/customers", CUSTOMERS), ("/orders", ORDERS), ("/customers/1/orders", ORDERS)):
        for name in listing.columns:
            if name not in UNLIKE:
                yield "GET", path, {"sort_by": name, "sort_type": "asc", "select": f"id,{name}"}
        for view in listing.views:
            yield "GET", path, {"active_view": view, "select": "status"}
        for size in (*LIMITS, LIMITS[-1] - 1):
            yield "GET", path, {"per_page": size, "select": "uuid"}
        for search in ("smith", "jane@", "1", "id > 1", "status != active", "created_at::2020-01-01-2030-01-01"):
            yield "GET", path, {"search": search, "per_page": 1}
        yield "GET", path, {"page": 2, "per_page": 1}
        yield "GET", path, {"page": 99}
        for page in ("id", "2"), ("created_at", "2020-01-01"):
            cursor = encode(Sort(listing.columns[page[0]], descending=True), page[1], 2)
            yield "GET", path, {"sort_by": page[0], "cursor": cursor}
    for source, operator, value in FILTERS:
        filters = json.dumps([[{"source": source.split("/"), "operator": operator, "value": value}]])
        yield "GET", "/customers", {"filter_type": "advanced", "advanced_filters": filters, "select": "email"}
    for position in range(1, 20, 3):
        yield "GET", "/customers/1/history", {"cursor": position, "per_page": 2}
        yield "GET", "/history", {"cursor": position, "per_page": 2, "type": "customer-registered"}


def spoilt() -> Iterator[tuple[Method, str, Any]]:
    """Every field of every write, and every parameter of every list, that can't be read, is blank, null or missing."""
    for method, path, fields in WRITES:
        for unfit in UNFIT:
            yield method, path, dict.fromkeys([*fields, "unknown"], unfit)
        for empty in EMPTY:
            yield method, path, dict.fromkeys(fields, empty)
        yield method, path, {}
    for path in READS:
        for value in ("x", "\0", " "):
            yield "GET", path, dict.fromkeys(PARAMETERS, value)
    for name in PARAMETERS:
        yield "GET", "/customers", {name: "x"}


def webhooks() -> Iterator[tuple[Method, str, Any]]:
    wanted = {"url": "https://crm.example.com/hooks", "headers": {"x-shop": "1"}}
    yield "POST", "/webhooks", wanted | {"types": ["order-placed"], "customers": {"labels": [2]}, "rate": 5}
    yield "POST", "/webhooks", {"url": "x", "types": "x", "customers": {"labels": "x"}, "headers": {"host": 1}, "a": 1}
    yield "PUT", "/webhooks/1", wanted | {"form": "full", "order": "store", "headers": {"x-shop": None}}
    yield "PUT", "/webhooks/1", wanted | {"headers": {"x-other": None}}
    yield "POST", "/webhooks/1/pause", None
    yield "POST", "/webhooks/1/test", None
    yield "GET", "/webhooks", None
    yield "POST", "/webhooks/1/resume", None
    yield "POST", "/webhooks/1/test", None
    yield "POST", "/webhooks/1/rotate-secret", None
    yield "POST", "/webhooks/1/replay", {"after": 0, "until": 9, "dry_run": 1}
    yield "POST", "/webhooks/1/replay", {"after": 9, "until": 9}
    yield "GET", "/webhooks/1", None
    yield "POST", "/webhooks/1/deliveries/99/resend", None
    yield "DELETE", "/webhooks/1", None
    yield "GET", "/webhooks/1", None


def ends() -> Iterator[tuple[Method, str, Any]]:
    yield "GET", "/customers/1/export", None
    yield "DELETE", "/users/1", None
    yield "DELETE", "/labels/1", None
    yield "DELETE", "/orders/1", None
    for status in ("archived", "x", ""):
        body = {"action": "change_customer_status", "customer_ids": [1, "x"], "new_status": status}
        yield "POST", "/customers/do-bulk-action", body
    yield "POST", "/customers/do-bulk-action", {"action": "x", "customer_ids": [1]}
    yield "POST", "/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [98, 99]}
    yield "POST", "/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [1], "reason": "\u200b"}
    yield "POST", "/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": "1,3"}
    yield "DELETE", "/customers/2", {"reason": "asked by the customer"}
    yield "GET", "/customers/1/history", None
    yield "GET", "/customers/1/erasure", None
    yield "GET", "/customers/2/erasure", None
    yield "GET", "/customers/2/export", None
    yield "POST", "/credentials", {"login": "ann", "name": "phone", "role": "worker"}
    yield "POST", "/credentials", {"login": "a:n", "name": "phone", "role": "worker", "permissions": "x"}


async def _recorded(dsn: str) -> list[str]:
    await migrate(dsn)
    async with open_shop(dsn) as shop:
        return [f"{json.dumps(it, ensure_ascii=False)}\n" async for it in exchanges(shop)]


def record(path: Path) -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there
        with embedded(Path(directory), SETTINGS) as dsn:
            path.write_text("".join(asyncio.run(_recorded(dsn))))


if __name__ == "__main__":
    record(RECORDED)
