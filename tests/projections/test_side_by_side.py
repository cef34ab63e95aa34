"""Two versions side by side in an upgrade: one writes on while a later one expands the schema, and afterwards."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from asyncpg.transaction import Transaction

from api.process.tables import OWNERS, migrate
from eventstore.postgres.migrate import Owner, SchemaError, is_newer, require_fit
from eventstore.store import Store
from projections import database as any_version
from projections.database import open_store
from tests.api.shop import done, open_shop
from tests.eventstore.acts import until
from tests.eventstore.chained import unchained
from tests.projections.history import History
from tests.projections.rows import folded, live

# What a later version may bring: columns that are null or have a default, tables, indexes and functions.
LATER = {
    "log": """
        ALTER TABLE stored_events ADD COLUMN tenant text;
        CREATE INDEX stored_events_tenant_idx ON stored_events (tenant) WHERE tenant IS NOT NULL;
        ALTER TABLE claims ADD COLUMN taken_at timestamptz DEFAULT now();
        ALTER TABLE stream_keys ADD COLUMN algorithm text NOT NULL DEFAULT 'aes-256';
        ALTER TABLE answers ADD COLUMN headers json;
        CREATE FUNCTION position_of(moment timestamptz) RETURNS bigint LANGUAGE sql STABLE AS
        $$ SELECT position_at(moment) $$;""",
    "read_models": """
        ALTER TABLE snapshots ADD COLUMN saved_at timestamptz DEFAULT now();
        CREATE TABLE followers (name text PRIMARY KEY, position bigint NOT NULL);""",
    "replays": "ALTER TABLE replays ADD COLUMN priority int NOT NULL DEFAULT 0;",
    "access": """
        ALTER TABLE credentials ADD COLUMN expires_at timestamptz;
        CREATE INDEX credentials_expires_at_idx ON credentials (expires_at);""",
    "relay": "ALTER TABLE relays ADD COLUMN subject text NOT NULL DEFAULT '';",
    "delivery": "ALTER TABLE webhook_attempts ADD COLUMN bytes int;",
}
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'claims'::regclass)"
FEEDS = "CREATE TABLE feeds (name text PRIMARY KEY)"


@pytest.fixture
def later(tmp_path: Path) -> list[Owner]:
    """Who has tables in the version after this one: each has a file more, and one is new."""
    owners = [*(Owner(owner.name, tmp_path / owner.name) for owner in OWNERS), Owner("feeds", tmp_path / "feeds")]
    for owner in owners:
        (tmp_path / owner.name).mkdir()
    for owner in OWNERS:
        schema = owner.folder.joinpath("schema.sql").read_text("utf-8")
        (tmp_path / owner.name / "schema.sql").write_text(schema)
        (tmp_path / owner.name / "0002_later.sql").write_text(LATER[owner.name])
    (tmp_path / "feeds" / "schema.sql").write_text(FEEDS)
    return owners


@pytest.fixture
async def connection(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_commands_of_every_kind_are_written_while_the_schema_expands_and_afterwards(
    database: str, connection: asyncpg.Connection, later: list[Owner]
) -> None:
    async with open_store(database) as store:
        histories = [History(store, seed, str(seed)) for seed in range(3)]
        writing = asyncio.gather(*(history.live(300) for history in histories))

        async def is_busy() -> bool:
            return min(history.accepted for history in histories) >= 50

        await until(is_busy, "they write")
        await any_version.migrate(database, later)
        assert not writing.done()
        await writing
        for history in histories:
            await history.live(100)
        assert await is_newer(connection, OWNERS)
        await is_whole(store)


async def is_whole(store: Store) -> None:
    assert await live(store) == await folded(store)
    assert await unchained(store) == []


async def test_a_service_answers_and_is_ready_beside_a_later_version(database: str, later: list[Owner]) -> None:
    async with open_shop(database) as shop:
        customer = await shop.customer()
        await any_version.migrate(database, later)
        await shop.pay(await shop.order(customer, 700), 700)
        await shop.address(customer)
        body = {"email": "eve@shop.example", "first_name": "Eve"}
        kept = [await shop.post("/customers", body, headers={"Idempotency-Key": "k"}) for _ in range(2)]
        assert done(kept[0]) == done(kept[1])
        other = done(kept[0])["data"]["id"]
        done(await shop.put(f"/customers/{other}", {"email": "eve@shop.example", "first_name": "Eva"}))
        assert len(done(await shop.get(f"/customers/{customer}/history"))["history"]["data"]) > 2
        erasure = {"action": "delete_customers", "customer_ids": [customer], "reason": "asked by letter"}
        done(await shop.post("/customers/do-bulk-action", erasure))
        assert done(await shop.get("/customers", params={"search": "eva"}))["customers"]["total"] == 1
        assert (await shop.http.get("http://store.example/health/ready")).status_code == 200
        await is_whole(shop.store)


async def test_the_version_before_starts_again_and_changes_nothing_of_the_later_one(
    database: str, connection: asyncpg.Connection, later: list[Owner]
) -> None:
    await any_version.migrate(database, later)
    await migrate(database)
    assert await is_newer(connection, OWNERS)
    assert not await is_newer(connection, later)
    await require_fit(connection, later)
    async with open_shop(database) as shop:
        await shop.order(await shop.customer(), 700)
        await is_whole(shop.store)


async def test_a_store_that_the_later_version_made_serves_the_version_before(
    empty_database: str, later: list[Owner]
) -> None:
    """It has run the same files in another order: each owner's, one after another."""
    await any_version.migrate(empty_database, later)
    await migrate(empty_database)
    async with open_store(empty_database) as store:
        await History(store, 1).live(50)
        await is_whole(store)


@pytest.fixture
async def reader(database: str) -> AsyncIterator[Transaction]:
    """Reads a table that the later version changes, for as long as its transaction lasts."""
    connection = await asyncpg.connect(database)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT FROM claims")
    yield transaction
    await connection.close()


async def test_a_table_in_use_is_given_up_and_tried_again(
    database: str, connection: asyncpg.Connection, later: list[Owner], reader: Transaction
) -> None:
    migrating = asyncio.create_task(any_version.migrate(database, later))

    async def waits() -> bool:
        return bool(await connection.fetchval(WAITS))

    async def has_given_up() -> bool:
        return not await waits()

    await until(waits, "it waits for the table")
    await until(has_given_up, "it lets others pass")
    await reader.rollback()
    await migrating


async def test_a_table_that_stays_in_use_ends_in_a_sentence(
    database: str, later: list[Owner], reader: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eventstore.postgres.migrate.PATIENCE", 0)
    with pytest.raises(SchemaError, match=r"^log/0002_later.sql can't run now: a table that it changes is in use"):
        await any_version.migrate(database, later)
    await reader.rollback()
