"""Finding whatever one knows a piece of, each by an index."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.terms import TRANSACTION
from eventstore.store import Store
from projections.database import open_store
from projections.queries import find
from projections.queries.customers import ANY_PART
from projections.queries.language.sql import Args
from tests.eventstore.acts import erase, register

EMAILS = ("ann@shop.example", "ben.annan@shop.example", "zoe@shop.example")


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database) as store:
        yield store


async def found(store: Store, text: str) -> list[str]:
    return [row["email"] for row in await find.customers(store.pool, text)]


async def test_a_customer_is_found_by_a_part_of_name_or_email_or_by_its_id(store: Store) -> None:
    ids = [await register(store, email) for email in EMAILS]
    assert await found(store, "ann") == [EMAILS[1], EMAILS[0]]
    assert await found(store, " ANNAN ") == [EMAILS[1]]
    assert await found(store, "zo") == [EMAILS[2]]
    assert await found(store, str(ids[0])) == [EMAILS[0]]
    assert await found(store, "Ann@Shop.Example") == [EMAILS[0]]
    assert len(await found(store, "ada byron")) == 3
    for nothing in ("", "  ", "%", "\0", "nobody", "\\"):
        assert await found(store, nothing) == []
    await erase(store, ids[0])
    assert await found(store, str(ids[0])) == []


async def test_no_more_than_a_few_are_found_the_newest_first(store: Store) -> None:
    ids = [await register(store, f"{number}@shop.example") for number in range(find.MOST + 2)]
    assert [row["id"] for row in await find.customers(store.pool, "byron")] == ids[::-1][: find.MOST]


def containing() -> tuple[str, list[Any]]:
    args = Args()
    return find.CONTAINING.format(condition=ANY_PART.containing("ann", args)), args.values


@pytest.mark.parametrize(
    ("query", "arguments"),
    [
        containing(), (find.BEGINNING, ["an%"]), (find.WITH_EMAIL, ["ann@shop.example"]), (find.WITH_ID, [1]),
        (find.WITH_PHONE, ["669821234"]), (find.NUMBERED, [[1], "inv-1"]), (find.PAID_BY, [TRANSACTION, "ch_1"]),
        (find.IS_EVENT, [1]), (find.OF_REQUEST, ["r-1"]),
    ],
    ids=["part", "beginning", "email", "id", "phone", "order", "transaction", "event", "request"],
)  # fmt: skip
async def test_each_is_found_by_an_index(store: Store, query: str, arguments: list[Any]) -> None:
    async with store.pool.acquire() as connection, connection.transaction():
        # In a table of a few rows reading them all is cheaper, where there is a choice.
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_custom_plan")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}", *arguments))
    assert "Seq Scan" not in plan, plan
