"""A version meets the schema of another one: it works with it, or says in a sentence why it does not."""

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from api.cli.terminal import exits
from api.process.tables import OWNERS, migrate
from eventstore.postgres.migrate import SchemaError
from projections.database import open_store
from projections.models import PROJECTIONS
from projections.tables.schema import require_fit
from tests.api.shop import Shop, open_shop
from tests.cli.process import custodiary
from tests.eventstore.acts import place, register, until

NEWER = "INSERT INTO migrations VALUES ('log/9999_newer.sql', 'what we do not know')"
OTHER_SHAPE = "ALTER TABLE figures RENAME ltv TO lifetime_value; UPDATE read_models SET fingerprint = 'other'"
LACKING = "DELETE FROM migrations WHERE name = 'access/schema.sql'"
FOREIGN = "CREATE TABLE stored_events (id int)"
CHANGED = "UPDATE migrations SET sha256 = 'changed' WHERE name = 'access/schema.sql'"
OF_NOBODY = "INSERT INTO migrations VALUES ('0001_log.sql', 'what nobody knows')"


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def misfit(connection: asyncpg.Connection) -> str | None:
    try:
        await require_fit(connection, OWNERS, PROJECTIONS)
    except SchemaError as error:
        return str(error)
    return None


async def test_the_schema_that_migrating_makes_fits(connection: asyncpg.Connection) -> None:
    assert await misfit(connection) is None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (LACKING, "The database lacks access/schema.sql: run `custodiary migrate`."),
        (OTHER_SHAPE, "The read model figures is not built, or is of another version of Custodiary."),
        ("DROP TABLE migrations", "The database holds no store: run `custodiary migrate`."),
    ],
)
async def test_what_does_not_fit_is_told(connection: asyncpg.Connection, change: str, problem: str) -> None:
    await connection.execute(change)
    assert await misfit(connection) == problem


@pytest.mark.parametrize("change", [CHANGED, OF_NOBODY])
async def test_a_store_of_a_version_that_was_never_released_is_refused(
    connection: asyncpg.Connection, database: str, change: str
) -> None:
    await connection.execute(change)
    assert "never released" in (await misfit(connection) or "")
    for arguments in (["migrate"], ["history"], ["serve", "--port", "1"], ["audit", "verify"]):
        code, said = custodiary(*arguments, DATABASE_URL=database).complaint
        assert code == exits.NO_STORE
        assert "never released" in said


async def test_a_half_restored_database_is_refused(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute(FOREIGN)
    await connection.close()
    code, said = custodiary("migrate", DATABASE_URL=empty_database).complaint
    assert code == exits.NO_STORE
    assert said.startswith("The database holds what log/schema.sql would make")


async def test_the_version_before_goes_on_beside_a_newer_schema(connection: asyncpg.Connection, database: str) -> None:
    await connection.execute(NEWER)
    assert await misfit(connection) is None
    await migrate(database)
    async with open_store(database) as store:
        await place(store, await register(store, "ada@example.com"))


async def test_the_version_before_rebuilds_nothing_of_a_newer_one_and_ends_in_a_sentence(
    connection: asyncpg.Connection, database: str
) -> None:
    await connection.execute(NEWER + ";" + OTHER_SHAPE)
    code, said = custodiary("serve", "--port", "1", DATABASE_URL=database).complaint
    assert (code, said) == (
        exits.NO_STORE, "The read model figures is not built, or is of another version of Custodiary.",
    )  # fmt: skip
    assert await connection.fetchval("SELECT fingerprint FROM read_models WHERE name = 'figures'") == "other"


async def ready(shop: Shop) -> httpx.Response:
    async with httpx.AsyncClient(transport=shop.http._transport, base_url="http://store.example") as http:
        return await http.get("/health/ready")


@pytest.fixture
async def changed(database: str, connection: asyncpg.Connection) -> AsyncIterator[Shop]:
    """A service whose tables another version changes while it runs."""
    async with open_shop(database) as shop:
        await shop.order(await shop.customer(), 700)
        assert (await ready(shop)).status_code == 200
        await connection.execute(NEWER + ";" + OTHER_SHAPE)
        yield shop


async def test_a_service_whose_tables_change_says_that_it_is_not_ready_and_why(
    changed: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async def is_unready() -> bool:
        return (await ready(changed)).status_code == 503

    await until(is_unready, "it is not ready")
    assert (await ready(changed)).json() == {"status": "unavailable", "reason": "other_schema"}
    assert "The read model figures is not built, or is of another version of Custodiary." in caplog.messages


async def test_it_answers_what_it_can_and_nothing_with_500(changed: Shop) -> None:
    answers = [
        await changed.get("/customers"),
        await changed.get("/customers/1"),
        await changed.get("/customers/get-stats/1"),
        await changed.post("/customers", {"email": "eve@shop.example", "first_name": "Eve"}),
        await changed.post("/orders", {"customer_id": 1, "total_amount": 5, "total_paid": 5}),
        await changed.put("/customers/1", {"email": "ann@shop.example", "first_name": "Eve"}),
        await changed.post("/customers/1/recalculate-ltv"),
    ]
    assert {answer.status_code for answer in answers} <= {200, 404, 503}, [answer.text for answer in answers]
    assert answers[0].status_code == 503
    assert answers[0].json()["reason"] == "schema_mismatch"
    assert (await changed.get("/labels")).status_code == 200


@pytest.mark.parametrize("dropped", ["hold_streams", "append_events", "begin_answer"])
async def test_nor_where_a_function_is_gone(database: str, connection: asyncpg.Connection, dropped: str) -> None:
    async with open_shop(database) as shop:
        customer = await shop.customer()
        await connection.execute(f"DROP FUNCTION {dropped} CASCADE")
        answers = [
            await shop.post(
                "/customers", {"email": "eve@shop.example", "first_name": "Eve"}, headers={"Idempotency-Key": "k"}
            ),
            await shop.put(f"/customers/{customer}", {"email": "ann@shop.example", "first_name": "Eve"}),
            await shop.post("/orders", {"customer_id": customer, "total_amount": 5}),
        ]
        assert {answer.status_code for answer in answers} <= {200, 503}, [answer.text for answer in answers]
