"""A database that was set back under running processes: what they remember of what was lost is not built upon."""

import asyncpg
import pytest

from domain.customer import CUSTOMER, ChangeCustomer
from domain.label import LABEL, DeleteLabel, RenameLabel
from domain.order import ORDER, RecordPayment
from domain.refusals import LabelNotFound
from eventstore.postgres.away import why_away
from eventstore.reading.instance import INSTANCE, Instances
from eventstore.store import Store
from projections.live.row_cache import RowCache
from tests.eventstore.acts import BY, do, place, register, rename
from tests.eventstore.arriving import label
from tests.eventstore.chained import unchained
from tests.projections.rows import folded, live

STREAMS = ("labels", "customers", "figures", "orders", "claims", "stored_events", "stream_keys")
SAVE = "CREATE TABLE saved_{0} AS TABLE {0}"
PUT_BACK = "TRUNCATE {0}; INSERT INTO {0} SELECT {1} FROM saved_{0}"
COLUMNS = """
    SELECT string_agg(attname, ', ') FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped"""


async def save(store: Store) -> None:
    for table in STREAMS:
        await store.pool.execute(SAVE.format(table))


async def set_back(store: Store) -> None:
    """To what was saved, as a restore does it."""
    for table in STREAMS:
        await store.pool.execute(PUT_BACK.format(table, await store.pool.fetchval(COLUMNS, table)))


async def all_is_well(store: Store) -> bool:
    return await live(store) == await folded(store) and not await unchained(store)


async def test_another_event_of_the_same_version_is_noticed(store: Store, elsewhere: Store) -> None:
    await label(store, 1, "first")
    await save(store)
    await do(store, LABEL, 1, RenameLabel(value="lost"))
    await set_back(store)
    await do(elsewhere, LABEL, 1, RenameLabel(value="new"))
    await do(store, LABEL, 1, RenameLabel(value="after"))
    assert await store.pool.fetchval("SELECT value FROM labels") == "after"
    assert await all_is_well(store)


async def test_nothing_is_taken_for_done_that_was_lost(store: Store, elsewhere: Store) -> None:
    await label(store, 1, "first")
    await save(store)
    await do(store, LABEL, 1, RenameLabel(value="lost"))
    await set_back(store)
    await do(elsewhere, LABEL, 1, RenameLabel(value="new"))
    await do(store, LABEL, 1, RenameLabel(value="lost"))
    assert await store.pool.fetchval("SELECT value FROM labels") == "lost"
    assert await all_is_well(store)


async def test_nothing_is_refused_for_what_was_lost(store: Store, elsewhere: Store) -> None:
    await label(store, 1, "first")
    await save(store)
    await do(store, LABEL, 1, DeleteLabel())
    await set_back(store)
    await do(elsewhere, LABEL, 1, RenameLabel(value="new"))
    await do(store, LABEL, 1, RenameLabel(value="after"))
    await do(store, LABEL, 1, DeleteLabel())
    with pytest.raises(LabelNotFound):
        await do(elsewhere, LABEL, 1, RenameLabel(value="too late"))
    assert await all_is_well(store)


async def test_figures_are_not_summed_from_payments_that_were_lost(store: Store, elsewhere: Store) -> None:
    order_id = await place(store, await register(store, "ada@example.com"), 1_000)
    await save(store)
    await do(store, ORDER, order_id, RecordPayment(amount=70_000, transaction_id="lost"))
    await set_back(store)
    await do(elsewhere, ORDER, order_id, RecordPayment(amount=5, transaction_id="t"))
    await do(store, ORDER, order_id, RecordPayment(amount=10, transaction_id="u"))
    assert await store.pool.fetchval("SELECT ltv FROM figures") == 1_015
    assert await all_is_well(store)


async def test_an_id_that_is_given_again_is_not_sealed_with_the_key_of_whom_it_was_lost_with(
    store: Store, elsewhere: Store
) -> None:
    await save(store)
    lost = await register(store, "lost@example.com")
    await set_back(store)
    await store.pool.execute("SELECT setval('customer_ids', 1, false)")
    assert await register(elsewhere, "new@example.com") == lost
    await do(store, CUSTOMER, lost, ChangeCustomer(first_name="Zoe"))
    await rename(elsewhere, lost, "Ann")
    assert await store.pool.fetchval("SELECT (email, first_name) FROM customers") == ("new@example.com", "Ann")
    assert await all_is_well(store)


async def test_the_log_wins_over_what_is_remembered_of_the_same_version(store: Store, elsewhere: Store) -> None:
    """Also where streams are read and remembered ones are not asked for."""
    await label(store, 1, "first")
    await save(store)
    await do(store, LABEL, 1, RenameLabel(value="lost"))
    await set_back(store)
    await do(elsewhere, LABEL, 1, RenameLabel(value="new"))

    async def work(unit: object) -> str:
        await unit.load_many(LABEL, [1])  # type: ignore[attr-defined]
        state = await unit.load(LABEL, 1)  # type: ignore[attr-defined]
        return str(state.value)

    assert await store.transact(BY, work) == "new"


async def test_what_is_remembered_is_of_one_start_of_a_server_on_one_timeline(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    instances = Instances(RowCache)
    first, second, third = [await store.pool.acquire() for _ in range(3)]
    try:
        before = await instances.of(first)
        assert await instances.of(second) is before is instances.remembered
        monkeypatch.setattr(
            "eventstore.reading.instance.INSTANCE", INSTANCE.replace("8)", "7)")
        )  # another timeline, as it were
        after = await instances.of(third)
        assert after is instances.remembered is not before
        assert await instances.of(first) is before
    finally:
        for connection in (first, second, third):
            await store.pool.release(connection)


async def test_a_connection_that_ended_is_said_to_be_lost(store: Store) -> None:
    instances = Instances(RowCache)
    async with store.pool.acquire() as connection:
        await instances.of(connection)
        connection.terminate()
        with pytest.raises(asyncpg.InterfaceError) as lost:
            await instances.of(connection)
    assert why_away(lost.value) == "away"


async def test_a_plain_role_may_ask_for_it(store: Store) -> None:
    async with store.pool.acquire() as connection:
        await connection.execute("CREATE ROLE custodiary_plain_asking")
        try:
            await connection.execute("SET ROLE custodiary_plain_asking")
            assert isinstance(await connection.fetchrow(INSTANCE), asyncpg.Record)
        finally:
            await connection.execute("RESET ROLE; DROP ROLE custodiary_plain_asking")
