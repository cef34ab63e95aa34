"""Names of the whole world, as people look for them, in databases of several locales, which all answer alike."""

# ruff: noqa: RUF001 - letters that look alike are what this is about

from collections.abc import AsyncIterator, Sequence
from typing import Any
from unicodedata import normalize

import asyncpg
import pytest

from api.process.tables import migrate
from projections.database import open_store
from projections.models.customers import CUSTOMERS, CustomerRow
from projections.models.figures import FIGURES, NONE_YET, FiguresRow
from projections.queries.customers import list_customers
from projections.queries.language.query import ListQuery
from projections.queries.totals import Totals
from tests.conftest import new_database, with_database
from tests.queries.conftest import NOW, Ids

LOCALES = {
    "as the server's": "",
    "C": "LOCALE_PROVIDER libc LOCALE 'C' ENCODING 'UTF8'",
    "Turkish": "LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C.UTF-8'",
    "German phone book": "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk' LOCALE 'C.UTF-8'",
}
LACKING = (asyncpg.InvalidParameterValueError, asyncpg.FeatureNotSupportedError, asyncpg.UndefinedObjectError)

# First name, last name; and what finds it.
NAMES: Sequence[tuple[str, str, Sequence[str]]] = [
    ("TITUS", "IŞIK", ["titus", "TITUS", "tıtus", "Titus Işık", "titus isik"]),
    ("Łukasz", "Żółć", ["lukasz zolc", "ŁUKASZ", "zolc"]),
    ("Søren", "Ærø", ["soren aero", "SØREN"]),
    ("Παπαδόπουλος", "Νίκος", ["ΠΑΠΑΔΟΠΟΥΛΟΣ", "παπαδοπουλος νικος", "first_name=ΠΑΠΑΔΌΠΟΥΛΟΣ"]),
    ("Андрей", "Семёнов", ["андрей", "АНДРЕЙ СЕМЁНОВ", "андреи", "first_name=*дрей"]),
    (normalize("NFD", "김민준"), "박", ["김민준", normalize("NFD", "김민준"), "first_name=김민준"]),
    (normalize("NFD", "がくと"), "ｻﾄｳ", ["がくと", "サトウ", "last_name=サトウ"]),
    ("Mary\u00a0Ann", "O’Con\u00adnor", ["mary ann", "o'connor", "Mary\u202fAnn O’Connor"]),
    ("Nguyễn", "Đức", ["nguyen duc", normalize("NFD", "NGUYỄN"), "last_name = DUC"]),
    ("ﻣﺤﻤﺪ", "الأحمد", ["محمد", "مُحَمَّد", "الاحمد"]),
    ("Ħåkon", "Straße", ["hakon strasse", "HÅKON", "last_name=STRASSE", "last_name::strass-strast"]),
    ("Ĳsbrand", "Œuvré", ["ijsbrand oeuvre", "ŒUVRE"]),
]
IN_ORDER = [3, 9, 1, 8, 12, 11, 2, 4, 5, 10, 7, 6]  # by last name: aero, duc, isik, o'connor, oeuvre, strasse …


@pytest.fixture(scope="module", params=LOCALES)
async def pool(request: pytest.FixtureRequest, server: str) -> AsyncIterator[asyncpg.Pool]:
    made = new_database(server, options=LOCALES[request.param])
    try:
        name = await made.__aenter__()
    except LACKING:
        pytest.skip("the server has no such locale")
    try:
        dsn = with_database(server, name)
        await migrate(dsn)
        async with open_store(dsn) as store:
            people = [_customer(id_, first, last) for id_, (first, last, _) in enumerate(NAMES, 1)]
            async with store.pool.acquire() as connection:
                await CUSTOMERS.table.save(connection, {row.id: row for row in people})
                await FIGURES.table.save(connection, {row.id: FiguresRow(row.id, 1, *NONE_YET) for row in people})
            yield store.pool
    finally:
        await made.__aexit__(None, None, None)


def _customer(id_: int, first: str, last: str) -> CustomerRow:
    at = NOW.replace(tzinfo=None)
    return CustomerRow(
        id=id_, user_id=None, contact_id=None, email=f"{id_}@shop.example", first_name=first, last_name=last,
        status="active", notes="", uuid=f"{id_:032x}", country="IT", city=last, state=None, postcode="１００",
        created_at=at, updated_at=at, labels=(),
    )  # fmt: skip


@pytest.fixture
def found(pool: asyncpg.Pool) -> Ids:
    async def ids(**asked: Any) -> list[int]:
        page = await list_customers(pool, ListQuery(**{"per_page": 199} | asked), now=NOW, totals=Totals())
        return [row["id"] for row in page.rows]

    return ids


async def test_each_is_found_by_every_spelling(found: Ids) -> None:
    for id_, (_first, _last, spellings) in enumerate(NAMES, 1):
        for spelling in spellings:
            assert await found(search=spelling) == [id_], spelling


async def test_filters_find_them_too(found: Ids) -> None:
    for id_, (first, last, _) in enumerate(NAMES, 1):
        for operator, value in (("starts_with", first), ("ends_with", last.upper()), ("=", f"{first} {last}".title())):
            item = {"source": ["customer", "customer_full_name"], "operator": operator, "value": value}
            assert await found(filter_type="advanced", advanced_filters=[[item]]) == [id_], (operator, value)


async def test_codes_know_no_locale_either(found: Ids) -> None:
    for search in ("country=it", "country=IT", "status=ACTIVE", "status=ACT*", "postcode=100", "country::is-iu"):
        assert len(await found(search=search)) == len(NAMES), search


@pytest.mark.parametrize("column", ["last_name", "city"])
async def test_they_are_sorted_alike_and_paged_in_that_order(found: Ids, pool: asyncpg.Pool, column: str) -> None:
    assert await found(sort_by=column, sort_type="asc") == IN_ORDER
    assert await found(sort_by=column, sort_type="desc") == IN_ORDER[::-1]
    walked, cursor = list[int](), ""
    while len(walked) < len(NAMES):
        query = ListQuery(sort_by=column, sort_type="asc", per_page=5, cursor=cursor)
        page = await list_customers(pool, query, now=NOW, totals=Totals())
        walked += [row["id"] for row in page.rows]
        cursor = page.next_cursor or ""
    assert walked == IN_ORDER
