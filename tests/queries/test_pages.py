"""Order, pages, cursors, totals, columns: what all lists have."""

import json
import re
import uuid
from typing import Any

import asyncpg
import pytest

from domain.customer import CUSTOMER, CustomerProfile, RegisterCustomer
from eventstore.store import By, Unit
from projections.database import open_store
from projections.queries.customers import LISTING, list_customers
from projections.queries.language.clock import clock
from projections.queries.language.query import ListQuery
from projections.queries.language.refusals import BadCursor, UnknownColumn, UnknownTimeZone
from projections.queries.orders import LISTING as ORDERS
from projections.queries.orders import every_order, list_orders
from projections.queries.pages import condition_of, page_statement, sort_of
from projections.queries.totals import Totals
from projections.queries.users import attachable_users
from tests.eventstore.acts import erase
from tests.queries.conftest import NOW, Ids

EVERYONE = list(range(1, 31))
BY = By(actor="test", at=NOW)


async def customers_page(shop: asyncpg.Pool, **asked: Any) -> Any:
    return await list_customers(shop, ListQuery(**asked), now=NOW, totals=Totals())


@pytest.mark.parametrize("sort_by", sorted(LISTING.columns))
async def test_descending_is_ascending_backwards(customers: Ids, sort_by: str) -> None:
    ascending = await customers(sort_by=sort_by, sort_type="ASC")
    assert await customers(sort_by=sort_by, sort_type="desc") == ascending[::-1]
    assert sorted(ascending) == EVERYONE


@pytest.mark.parametrize("sort_by", sorted(LISTING.columns))
@pytest.mark.parametrize("sort_type", ["asc", "desc"])
@pytest.mark.parametrize("per_page", [1, 7])
async def test_cursors_walk_the_same_way_as_pages(
    shop: asyncpg.Pool, customers: Ids, sort_by: str, sort_type: str, per_page: int
) -> None:
    walked: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await customers_page(shop, sort_by=sort_by, sort_type=sort_type, per_page=per_page, cursor=cursor)
        walked += [row["id"] for row in page.rows]
        assert page.total == 30
        cursor = page.next_cursor
    assert walked == await customers(sort_by=sort_by, sort_type=sort_type)


@pytest.mark.parametrize("sort_by", sorted(ORDERS.columns))
async def test_cursors_of_orders(shop: asyncpg.Pool, orders: Ids, sort_by: str) -> None:
    walked: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        query = ListQuery(sort_by=sort_by, per_page=3, cursor=cursor)
        page = await list_orders(shop, 1, query, now=NOW, totals=Totals())
        walked += [row["id"] for row in page.rows]
        cursor = page.next_cursor
    assert walked == await orders(sort_by=sort_by, sort_type="desc")


async def test_nulls_and_ties(customers: Ids) -> None:
    assert (await customers(sort_by="country", sort_type="asc"))[:3] == [5, 7, 8]
    assert (await customers(sort_by="country", sort_type="desc"))[-3:] == [8, 7, 5]
    assert (await customers(sort_by="first_purchase_date", sort_type="asc"))[-4:] == [30, 1, 2, 7]
    assert (await customers(sort_by="last_name", sort_type="desc"))[0] == 8
    assert (await customers(sort_by="city", sort_type="asc"))[1:3] == [4, 8]  # Barcelona, Beijing


async def test_what_is_unknown_sorts_by_id_descending(customers: Ids) -> None:
    assert await customers(sort_by="notes", sort_type="sideways") == EVERYONE[::-1]
    assert await customers(sort_by="id; DROP TABLE customers", sort_type="") == EVERYONE[::-1]


async def test_pages(shop: asyncpg.Pool) -> None:
    second = await customers_page(shop, page=2, per_page=12)
    assert ([row["id"] for row in second.rows], second.total) == ([*range(18, 6, -1)], 30)
    last = await customers_page(shop, page=3, per_page=12)
    assert ([row["id"] for row in last.rows], last.total, last.next_cursor) == ([*range(6, 0, -1)], 30, None)
    beyond = await customers_page(shop, page=9, per_page=12)
    assert (beyond.rows, beyond.total, beyond.next_cursor) == ([], 30, None)
    none = await customers_page(shop, search="nobody")
    assert (none.rows, none.total) == ([], 0)


async def test_included_ids_are_there_whatever_the_search_says(customers: Ids) -> None:
    assert await customers(include_ids=(3, 999), search="zed") == [3, 5]
    assert await customers(include_ids=(3,), active_view="archived") == [3, 9]
    assert await customers(include_ids=(3,)) == EVERYONE


async def test_views(customers: Ids, orders: Ids) -> None:
    assert await customers(active_view="inactive") == [3]
    assert await customers(active_view="archived", search="zed") == []
    assert await customers(active_view="all") == await customers(active_view="status") == EVERYONE
    assert await orders(active_view="on-hold") == [104]
    assert await orders(active_view="partially_refunded") == [102]
    assert await orders(active_view="subscription") == [108]
    assert await orders(active_view="nonsense") == [*range(101, 111)]


async def test_orders_are_only_ever_this_customer_s(orders: Ids, shop: asyncpg.Pool) -> None:
    assert await orders(include_ids=(201, 101), search="INV-201") == [101]
    assert [row["id"] for row in await every_order(shop, 2)] == [201, 202, 203]


async def test_selected_columns_come_in_the_list_s_order_with_the_id(shop: asyncpg.Pool) -> None:
    assert (await customers_page(shop, select=("country", "email"))).columns == ("id", "email", "country")
    assert (await customers_page(shop)).columns[:4] == ("id", "user_id", "contact_id", "email")
    for name in ("labels", "version", "searched", "*", "id FROM users"):
        with pytest.raises(UnknownColumn):
            await customers_page(shop, select=("id", name))


async def test_an_unknown_time_zone_is_refused(shop: asyncpg.Pool) -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "Europe", "\0", "a" * 5000):
        with pytest.raises(UnknownTimeZone):
            await customers_page(shop, user_tz=name)


async def test_a_cursor_of_another_order_is_refused(shop: asyncpg.Pool) -> None:
    cursor = (await customers_page(shop, sort_by="ltv")).next_cursor
    await customers_page(shop, sort_by="ltv", cursor=cursor)
    for other in ({"sort_by": "id"}, {"sort_by": "ltv", "sort_type": "asc"}):
        with pytest.raises(BadCursor):
            await customers_page(shop, cursor=cursor, **other)


async def test_attachable_users(shop: asyncpg.Pool) -> None:
    everyone = await attachable_users(shop)
    assert ([user["ID"] for user in everyone.rows], everyone.total) == ([1, 2, 3, 5, 6, 7], 6)
    assert dict(everyone.rows[1]) == {"ID": 2, "display_name": "Alice Johnson", "user_email": "alice@example.com"}
    assert [user["ID"] for user in (await attachable_users(shop, search="LLY")).rows] == [5, 7]
    page = await attachable_users(shop, page=2, per_page=4)
    assert ([user["ID"] for user in page.rows], page.total) == ([6, 7], 6)
    assert (await attachable_users(shop, search="\0")).rows == []


async def register(unit: Unit) -> int:
    id_ = await unit.new_id(CUSTOMER)
    profile = CustomerProfile(email=f"{id_}@example.com", first_name="Ada")
    await unit.decide(CUSTOMER, id_, RegisterCustomer(profile=profile, uuid=uuid.uuid4().hex))
    return id_


async def test_a_total_is_right_after_every_change(database: str) -> None:
    totals = Totals(size=2)
    asked: list[dict[str, Any]] = [{"search": "ada"}, {}, {"active_view": "active"}]
    async with open_store(database) as store:

        async def seen() -> list[int]:
            pages = [
                await list_customers(store.pool, ListQuery(per_page=1, **query), now=NOW, totals=totals)
                for query in asked * 2
            ]
            return [page.total for page in pages]

        ids = [await store.transact(BY, register) for _ in range(3)]
        assert set(await seen()) == {3}
        ids += [await store.transact(BY, register) for _ in range(2)]
        assert set(await seen()) == {5}
        await erase(store, ids[0])
        assert set(await seen()) == {4}


async def test_a_filter_by_label_needs_the_label_to_exist(database: str) -> None:
    async with open_store(database) as store:
        id_ = await store.transact(BY, register)
        await store.pool.execute("UPDATE customers SET labels = '{1,2}' WHERE id = $1", id_)
        await store.pool.execute("INSERT INTO labels VALUES (1, 'VIP', now(), now())")
        for operator, labels, found in [("in", [2], 0), ("in", [1, 2], 1), ("in_all", [1, 2], 0), ("not_in", [2], 1)]:
            filters = json.dumps([[{"source": ["labels", "labels"], "operator": operator, "value": labels}]])
            query = ListQuery(filter_type="advanced", advanced_filters=filters)
            page = await list_customers(store.pool, query, now=NOW, totals=Totals())
            assert page.total == found, (operator, labels)


PLAIN_PLANS = "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off"


@pytest.mark.parametrize("sort_by", sorted(LISTING.columns))
@pytest.mark.parametrize("sort_type", ["asc", "desc"])
async def test_an_index_gives_the_order(database: str, sort_by: str, sort_type: str) -> None:
    table = LISTING.tables[LISTING.columns[sort_by].alias]
    index = f"{table}_pkey" if sort_by == "id" else f"{table}_{sort_by}_sort_idx"
    query = ListQuery(sort_by=sort_by, sort_type=sort_type)
    statement = page_statement(LISTING, query, sort_of(LISTING, query), condition_of(LISTING, query, clock(NOW, "")))
    connection = await asyncpg.connect(database)
    await connection.execute(PLAIN_PLANS)
    plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {statement.sql}", *statement.args))
    await connection.close()
    assert re.search(rf"Index (Only )?Scan (Backward )?using {index}", plan), plan
