"""A backup, restored: all that was answered is there again, and nobody who was erased."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import asyncpg
import pytest

from api.process.tables import OWNERS
from domain.customer import CUSTOMER, ChangeCustomer
from domain.event import Forgotten, Stream
from domain.user import USER, EraseUser
from domain.webhook import WEBHOOK, CreateWebhook, DeleteWebhook, WebhookDeleted, WebhookSettings
from eventstore.backup.load import MUST_BE_EMPTY
from eventstore.backup.sealed_file import BackupError, BackupPart, BackupRows, PartName
from eventstore.backup.tables import EVENTS, KEYS, LEFT_OUT
from eventstore.chain.signer import sign_new
from eventstore.postgres.stream_ids import to_uuid
from eventstore.sealing.key_material import new_key
from eventstore.sealing.master_keys import MasterKeyError, MasterKeys
from eventstore.sealing.rotation import check
from eventstore.store import Store
from projections.backups import REBUILT, Restored, back_up, restore
from projections.database import open_store
from projections.history.receipt import receipt
from projections.queries.webhooks import every_webhook
from proof.checks import claims, claims_of_the_log
from service.background import erased
from tests.conftest import new_database, with_database
from tests.eventstore.acts import add_user, attach, do, erase, place, register, rename, until
from tests.eventstore.arriving import versions_with_gaps
from tests.eventstore.audited import KEY, audited
from tests.eventstore.chained import unchained
from tests.projections.history import KEYS as SIGNING_KEYS
from tests.projections.history import History
from tests.projections.rows import folded, live

LOG = "SELECT * FROM stored_events ORDER BY notification_id"
CREDENTIAL = """
    INSERT INTO credentials (login, name, role, digest) VALUES ('ann', 'desk', 'manager', sha256('open sesame'))"""
ANSWER = """
    INSERT INTO answers (actor, key, fingerprint, status, body, customer_id)
    VALUES ('ann', $1, sha256(''), 200, convert_to('{"first_name": "Ada"}', 'UTF8'), $2)"""
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"


class Backup(NamedTuple):
    events: Path
    keys: Path


async def backed_up(dsn: str, directory: Path) -> Backup:
    directory.mkdir()  # noqa: ASYNC240 - nobody else waits
    backup = Backup(directory / "events", directory / "keys")
    files: dict[PartName, Path] = {"events": backup.events, "keys": backup.keys}
    with backup.events.open("wb") as events, backup.keys.open("wb") as keys:
        await back_up(dsn, dict(zip(files, (events, keys), strict=True)))
    return backup


async def restored(dsn: str, backup: Backup) -> Restored:
    masters = MasterKeys.from_environment()
    events, keys = BackupPart(backup.events, masters), BackupPart(backup.keys, masters)
    return await restore(dsn, OWNERS, events, keys, erased.noted(masters.file, events.header.store))


@asynccontextmanager
async def opened(dsn: str, backup: Backup) -> AsyncIterator[tuple[Restored, Store]]:
    told = await restored(dsn, backup)
    async with open_store(dsn) as store:
        yield told, store


@pytest.fixture
async def other(server: str) -> AsyncIterator[str]:
    """The DSN of a database that nobody has made a store in."""
    async with new_database(server) as name:
        yield with_database(server, name)


@pytest.fixture
def master_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A master key in a file of its own, with room beside it."""
    file = tmp_path / "master.key"
    file.write_text(os.environ["MASTER_KEY"])
    monkeypatch.delenv("MASTER_KEY")
    monkeypatch.setenv("MASTER_KEY_FILE", str(file))
    return file


async def consistent(store: Store) -> bool:
    """Whether versions, chain, read models, claims and keys are what the log gives."""
    assert await versions_with_gaps(store) == []
    assert await unchained(store) == []
    assert await live(store) == await folded(store)
    assert await claims(store) == await claims_of_the_log(store)
    found = await check(store.pool, store.log.sealing)
    return (found.unopened, found.missing, found.destroyed_again) == (0, 0, 0)


@pytest.mark.parametrize("seed", range(2))
async def test_a_restored_store_is_what_it_was(
    store: Store, database: str, other: str, tmp_path: Path, seed: int
) -> None:
    await History(store, seed).live(150)
    await sign_new(store.pool, KEY)
    await store.pool.execute(CREDENTIAL)
    backup = await backed_up(database, tmp_path / "backup")
    async with opened(other, backup) as (told, again):
        assert (told.erased, told.differing, told.faults) == (0, {}, [])
        assert await again.pool.fetch(LOG) == await store.pool.fetch(LOG)
        assert await live(again) == await live(store)
        assert await claims(again) == await claims(store)
        assert await again.pool.fetch("TABLE credentials") == await store.pool.fetch("TABLE credentials")
        assert await audited(again) == []
        assert await consistent(again)


async def test_a_restored_store_goes_on(store: Store, database: str, other: str, tmp_path: Path) -> None:
    ids = [await register(store, f"ada{number}@example.com") for number in range(3)]
    backup = await backed_up(database, tmp_path / "backup")
    async with opened(other, backup) as (_told, again):
        assert await register(again, "eve@example.com") == ids[-1] + 1
        await rename(again, ids[0], "Augusta")
        await place(again, ids[1])
        assert await consistent(again)


async def until_more_than(count: int, acknowledged: list[int]) -> None:
    async def are_there() -> bool:
        return len(acknowledged) > count

    await until(are_there, "commands are acknowledged")


async def test_what_is_written_meanwhile_is_in_it_whole_or_not_at_all(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    acknowledged: list[int] = []
    stop = asyncio.Event()

    async def write(name: str) -> None:
        number = 0
        while not stop.is_set():
            acknowledged.append(await register(store, f"{name}{number}@example.com"))
            await place(store, acknowledged[-1])
            number += 1

    writers = [asyncio.create_task(write(name)) for name in "abcd"]
    await until_more_than(50, acknowledged)
    before = set(acknowledged)
    backup = await backed_up(database, tmp_path / "backup")
    await until_more_than(len(acknowledged) + 50, acknowledged)
    stop.set()
    await asyncio.gather(*writers)
    async with opened(other, backup) as (told, again):
        assert (told.differing, told.faults) == ({}, [])
        there = {row[0] for row in await again.pool.fetch("SELECT id FROM customers")}
        assert before <= there < set(acknowledged)
        assert await consistent(again)


async def is_gone(store: Store, customer_id: int) -> bool:
    """For good: there is a receipt, and no key."""
    rows = await live(store)
    assert customer_id not in rows["customers"]
    assert all(stream.id != customer_id for claim, stream in (await claims(store)).items() if claim.kind != "label")
    assert await store.pool.fetchval("SELECT count(*) FROM answers WHERE body <> ''") == 0
    key = "SELECT bool_and(wrapped IS NULL) FROM stream_keys WHERE originator_id = $1"
    assert await store.pool.fetchval(key, to_uuid(Stream("customer", customer_id)))
    return await receipt(store.pool, store.log, customer_id) is not None


async def test_who_was_erased_since_is_erased_again_where_the_keys_are_newer(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    await place(store, ada)
    await store.pool.execute(ANSWER, "k-1", ada)
    before = await backed_up(database, tmp_path / "before")
    await erase(store, ada)
    await store.pool.execute("DELETE FROM answers")
    after = await backed_up(database, tmp_path / "after")
    async with opened(other, Backup(before.events, after.keys)) as (told, again):
        assert told.erased == 1
        assert await is_gone(again, ada)
        assert eve in (await live(again))["customers"]
        assert await consistent(again)
        assert await audited(again, keys=()) == []
        await register(again, "ada@example.com")  # somebody else may


async def test_a_webhook_that_was_deleted_since_is_deleted_again_with_its_secret(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    created = CreateWebhook(settings=WebhookSettings(url="https://a.example"), keys=SIGNING_KEYS, since=0, headers={})
    for id_ in (1, 2):
        await do(store, WEBHOOK, id_, created)
    before = await backed_up(database, tmp_path / "before")
    await do(store, WEBHOOK, 1, DeleteWebhook())
    after = await backed_up(database, tmp_path / "after")
    async with opened(other, Backup(before.events, after.keys)) as (told, again):
        assert told.erased == 1
        assert [row.id for row in await every_webhook(again.pool)] == [2]
        first, last = await again.log.stream(again.pool, Stream("webhook", 1))
        assert (type(first.event), last.event) == (Forgotten, WebhookDeleted())
        assert await consistent(again)


async def test_who_was_erased_since_is_erased_again_where_it_was_noted_beside_the_master_key(
    master_key: Path, store: Store, database: str, other: str, tmp_path: Path
) -> None:
    ada, eve = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    await store.pool.execute(ANSWER, "k-1", ada)
    backup = await backed_up(database, tmp_path / "backup")
    await erase(store, ada)
    await erased.note(store.pool, master_key)
    await erased.note(store.pool, master_key)
    assert len(erased.beside(master_key).read_text().split("\n")) == 3
    assert erased.beside(master_key).stat().st_mode & 0o777 == 0o600
    async with opened(other, backup) as (told, again):
        assert told.erased == 1
        assert await is_gone(again, ada)
        assert eve in (await live(again))["customers"]
        assert await consistent(again)


async def test_what_was_noted_of_another_store_or_another_time_erases_nobody(
    master_key: Path, store: Store, database: str, other: str, tmp_path: Path
) -> None:
    ada = await register(store, "ada@example.com")
    backup = await backed_up(database, tmp_path / "backup")
    store_id = BackupPart(backup.events, MasterKeys.from_environment()).header.store
    id_ = to_uuid(Stream("customer", ada))
    erased.beside(master_key).write_text(
        f"2026-01-01T00:00:00+00:00 {store_id} {id_}\n"  # in a time that was undone by a restore
        f"2099-01-01T00:00:00+00:00 {store_id[::-1]} {id_}\n"
        f"2099-01-01T00:00:00+00:00 {store_id} {str(id_)[:30]}"  # cut off
    )
    async with opened(other, backup) as (told, again):
        assert told.erased == 0
        assert ada in (await live(again))["customers"]


async def test_a_user_that_was_erased_and_has_come_again_since_can_come_again(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    await add_user(store, 7, "ada")
    ada = await register(store, "ada@example.com")
    await attach(store, ada, 7)
    before = await backed_up(database, tmp_path / "before")
    await erase(store, ada)
    await do(store, USER, 7, EraseUser())
    await add_user(store, 7, "again")
    after = await backed_up(database, tmp_path / "after")
    async with opened(other, Backup(before.events, after.keys)) as (told, again):
        assert told.erased == 2
        assert await is_gone(again, ada)
        assert (await live(again))["users"] == {}
        await add_user(again, 7, "again")
        await register(again, "eve@example.com")
        assert await consistent(again)


async def test_ids_of_customers_that_only_newer_keys_know_are_not_given_again(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    await register(store, "ada@example.com")
    before = await backed_up(database, tmp_path / "before")
    later = [await register(store, f"eve{number}@example.com") for number in range(20)]
    after = await backed_up(database, tmp_path / "after")
    async with opened(other, Backup(before.events, after.keys)) as (_told, again):
        assert await register(again, "eve@example.com") == later[-1] + 1
        assert await consistent(again)


async def test_keys_that_are_older_than_the_events_or_of_another_store_are_refused(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    await register(store, "ada@example.com")
    first = await backed_up(database, tmp_path / "first")
    second = await backed_up(database, tmp_path / "second")
    with pytest.raises(BackupError, match="is older than"):
        await restored(other, Backup(second.events, first.keys))
    await restored(other, first)
    async with open_store(other) as again:
        await again.pool.execute("UPDATE stored_events SET digest = sha256('another')")
    another = await backed_up(other, tmp_path / "another")
    with pytest.raises(BackupError, match="keys of another store"):
        await restored(other, Backup(first.events, another.keys))
    with pytest.raises(BackupError, match="must hold events"):
        await restored(other, Backup(first.keys, first.events))


@pytest.mark.parametrize("table", MUST_BE_EMPTY)
async def test_a_store_that_is_not_empty_is_refused_and_stays_as_it_is(
    store: Store, database: str, other: str, tmp_path: Path, table: str
) -> None:
    ada = await register(store, "ada@example.com")
    await sign_new(store.pool, KEY)
    await store.pool.execute(CREDENTIAL)
    await store.pool.execute(ANSWER, "k-1", ada)
    backup = await backed_up(database, tmp_path / "backup")
    await restored(other, backup)
    async with open_store(other) as again:
        for each in MUST_BE_EMPTY:
            if each != table:
                await again.pool.execute(f"DELETE FROM {each}")
    with pytest.raises(BackupError, match=f"is not empty: {table} has 1 rows"):
        await restored(other, backup)
    async with open_store(other) as again:
        counts = {each: await again.pool.fetchval(f"SELECT count(*) FROM {each}") for each in MUST_BE_EMPTY}
    assert counts == dict.fromkeys(MUST_BE_EMPTY, 0) | {table: 1}


async def test_a_database_that_others_are_at_work_on_is_refused(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    await register(store, "ada@example.com")
    backup = await backed_up(database, tmp_path / "backup")
    service = await asyncpg.connect(other)
    with pytest.raises(BackupError, match="1 other sessions use the database"):
        await restored(other, backup)
    await service.close()
    await restored(other, backup)


async def test_a_store_that_was_only_made_is_empty(
    store: Store, database: str, server: str, template: str, tmp_path: Path
) -> None:
    ada = await register(store, "ada@example.com")
    backup = await backed_up(database, tmp_path / "backup")
    async with new_database(server, template) as name:
        made = with_database(server, name)
        async with open_store(made) as empty:
            assert await empty.pool.fetchval("SELECT count(*) FROM master_keys") == 1
        async with opened(made, backup) as (told, again):
            assert told.differing == {}
            assert list((await live(again))["customers"]) == [ada]
            assert await consistent(again)


async def test_a_file_that_is_cut_off_anywhere_or_altered_anywhere_is_refused(
    store: Store, database: str, other: str, tmp_path: Path
) -> None:
    await History(store, 3).live(20)
    backup = await backed_up(database, tmp_path / "backup")
    masters = MasterKeys.from_environment()
    for path in backup:
        whole = path.read_bytes()
        for length in {0, 1, 20, 21, 25, 200, len(whole) // 2, len(whole) - 100, len(whole) - 1}:
            path.write_bytes(whole[:length])
            with pytest.raises(BackupError):
                BackupPart(path, masters)
        for at in {0, 22, 30, 150, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises((BackupError, MasterKeyError)):
                BackupPart(path, masters)
        path.write_bytes(whole + b"\0")
        with pytest.raises(BackupError, match="something comes after its end"):
            BackupPart(path, masters)
        path.write_bytes(whole)
    await restored(other, backup)


async def test_without_the_master_key_a_backup_is_of_no_use(
    store: Store, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await register(store, "ada@example.com")
    backup = await backed_up(database, tmp_path / "backup")
    monkeypatch.setenv("MASTER_KEY", new_key())
    for path in backup:
        with pytest.raises(MasterKeyError, match=f"The master key {store.log.sealing.master_id}"):
            BackupPart(path, MasterKeys.from_environment())


async def test_events_without_their_keys_say_nothing_about_people(store: Store, database: str, tmp_path: Path) -> None:
    """Even for who has the master key."""
    ada = await register(store, "ada@example.com")
    await do(store, CUSTOMER, ada, ChangeCustomer(notes="walks with a stick"))
    await add_user(store, 7, "adalogin")
    await store.pool.execute(CREDENTIAL)
    await store.pool.execute(ANSWER, "k-1", ada)
    backup = await backed_up(database, tmp_path / "backup")
    masters = MasterKeys.from_environment()
    words = (b"Ada", b"Byron", b"example.com", b"stick", b"adalogin", b"desk")
    for path in backup:
        assert not any(word in path.read_bytes() for word in words)
    opened = {
        name: b"".join(block.data for block in BackupPart(path, masters).blocks() if isinstance(block, BackupRows))
        for name, path in backup._asdict().items()
    }
    assert b"customer-registered#1" in opened["events"]
    assert not any(word in opened["events"] for word in words)
    assert b"desk" in opened["keys"]


async def test_every_table_is_in_a_backup_or_named_as_one_that_is_not(store: Store) -> None:
    there = {row[0] for row in await store.pool.fetch(TABLES)}
    assert there == {*EVENTS, *KEYS, *LEFT_OUT, *REBUILT}
