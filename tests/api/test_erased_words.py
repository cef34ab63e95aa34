"""What orders said in free text goes with the erasure: planted everywhere, and looked for everywhere."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

from domain.event import Stream
from domain.order import OrderPlaced, RefundRecorded
from eventstore.chain.dump import blocks, dump
from eventstore.chain.verify import Verifier
from eventstore.postgres.stream_ids import to_uuid
from projections.checks.verify import between, verify
from projections.live.words import orders_ever
from projections.replay.registry import poison_of
from tests.api.documented import Body
from tests.api.searching import found_in
from tests.api.shop import Shop, done
from tests.domain.test_words import in_words, texts
from tests.importing.desk import Desk
from tests.projections.replays import asked, made
from tests.projections.rows import folded, live

MARK = "zeldaquimbolt"
TABLES = """
    SELECT table_schema, table_name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')"""
STATES = "SELECT topic, state FROM stored_events WHERE originator_id = ANY($1) ORDER BY notification_id"
PLACE = {
    "name": MARK, "address_1": f"{MARK} Street 1", "city": f"{MARK}ville", "postcode": "62701", "country": "US",
    "state": "IL", "phone": MARK, "email": f"{MARK}@example.com", "label": MARK,
}  # fmt: skip
DATE = "2025-01-02 03:04:05"


def export(customer_id: int) -> Body:
    """An export of a shop, with the mark in every text of an order."""
    order = {
        "id": 9001, "customer_id": customer_id, "currency": "USD", "total_amount": 1_000, "total_paid": 1_000,
        "payment_status": "paid", "status": "completed", "created_at": DATE, "note": MARK, "ip_address": "192.0.2.1",
        "payment_method_title": f"Card of {MARK}", "config": {"gift": [MARK], MARK: 1}, "uuid": "0" * 32,
    }  # fmt: skip
    item = {
        "id": 90_010, "order_id": 9001, "object_id": 77, "quantity": 1, "unit_price": 1_000, "line_total": 1_000,
        "title": f"Ring, engraved: {MARK} ♥ Max", "post_title": MARK, "other_info": {"engraved": MARK},
        "line_meta": {"gift": {"to": MARK}}, "referrer": f"https://{MARK}.example",
    }  # fmt: skip
    customer = {"id": customer_id, "email": f"{MARK}@example.com", "first_name": MARK, "created_at": DATE}
    places = [{"id": n, "order_id": 9001, "type": type_} | PLACE for n, type_ in enumerate(("billing", "shipping"), 1)]
    return {"customers": [customer], "orders": [order], "order_items": [item], "order_addresses": places}


async def planted(shop: Shop, id_: int) -> list[int]:
    """Orders of the customer, with the mark wherever the API takes text."""
    items = [{"title": MARK, "post_title": MARK, "object_id": 77, "unit_price": 500}, {"object_id": 78}]
    said = {"note": MARK, "payment_method_title": MARK, "items": items, "total_paid": 1_000}
    placed, moved, deleted = [await shop.order(id_, 1_000, **said) for _ in range(3)]
    body = {"amount": 1, "transaction_id": "re_1", "reason": f"{MARK} moved to 4 Elm Street"}
    done(await shop.post(f"/orders/{placed}/refunds", body, headers={"Idempotency-Key": "refund"}))
    done(await shop.put(f"/orders/{placed}", {"note": f"{MARK} again"}))
    done(await shop.post(f"/customers/{id_}/address", PLACE | {"type": "billing", "order_id": placed, "label": "x"}))
    for number in range(110):  # so that there are snapshots of its history
        await shop.pay(moved, 1, f"many{number}")
    done(await shop.delete(f"/orders/{deleted}"))
    return [placed, moved, deleted]


async def everywhere(shop: Shop) -> str:
    """All rows of all tables, as PostgreSQL writes them, and all that an auditor gets."""
    parts: list[str] = []
    for schema, table in await shop.pool.fetch(TABLES):
        parts += [row[0] for row in await shop.pool.fetch(f'SELECT t::text FROM "{schema}"."{table}" AS t')]
    file = io.BytesIO()
    await dump(shop.pool, file)
    return "\n".join([*parts, file.getvalue().decode("latin-1")])


async def answers(shop: Shop, customers: list[int], orders: list[int]) -> str:
    """Every answer that could tell."""
    paths = ["/history?per_page=199", "/customers?with[]=orders.order_items"]
    for id_ in customers:
        of = f"/customers/{id_}"
        paths += [of, f"{of}/history?per_page=199", f"{of}/orders", f"{of}/order", f"{of}/export", f"{of}/ltv/explain"]
    paths += [f"/orders/{id_}" for id_ in orders]
    position = await shop.position()
    paths += [f"/customers/{id_}/orders?as_of={at}" for id_ in customers for at in (position - 1, position // 2)]
    return "\n".join([(await shop.get(path)).text for path in paths])


async def test_no_word_of_any_order_outlives_its_customer(empty_shop: Shop, tmp_path: Path) -> None:
    shop, id_ = empty_shop, 501
    report = await Desk(shop.store, tmp_path).export(export(id_))
    assert report.is_complete, report
    orders = [9001, *(await planted(shop, id_))]
    other, moved = await shop.customer(), orders[-2]
    done(await shop.post(f"/orders/{moved}/transfer", {"customer_id": other}, headers={"Idempotency-Key": "move"}))
    await made(shop.store, asked("always"))
    await made(shop.store, asked("never"))
    async for _checked in verify(shop.store, between(shop.pool)):
        pass
    assert found_in((await everywhere(shop)).encode(), [MARK]) == [MARK]
    assert MARK in (await shop.get(f"/customers/{id_}/history?per_page=199")).text
    sums = await by_product(shop)
    done(await shop.post("/customers/do-bulk-action", {"action": "delete_customers", "customer_ids": [id_]}))
    assert MARK not in await answers(shop, [id_, other], orders)
    assert found_in((await everywhere(shop)).encode(), [MARK]) == []
    assert await by_product(shop) == sums
    await everything_works(shop)


async def by_product(shop: Shop) -> list[Any]:
    rows = await shop.pool.fetch("""
        SELECT i ->> 'object_id', sum((i ->> 'line_total')::bigint) FROM orders, json_array_elements(items) AS i
        GROUP BY 1 ORDER BY 1""")
    return [tuple(row) for row in rows]


async def everything_works(shop: Shop) -> None:
    """History tells who, when and what kind; replays are as the live tables; the chain is whole."""
    entries = done(await shop.get("/history?type=refund-recorded&per_page=199"))["history"]["data"]
    assert [(entry["actor"], entry["data"]["amount"], entry["data"]["words"]) for entry in entries][-1] == (
        "administrator", 1, None,
    )  # fmt: skip
    replay = await made(shop.store, asked("equal"))
    assert (replay.status, await poison_of(shop.pool, replay.id)) == ("swapped", [])
    assert await live(shop.store) == await folded(shop.store)
    async for checked in verify(shop.store, between(shop.pool)):
        assert (checked.drifted_ids, checked.unverified_ids) == ([], [])
    verifier = Verifier([], {})
    faults = [fault async for block in blocks(shop.pool) for fault in verifier.block(block)]
    assert [*faults, *verifier.end()] == []


async def test_every_field_that_takes_words_was_planted(empty_shop: Shop, tmp_path: Path) -> None:
    """Or a new one would be forgotten here."""
    shop = empty_shop
    await Desk(shop.store, tmp_path).export(export(501))
    await planted(shop, 501)
    said: set[str] = set()
    for id_ in (await orders_ever(shop.pool, [501]))[501]:
        for recorded in await shop.store.log.stream(shop.pool, Stream("order", id_)):
            if (words := getattr(recorded.event, "words", None)) is not None:
                said |= {path for path in texts(type(recorded.event)) if MARK in str(at(words, path))}
    wanted = {path for event in (OrderPlaced, RefundRecorded) for path in texts(event) if in_words(path)}
    assert said == wanted


def at(words: Any, path: str) -> Any:
    """What stands there; of every item."""
    names = path.split(".")
    if names[0] != "words":
        return ""
    found = [words]
    for name in names[1:]:
        found = [part for each in found for part in _parts(getattr(each, name))]
    return found


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value]


async def test_what_an_order_amounts_to_is_read_without_a_key_and_what_it_says_is_not(empty_shop: Shop) -> None:
    id_ = await empty_shop.customer()
    [order_id, *_] = await planted(empty_shop, id_)
    bare = await empty_shop.order(id_, 700, total_paid=700)
    stored = await empty_shop.pool.fetch(STATES, [to_uuid(Stream("order", each)) for each in (order_id, bare)])
    placed, refund, silent = [json.loads(row["state"]) for row in stored]
    assert (placed["terms"]["total_paid"], placed["terms"]["items"][0]["object_id"], refund["amount"]) == (1_000, 77, 1)
    assert ("sealed" in placed, "sealed" in refund, "sealed" in silent) == (True, True, False)
    assert MARK not in str([placed, refund])


async def test_an_order_that_is_placed_while_its_customer_is_erased_says_nothing_afterwards(empty_shop: Shop) -> None:
    shop = empty_shop
    for _ in range(10):
        id_ = await shop.customer()
        items = [{"title": MARK, "unit_price": 1}]
        body = {"customer_id": id_, "total_amount": 1, "items": items, "note": MARK}
        erasure = {"action": "delete_customers", "customer_ids": [id_], "reason": "letter"}
        *placed, erased = await asyncio.gather(
            *(shop.post("/orders", body) for _ in range(4)), shop.post("/customers/do-bulk-action", erasure)
        )
        done(erased)
        assert {answer.status_code for answer in placed} <= {200, 404}
    assert found_in((await everywhere(shop)).encode(), [MARK]) == []
