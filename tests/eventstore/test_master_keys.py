"""The master key of a store: the right one or none, and another one while everybody goes on."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event, Thread

import asyncpg
import pytest

from domain.event import Forgotten, Stream
from domain.user import USER, EraseUser, UserRegistered
from eventstore.postgres.stream_ids import to_uuid
from eventstore.sealing import rotation
from eventstore.sealing.key_material import new_key
from eventstore.sealing.master_keys import MasterKeyError, MasterKeys, put_first
from eventstore.sealing.payloads import Sealing
from eventstore.sealing.rotation import FoundKeys, check, rotate
from eventstore.sealing.stream_keys import CURRENT, DESTROY, change_keys, settle
from eventstore.store import Store
from projections.database import open_store
from tests.eventstore.acts import PATIENCE, add_user, do, erase, register, rename, until

SOMEBODY_WAITS = """
    SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')"""
WRAPPED_BY = "SELECT DISTINCT master_id FROM stream_keys WHERE wrapped IS NOT NULL"


def unseen(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of master keys, with the environment's one in it."""
    file = tmp_path / "master.key"
    file.write_text(os.environ["MASTER_KEY"])
    monkeypatch.delenv("MASTER_KEY")
    monkeypatch.setenv("MASTER_KEY_FILE", str(file))
    return file


@pytest.fixture
async def store(database: str, file: Path) -> AsyncIterator[Store]:
    async with open_store(database, connections=8) as store:
        yield store


async def rotated(store: Store, file: Path) -> str:
    """Rotates as another process does; returns the new master key's id."""
    put_first(file)
    sealing = Sealing(MasterKeys.from_file(file))
    await rotate(store.pool, sealing, sealing.masters.first, unseen)
    return sealing.master_id


def text_of(file: Path) -> str:
    return file.read_text()


def forget_former(file: Path) -> None:
    file.write_text(file.read_text().splitlines()[0])


async def wrapped_by(store: Store) -> list[str]:
    return [row[0] for row in await store.pool.fetch(WRAPPED_BY)]


async def names(store: Store, customer_id: int) -> list[str]:
    events = await store.log.stream(store.pool, Stream("customer", customer_id))
    return [getattr(recorded.event, "first_name", "") for recorded in events]


async def test_a_store_is_not_opened_with_another_master_key(
    store: Store, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer_id = await register(store, "ada@example.com")
    monkeypatch.setenv("MASTER_KEY", new_key())
    with pytest.raises(MasterKeyError, match=f"The master key {store.log.sealing.master_id}, .* is not in"):
        async with open_store(database):
            pass
    await rename(store, customer_id, "Augusta")  # who has the right one goes on


async def test_of_two_that_begin_a_store_at_once_with_different_keys_one_is_refused(store: Store) -> None:
    await store.pool.execute("DELETE FROM master_keys")
    two = [Sealing(MasterKeys(new_key())) for _ in range(2)]
    ends = await asyncio.gather(*(settle(store.pool, sealing) for sealing in two), return_exceptions=True)
    assert sorted(isinstance(end, MasterKeyError) for end in ends) == [False, True]


async def test_all_keys_are_wrapped_anew_and_everything_is_read_as_before(store: Store, file: Path) -> None:
    ids = [await register(store, f"ada{number}@example.com") for number in range(5)]
    new = await rotated(store, file)
    assert await wrapped_by(store) == [new]
    assert [await names(store, id_) for id_ in ids] == [[""]] * 5
    for id_ in ids:
        await rename(store, id_, "Augusta")
    assert [await names(store, id_) for id_ in ids] == [["", "Augusta"]] * 5


async def test_processes_that_run_go_on_and_wrap_new_keys_by_the_new_one(store: Store, file: Path) -> None:
    await register(store, "ada@example.com")
    new = await rotated(store, file)
    eve = await register(store, "eve@example.com")  # the process has seen nothing of the rotation yet
    assert await wrapped_by(store) == [new]
    forget_former(file)
    assert await names(store, eve) == [""]


async def test_nothing_that_is_written_during_rotations_is_lost(store: Store, file: Path, database: str) -> None:
    """One process rotates again and again, while others register and rename."""
    numbers = iter(range(1_000))
    stop = asyncio.Event()

    async def write(on: Store) -> list[int]:
        ids = []
        while not stop.is_set():
            ids.append(await register(on, f"ada{next(numbers)}@example.com"))
            await rename(on, ids[-1], "Augusta")
        return ids

    async with open_store(database, connections=4) as other:
        writers = [asyncio.create_task(write(on)) for on in (store, store, other, other)]
        new = [await rotated(store, file) for _ in range(5)][-1]
        stop.set()
        ids = [id_ for written in await asyncio.gather(*writers) for id_ in written]
    forget_former(file)
    assert await wrapped_by(store) == [new]
    async with open_store(database, connections=2) as later:
        assert {tuple(await names(later, id_)) for id_ in ids} == {("", "Augusta")}


async def test_a_process_without_the_new_key_says_so(
    store: Store, file: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASTER_KEY", text_of(file))
    async with open_store(database, connections=2) as alone:
        await register(alone, "ada@example.com")
        await rotated(store, file)
        with pytest.raises(MasterKeyError, match="is not in MASTER_KEY"):
            await register(alone, "eve@example.com")


async def test_keys_that_do_not_open_stay_as_they_are(store: Store, file: Path) -> None:
    await register(store, "ada@example.com")
    await register(store, "eve@example.com")
    await store.pool.execute("UPDATE stream_keys SET wrapped = '\\x01' WHERE originator_id = $1",
                             to_uuid(Stream("customer", 1)))  # fmt: skip
    put_first(file)
    sealing = Sealing(MasterKeys.from_file(file))
    assert await rotate(store.pool, sealing, sealing.masters.first, unseen) == (1, 1)
    assert await check(store.pool, sealing) == FoundKeys(opened=1, unopened=1, missing=0, destroyed_again=0, removed=0)


async def test_a_rotation_brings_no_destroyed_key_back(store: Store, file: Path) -> None:
    customer_id = await register(store, "ada@example.com")
    await erase(store, customer_id)
    await rotated(store, file)
    assert await store.pool.fetchval("SELECT wrapped IS NULL FROM stream_keys")


async def test_a_rotation_waits_for_those_who_are_writing_a_key(store: Store, file: Path) -> None:
    stream = Stream("customer", 99)
    async with store.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await change_keys(slow, [(stream, store.log.new_key(stream, 1))], [])
        rotating = asyncio.ensure_future(rotated(store, file))

        async def waits_or_is_done() -> bool:
            return rotating.done() or await store.pool.fetchval(SOMEBODY_WAITS)

        await until(waits_or_is_done, "the rotation waits")
        await transaction.commit()
    new = await rotating
    assert await wrapped_by(store) == [new]


async def test_a_rotation_brings_no_key_back_that_is_destroyed_while_it_is_at_it(
    store: Store, file: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "AT_A_TIME", 1)
    ids = [await register(store, f"ada{number}@example.com") for number in range(2)]
    destroyed = Event()

    async def destroy_the_second() -> None:
        connection = await asyncpg.connect(database)
        try:
            async with connection.transaction():
                await connection.execute(DESTROY, [to_uuid(Stream("customer", ids[1]))], [2])
                destroyed.set()
                await until(lambda: connection.fetchval(SOMEBODY_WAITS), "the rotation waits")
        finally:
            await connection.close()

    thread = Thread(target=lambda: asyncio.run(destroy_the_second()))

    def when_one_is_done(done: int, _total: int) -> None:
        if done == 1:
            thread.start()
            destroyed.wait(PATIENCE)

    put_first(file)
    sealing = Sealing(MasterKeys.from_file(file))
    await rotate(store.pool, sealing, sealing.masters.first, when_one_is_done)
    thread.join()
    assert await store.pool.fetchval("SELECT array_agg(wrapped IS NULL ORDER BY originator_id) FROM stream_keys") == [
        False,
        True,
    ]


async def test_keys_of_the_erased_that_a_backup_brings_back_are_destroyed_again(store: Store) -> None:
    customer_id, other = await register(store, "ada@example.com"), await register(store, "eve@example.com")
    await store.pool.execute("CREATE TABLE backup AS SELECT * FROM stream_keys")
    await erase(store, customer_id)
    await store.pool.execute("TRUNCATE stream_keys; INSERT INTO stream_keys SELECT * FROM backup")
    assert len(await names(store, customer_id)) == 2  # which is what a restored backup does
    assert (await check(store.pool, store.log.sealing)).destroyed_again == 1
    registered, _erased = await store.log.stream(store.pool, Stream("customer", customer_id))
    assert registered.event == Forgotten()
    assert await names(store, other) == [""]
    await store.pool.execute("DELETE FROM stream_keys")
    assert (await check(store.pool, store.log.sealing)).missing == 2


async def test_a_key_of_the_erased_that_comes_back_costs_a_user_who_came_back_nothing(store: Store) -> None:
    await add_user(store, 7, "lovelace")
    await store.pool.execute("CREATE TABLE backup AS SELECT * FROM stream_keys")
    await do(store, USER, 7, EraseUser())
    await add_user(store, 7, "countess")
    await store.pool.execute("DELETE FROM stream_keys WHERE since = 1; INSERT INTO stream_keys SELECT * FROM backup")
    assert (await check(store.pool, store.log.sealing)).destroyed_again == 1
    former, _erased, again = await store.log.stream(store.pool, Stream("user", 7))
    assert former.event == Forgotten()
    assert isinstance(again.event, UserRegistered)


async def test_keys_that_are_younger_than_the_events_hold_up_nobody(store: Store) -> None:
    """A restore of events alone sets ids back with them."""
    ada = await register(store, "ada@example.com")
    later = [await register(store, f"eve{number}@example.com") for number in range(40)]
    for number in range(2):
        await add_user(store, 7 + number, f"eve{number}")
    tables = "stored_events", "claims", "figures", "customers", "users"
    await store.pool.execute(f"TRUNCATE {', '.join(tables)}; SELECT setval('customer_ids', {ada})")
    await add_user(store, 1, "ada")
    found = await check(store.pool, store.log.sealing)
    assert (found.removed, found.missing, found.unopened) == (43, 0, 0)
    assert await register(store, "new@example.com") == later[-1] + 1
    await add_user(store, 7, "again")
    assert (await check(store.pool, store.log.sealing)).opened == 3


async def test_a_rotation_leaves_to_a_later_one_what_it_has_not_come_to(
    store: Store, file: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would wrap keys by its own that are told of as wrapped by the later one."""
    monkeypatch.setattr(rotation, "AT_A_TIME", 1)
    for number in range(3):
        await register(store, f"ada{number}@example.com")
    later: list[str] = []

    async def rotate_elsewhere() -> None:
        async with open_store(database, connections=2) as other:
            later.append(await rotated(other, file))

    def when_one_is_done(done: int, _total: int) -> None:
        if done == 1:
            thread = Thread(target=lambda: asyncio.run(rotate_elsewhere()))
            thread.start()
            thread.join()

    put_first(file)
    sealing = Sealing(MasterKeys.from_file(file))
    with pytest.raises(MasterKeyError, match="another rotation"):
        await rotate(store.pool, sealing, sealing.masters.first, when_one_is_done)
    assert await wrapped_by(store) == later


async def test_of_rotations_at_once_the_last_to_begin_has_all_keys(store: Store, file: Path) -> None:
    for number in range(3):
        await register(store, f"ada{number}@example.com")
    ends = await asyncio.gather(*(rotated(store, file) for _ in range(4)), return_exceptions=True)
    done = [end for end in ends if not isinstance(end, MasterKeyError)]
    assert await wrapped_by(store) == [await store.pool.fetchval(CURRENT)]
    assert await store.pool.fetchval(CURRENT) in done
