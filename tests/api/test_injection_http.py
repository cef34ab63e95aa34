"""Text that means something to a database, a shell or another language: here it is text, wherever it is sent."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from domain.text.folding import is_blank
from projections.queries.customers import LISTING
from service.fields.convert import Unfit, text
from tests.api.shop import Shop, done, new_email, problems

PAYLOADS: list[str] = json.loads((Path(__file__).parents[1] / "data" / "injections.json").read_text())
SHARE = 1 if os.environ.get("FUZZ_SECONDS") else 8  # each payload meets so many of the parameters, and they it
SECONDS = 8  # less than a payload would make the database sleep
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"


def fits(payload: str) -> bool:
    """Whether it can be a name."""
    try:
        return bool(text(payload)) and not is_blank(payload)
    except Unfit:
        return False


@pytest.fixture(scope="module")
async def named(shop: Shop) -> dict[str, int]:
    """A customer for each payload, with that name, and an order with that number."""
    ids = {}
    for payload in filter(fits, PAYLOADS):
        ids[payload] = await shop.customer(first_name=payload, last_name="", notes=payload, city=payload)
        await shop.order(ids[payload], invoice_no=payload[:191], items=[{"title": payload, "object_id": 1}])
    return ids


def filters(source: list[str], operator: str, value: Any) -> dict[str, Any]:
    item = {"source": source, "operator": operator, "value": value}
    return {"filter_type": "advanced", "advanced_filters": [[item]], "per_page": 199}


async def test_a_name_is_kept_as_it_is(shop: Shop, named: dict[str, int]) -> None:
    for payload, id_ in named.items():
        shown = await shop.shown(id_)
        assert (shown["first_name"], shown["notes"], shown["city"]) == (payload.strip(),) * 3


async def test_what_cannot_be_text_is_refused_and_not_mangled(shop: Shop) -> None:
    for payload in PAYLOADS:
        if not fits(payload):
            answer = await shop.post("/customers", {"email": new_email(), "first_name": payload})
            assert list(problems(answer)) == ["first_name"], payload


async def test_a_name_finds_whom_it_names_and_hardly_anybody_else(shop: Shop, named: dict[str, int]) -> None:
    """A condition that is always true would find hundreds; a few are alike but for accents and width."""
    assert len(named) > 200
    for payload, id_ in named.items():
        asked = filters(["customer", "customer_full_name"], "=", payload.strip())
        found = [row["id"] for row in done(await shop.get("/customers", json=asked))["customers"]["data"]]
        assert id_ in found, payload
        assert len(found) <= 4, payload


async def test_an_order_is_found_by_its_number_whatever_that_is(shop: Shop, named: dict[str, int]) -> None:
    for payload, id_ in named.items():
        asked = {"search": f"invoice_no = {payload.strip()}"}
        page = done(await shop.get(f"/customers/{id_}/orders", json=asked))["orders"]
        if not payload.startswith("*") and not payload.endswith("*"):  # which mean a wildcard
            assert page["total"] == 1, payload


def cursors(payload: str) -> Iterator[tuple[str, str]]:
    """Such as the service makes, with the payload in them, and the column that each is for."""
    for column, cursor in (
        ("id", [payload, True, "1", 1]),
        ("id", ["id", True, payload, 1]),
        ("email", ["email", True, payload, 1]),
        ("ltv", ["ltv", True, payload, 1]),
    ):
        yield column, base64.urlsafe_b64encode(json.dumps(cursor).encode()).decode().rstrip("=")


def asked_of_customers(payload: str) -> Iterator[dict[str, Any]]:
    never_refused = ("sort_by", "sort_type", "active_view", "filter_type", "page", "per_page")
    yield dict.fromkeys((*never_refused, payload), payload)
    yield {"include_ids": payload}
    for before, after in (
        ("", ""),
        ("email=", ""),
        ("ltv>", ""),
        (f"created_at::{payload}-", ""),
        ("", "=1"),
        ("id", ""),
    ):
        yield {"search": before + payload + after}
    for name in ("select", "with", "user_tz", "cursor", "as_of"):
        yield {name: payload}
    for column, cursor in cursors(payload):
        yield {"cursor": cursor, "sort_by": column}
    yield {"filter_type": "advanced", "advanced_filters": payload}
    yield filters([payload, "ltv"], "=", 1)
    yield filters(["customer", payload], "=", 1)
    yield filters(["customer", "ltv"], payload, 1)
    for property_ in LISTING.properties:
        yield filters([*property_], "=", payload)
        yield filters([*property_], "in", [payload])
    for operator in ("contains", "not_contains", "starts_with", "ends_with"):
        yield filters(["customer", "email"], operator, payload)


def asked_elsewhere(payload: str, id_: int) -> Iterator[tuple[str, dict[str, Any]]]:
    orders = f"/customers/{id_}/orders"
    for search in (
        payload,
        f"customer={payload}",
        f"status!={payload}",
        f"total_amount<={payload}",
        f"invoice=*{payload}",
    ):
        yield orders, {"search": search}
    for property_ in ("status", "payment_status", "total_amount", "created_at", "order_items"):
        yield orders, filters(["order", property_], "in", [payload])
        yield orders, filters(["order", property_], "=", payload)
        yield "/orders", filters(["order", property_], "in", [payload])
    yield "/orders", {"search": payload, "sort_by": payload}
    yield "/orders", {"customer_id": payload}
    yield orders, {"with": payload}
    yield orders, {"sort_by": payload, "active_view": payload}
    for name in ("type", "actor", "from", "cursor"):
        yield f"/customers/{id_}/history", {name: payload}
    yield "/customers/attachable-user", {"search": payload}
    yield f"/customers/{id_}/address", {"type": payload}
    yield f"/customers/{quote(payload, safe='')}", {}
    yield f"/customers/{quote(payload, safe='')}/orders", {}
    yield f"/orders/{quote(payload, safe='')}", {}


async def test_no_parameter_of_any_list_means_more_than_it_says(shop: Shop, named: dict[str, int]) -> None:
    before, id_ = await stored(shop), next(iter(named.values()))
    for number, payload in enumerate(PAYLOADS):
        asked = [("/customers", it) for it in asked_of_customers(payload)] + list(asked_elsewhere(payload, id_))
        async with asyncio.timeout(SECONDS):
            for path, said in asked[number % SHARE :: SHARE]:
                answer = await shop.get(path, json=said) if said else await shop.get(path)
                assert answer.status_code in {200, 404, 422}, (path, said, answer.text[:300])
                assert not tells(answer.text), (path, said, answer.text[:300])
    assert await stored(shop) == before


def tells(answer: str) -> bool:
    """What only the database says."""
    return any(
        word in answer for word in ("syntax error", "PostgreSQL 1", "invalid input", "does not exist", "root:x:0")
    )


async def stored(shop: Shop) -> dict[str, int]:
    """Every table there is, and how many rows it has."""
    tables = [row["relname"] for row in await shop.pool.fetch(TABLES)]
    return {table: await shop.pool.fetchval(f'SELECT count(*) FROM "{table}"') for table in tables}
