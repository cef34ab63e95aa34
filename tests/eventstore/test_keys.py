"""Keys of streams in a real store: what is in the tables, who can read it, and what becomes of it."""

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from msgspec.structs import replace

from domain.customer import CustomerErased, CustomerRenamed
from domain.event import Forgotten, Recorded, Stream
from domain.user import USER, DeleteUser, EraseUser, UserProfile, UserRegistered
from eventstore.postgres.stream_ids import to_uuid
from eventstore.sealing.stream_keys import change_keys
from eventstore.store import Store
from projections.database import open_store
from tests.eventstore.acts import add_user, append, count, do, erase, facts, place, register, rename
from tests.eventstore.library_recorder import Recorder

STATES = "SELECT state FROM stored_events WHERE originator_id = $1 ORDER BY originator_version"


async def stream(store: Store, category: str, id_: int) -> list[Recorded]:
    return await store.log.stream(store.pool, Stream(category, id_))


def facts_of(events: list[Recorded]) -> list[Recorded]:
    """But for the digest, which is of what is stored."""
    return [replace(recorded, digest=b"") for recorded in events]


async def states(store: Store, category: str, id_: int) -> list[bytes]:
    return [row[0] for row in await store.pool.fetch(STATES, to_uuid(Stream(category, id_)))]


async def test_what_customers_and_users_say_is_sealed_and_the_rest_is_not(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await rename(store, customer_id, "Augusta")
    await add_user(store, 7, "lovelace")
    order_id = await place(store, customer_id)
    await append(store, facts(1))
    sealed = await states(store, "customer", customer_id) + await states(store, "user", 7)
    assert [state[:1] for state in sealed] == [b"\x01"] * 3
    assert not any(word in state for state in sealed for word in (b"ada@", b"Augusta", b"lovelace", b"event"))
    plain = await states(store, "order", order_id) + await states(store, "label", 1)
    assert [state[:1] for state in plain] == [b"{"] * 2


async def test_each_stream_has_a_key_of_its_own(store: Store) -> None:
    for number in range(5):
        await rename(store, await register(store, f"ada{number}@example.com"), "Augusta")
    assert await count(store.pool, "stream_keys") == 5
    assert await store.pool.fetchval("SELECT count(DISTINCT wrapped) FROM stream_keys") == 5


async def test_a_refused_command_leaves_no_key(store: Store) -> None:
    await register(store, "ada@example.com")
    with pytest.raises(Exception, match="customer-email"):
        await register(store, "ada@example.com")
    assert await count(store.pool, "stream_keys") == 1


SECOND = "WHERE notification_id = 2"
STATE_AT = "(SELECT state FROM stored_events WHERE notification_id = {})"


@pytest.mark.parametrize(
    "moved",
    [
        f"UPDATE stored_events SET state = {STATE_AT.format(1)} {SECOND}",  # from another stream
        f"UPDATE stored_events SET state = {STATE_AT.format(3)} {SECOND}",  # from another version
        f"UPDATE stored_events SET topic = 'customer-email-changed#1' {SECOND}",
        f"UPDATE stored_events SET state = set_byte(state, 40, get_byte(state, 40) # 1) {SECOND}",
        f"UPDATE stored_events SET state = '\\x01' {SECOND}",
        "UPDATE stream_keys SET wrapped = (SELECT wrapped FROM stream_keys ORDER BY originator_id LIMIT 1)",
        "UPDATE stream_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)",
        "UPDATE stream_keys SET master_id = 'another'",
        "DELETE FROM stream_keys",
    ],
)
async def test_what_was_moved_or_altered_is_not_read(store: Store, moved: str) -> None:
    await register(store, "eve@example.com")
    customer_id = await register(store, "ada@example.com")
    await rename(store, customer_id, "Augusta")
    await store.pool.execute(moved)
    with pytest.raises(MapperDeserialisationError):
        await stream(store, "customer", customer_id)


async def test_what_is_sealed_with_a_destroyed_key_is_known_to_have_happened_and_no_more(store: Store) -> None:
    customer_id = await register(store, "ada@example.com")
    await rename(store, customer_id, "Augusta")
    await erase(store, customer_id)
    registered, renamed, erased = await stream(store, "customer", customer_id)
    assert registered.event == renamed.event == Forgotten()
    assert (registered.version, registered.actor, renamed.request_id) == (1, "ann", "r-1")
    assert isinstance(erased.event, CustomerErased)
    assert await store.pool.fetchval("SELECT count(*) FROM stream_keys WHERE wrapped IS NULL AND until = 3") == 1


async def test_keys_that_are_made_and_destroyed_in_one_transaction_are_destroyed(store: Store) -> None:
    """A customer may be registered and erased while the writer is busy."""
    one = Stream("customer", 1)
    first, second = (store.log.new_key(one, since) for since in (1, 4))
    async with store.pool.acquire() as connection, connection.transaction():
        await change_keys(connection, [(one, first), (one, second)], [(one, 3)])
    rows = await store.pool.fetch("SELECT since, until, wrapped IS NULL FROM stream_keys ORDER BY since")
    assert [tuple(row) for row in rows] == [(1, 3, True), (4, None, False)]


async def test_a_stream_goes_on_under_its_key_in_every_process(store: Store, database: str) -> None:
    customer_id = await register(store, "ada@example.com")
    async with open_store(database, connections=2) as other:
        await rename(other, customer_id, "Augusta")
        await rename(store, customer_id, "Ada")
        await rename(other, customer_id, "Countess")
        assert [each.event for each in await stream(other, "customer", customer_id)][-1] == CustomerRenamed(
            first_name="Countess", last_name="Byron"
        )
    assert await count(store.pool, "stream_keys") == 1


async def test_a_deleted_user_that_comes_back_is_read_whole(store: Store) -> None:
    await add_user(store, 7, "lovelace")
    await do(store, USER, 7, DeleteUser())
    await add_user(store, 7, "countess")
    assert len(await stream(store, "user", 7)) == 3


UNSEAL = "UPDATE stored_events SET state = $3 WHERE originator_id = $1 AND originator_version = $2"


async def test_plain_events_of_another_tool_are_read(store: Store, database: str) -> None:
    customer_id = await register(store, "ada@example.com")
    [before] = await stream(store, "customer", customer_id)
    await store.pool.execute(UNSEAL, to_uuid(before.stream), 1, store.log.codec.encode(before.event)[1])
    await store.pool.execute("DELETE FROM stream_keys")
    async with open_store(database) as later:
        assert await stream(later, "customer", customer_id) == [before]
        await rename(later, customer_id, "Augusta")
        assert len(await stream(later, "customer", customer_id)) == 2


async def test_what_another_tool_says_of_a_user_between_two_erasures_is_erased_and_nothing_is_missing(
    store: Store,
) -> None:
    await add_user(store, 7, "lovelace")
    await do(store, USER, 7, EraseUser())
    topic, state = store.log.codec.encode(UserRegistered(profile=UserProfile(user_login="ada", user_email="ada@b.org")))
    await Recorder(store.pool).insert_events([StoredEvent(to_uuid(Stream("user", 7)), 3, topic, state)])
    await do(store, USER, 7, EraseUser())
    first, _erased, between, _again = await stream(store, "user", 7)
    assert first.event == between.event == Forgotten()
    await add_user(store, 7, "countess")
    assert len(await stream(store, "user", 7)) == 5
