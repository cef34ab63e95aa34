"""Events that another program, or a newer version, has written are shown as unknown, and nothing fails for them."""

from uuid import UUID

import httpx
import pytest

from api.cli.terminal import exits
from domain.event import Stream
from eventstore.postgres.stream_ids import to_uuid
from tests.api.shop import Shop
from tests.cli.process import custodiary

PUT = """
    INSERT INTO stored_events (originator_id, originator_version, topic, state, customer_id, actor)
    VALUES ($1, $2, $3, $4, 1, 'newer')"""
NEWER_CATEGORY = UUID(int=9 << 112 | 0x8 << 76 | 0b10 << 62 | 1)
FOREIGN = UUID("a3b1c2d4-0000-4000-8000-000000000007")


@pytest.fixture
async def strange(empty_shop: Shop) -> Shop:
    """A customer with an order, about whom events of an unknown type, version, category and stream are told, too."""
    customer = await empty_shop.customer()
    order = await empty_shop.order(customer, 700)
    await empty_shop.pay(order, 700)
    for id_, version, topic, state in (
        (to_uuid(Stream("customer", customer)), 2, "customer-promoted#1", b'{"to": "gold"}'),
        (to_uuid(Stream("order", order)), 3, "order-placed#99", b"{}"),
        (to_uuid(Stream("order", order)), 4, "order-weighed#1", b"\x07sealed in another way"),
        (NEWER_CATEGORY, 1, "voucher-granted#1", b"{}"),
        (FOREIGN, 1, "some.module:Event", b"not even JSON"),
    ):
        await empty_shop.pool.execute(PUT, id_, version, topic, state)
    return empty_shop


def paths(position: int) -> list[str]:
    customer = "/customers/1"
    return [
        "/customers", customer, f"{customer}/address", f"{customer}/orders", "/customers/get-stats/1",
        f"{customer}/history", f"{customer}/export", f"{customer}/erasure",
        f"{customer}/ltv/explain", f"{customer}?as_of={position}", f"/customers?as_of={position}", "/history",
        "/history?actor=newer", "/labels", "/users", "/orders/1", "/replays", "/credentials",
    ]  # fmt: skip


async def test_nothing_fails_for_them(strange: Shop) -> None:
    asked = paths(await strange.position())
    told = {path: (await strange.get(path)).status_code for path in asked}
    due = {
        path: {409} if "as_of" in path or "explain" in path else {404} if "erasure" in path else {200} for path in asked
    }
    assert {path: status for path, status in told.items() if status not in due[path]} == {}
    writes: list[httpx.Response] = [
        await strange.put("/customers/1", {"first_name": "Eve"}),
        await strange.post("/orders/1/payments", {"amount": 1}),
        await strange.post("/customers/1/recalculate-ltv"),
        await strange.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [1]}),
    ]
    assert all(answer.status_code < 500 for answer in writes), [answer.text for answer in writes]


@pytest.mark.parametrize("path", ["/history", "/customers/1/history"])
async def test_history_shows_them_as_unknown(strange: Shop, path: str) -> None:
    entries = (await strange.get(path)).json()["history"]["data"]
    told = [(entry["type"], entry["subject"]["type"], entry["data"], entry["changes"]) for entry in entries[:5]]
    assert told == [
        ("some.module:Event", "unknown", None, None),
        ("voucher-granted", "unknown", None, None),
        ("order-weighed", "order", None, None),
        ("order-placed", "order", None, None),
        ("customer-promoted", "customer", None, None),
    ]
    assert entries[-1]["data"] is not None


async def test_an_export_has_them_too(strange: Shop) -> None:
    export = (await strange.get("/customers/1/export")).json()["export"]
    assert [event["type"] for event in export["events"][:2]] == ["some.module:Event", "voucher-granted"]


async def test_the_command_line_shows_them(strange: Shop, database: str) -> None:
    for arguments, code in (
        (["history"], exits.DONE), (["history", 1], exits.DONE), (["export", 1], exits.DONE),
        (["verify"], exits.NOT_ALL), (["audit", "verify"], exits.NOT_ALL), (["explain", 1], exits.NOT_ALL),
        (["replay", "--swap", "never"], exits.NOT_ALL), (["erase", 1, "--reason", "asked", "--yes"], exits.NOT_ALL),
    ):  # fmt: skip
        ended = custodiary(*arguments, DATABASE_URL=database)
        assert (ended.code, "Traceback" in ended.stderr) == (code, False), (arguments, ended.stderr, ended.stdout)
