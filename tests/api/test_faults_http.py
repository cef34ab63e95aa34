"""Whatever goes wrong behind it, an answer tells a number to ask for, and nothing of SQL, code, places or people."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg
import httpx
import pytest

from api.http.paths import BASE
from eventstore.postgres.connection import Connection
from tests.api.documented import OPERATIONS, example_of
from tests.api.shop import Method, Shop, open_shop

NAME = "Unmistakable"
TELLING = re.compile(
    r"Traceback|File \"|\.py\b|site-packages|asyncpg|Postgres|psycopg|litestar|msgspec|granian|Exception\b|\w+Error\b"
    r"|\bSELECT\b|\bINSERT\b|\bUPDATE \w+ SET|\bFROM \w+|relation \"|column \"|constraint|violates|syntax error"
    rf"|stored_events|custodiary_test|/tmp/|/usr/|/home/|/run/|{re.escape(str(Path.cwd()))}|port=\d|127\.0\.0\.1:|{NAME}",
)
LISTS = ("search=a", "search=ltv>0", "with=orders,labels,wpUser", "sort_by=ltv&as_of=3", "sort_by=email")
FAULT = {"code": 500, "message": "Internal error", "data": {}, "reason": "internal_error"}
ROOT = "http://store.example"
RAISE = """
    CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'SELECT secret FROM nowhere of Unmistakable' USING ERRCODE = '{code}', DETAIL = 'File "x.py"',
            HINT = '/tmp/x';
    END $$;
    CREATE TRIGGER raise BEFORE INSERT ON stored_events FOR EACH ROW EXECUTE FUNCTION raise();"""
HOLD = "LOCK TABLE {} IN ACCESS EXCLUSIVE MODE"
HELD_UP = "SELECT count(*) FROM pg_locks WHERE NOT granted"
OTHERS = """
    SELECT {}(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type = 'client backend'"""

Spoil = Callable[[Shop], Awaitable[None]]


def sql(*statements: str) -> Spoil:
    async def spoil(shop: Shop) -> None:
        for statement in statements:
            await shop.pool.execute(statement)

    return spoil


FAULTS: dict[str, Spoil] = {
    "a table is gone": sql("ALTER TABLE customers RENAME TO elsewhere"),
    "orders are gone": sql("ALTER TABLE orders RENAME TO elsewhere"),
    "the log is gone": sql("ALTER TABLE stored_events RENAME TO elsewhere"),
    "a column is gone": sql("ALTER TABLE figures RENAME COLUMN ltv TO elsewhere"),
    "a column is of another type": sql("ALTER TABLE figures ALTER COLUMN aov TYPE text USING 'Unmistakable'"),
    "a function is gone": sql("ALTER FUNCTION position_at(timestamptz) RENAME TO elsewhere"),
    "rows are forbidden": sql("ALTER TABLE customers ADD CONSTRAINT secret CHECK (first_name = 'x') NOT VALID"),
    "events are forbidden": sql(RAISE.format(code="P0001")),
    "the disk is full": sql(RAISE.format(code="53100")),
    "memory is short": sql(RAISE.format(code="53200")),
    "something is corrupt": sql(RAISE.format(code="XX001")),
    "events are garbage": sql("UPDATE stored_events SET state = 'Unmistakable {'"),
    "events are of no known kind": sql("UPDATE stored_events SET topic = 'unmistakable#Unmistakable'"),
    "figures are missing": sql("DELETE FROM figures"),
    "claims are forged": sql("UPDATE claims SET value = 'Unmistakable' || ctid"),
}  # fmt: skip


@pytest.fixture
async def shop(database: str) -> AsyncIterator[Shop]:
    """With a customer, an address, orders, a label and a user, whom the document's examples ask for."""
    async with open_shop(database) as shop:
        id_ = await shop.customer(first_name=NAME, notes=NAME)
        await shop.address(id_)
        for _ in range(10):
            await shop.order(id_, total_paid=500)
        await shop.label()
        yield shop


async def everything(shop: Shop) -> list[httpx.Response]:
    """Each operation, as the document's page would ask for it."""
    answers = [await shop.get(f"/customers?{query}") for query in LISTS]
    for (method, path), operation in OPERATIONS.items():
        if not path.startswith("/health") and not path.endswith(("/progress", "/stream")):
            filled = path.removeprefix(BASE)
            for parameter in operation.get("parameters", []):
                filled = filled.replace(f"{{{parameter['name']}}}", str(parameter.get("example")))
            answers.append(await shop.ask(cast("Method", method), filled, example_of(operation)))
    return answers


def says_nothing(answer: httpx.Response) -> None:
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    if answer.status_code >= 400:
        found = TELLING.search(answer.text)
        assert not found, (answer.request.url, answer.text)
    if answer.status_code == 500:
        body = answer.json()
        assert body | {"data": {}} == FAULT, answer.text
        assert body["data"] == {"request_id": answer.headers["x-request-id"]}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_answer_to_a_fault_says_nothing_of_it(shop: Shop, fault: str) -> None:
    await FAULTS[fault](shop)
    answers = await everything(shop)
    assert any(answer.status_code >= 400 for answer in answers)
    for answer in answers:
        says_nothing(answer)


@asynccontextmanager
async def waiting(shop: Shop, table: str) -> AsyncIterator[tuple[Connection, list[asyncio.Task[Any]]]]:
    """Requests that wait for a table, and who holds it."""
    async with shop.pool.acquire() as holder, holder.transaction():
        await holder.execute(HOLD.format(table))
        asked = [shop.get("/customers/1"), shop.get("/customers?search=a"), shop.get("/customers/1/orders"),
                 shop.put("/customers/1", {"email": "a@b.example", "first_name": "J"})]  # fmt: skip
        tasks = [asyncio.create_task(one) for one in asked]
        while not await holder.fetchval(HELD_UP):  # noqa: ASYNC110 - which is known to the database alone
            await asyncio.sleep(0.01)
        yield holder, tasks


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_nor_does_one_to_a_request_whose_database_is_stopped(shop: Shop, how: str) -> None:
    async with waiting(shop, "figures, customers, orders") as (holder, tasks):
        await holder.fetch(OTHERS.format(how))
        done, _ = await asyncio.wait(tasks, timeout=1)
    for answer in [task.result() for task in done] + await asyncio.gather(*tasks):
        says_nothing(answer)
    assert done


async def test_nor_when_there_is_no_database_any_more(shop: Shop, server: str) -> None:
    name = await shop.pool.fetchval("SELECT current_database()")
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        answers = [await shop.get(path) for path in ("/customers/1", "/customers?search=a", f"{ROOT}/health/ready")]
        answers.append(await shop.post("/customers", {"email": "a@b.example", "first_name": "J"}))
        for answer in answers:
            assert answer.status_code in {500, 503}
            says_nothing(answer)
    finally:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await admin.close()


def test_what_would_tell_something_is_noticed() -> None:
    for text in ('relation "customers" does not exist', "asyncpg.exceptions.UndefinedTableError", f"Hello {NAME}",
                 'File "/usr/lib/python3/x.py", line 1', "SELECT 1", "ValueError: x"):  # fmt: skip
        assert TELLING.search(text)
