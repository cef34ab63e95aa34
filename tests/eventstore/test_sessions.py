"""Whatever a server, a database or a role sets, a session of ours is what our SQL relies on."""

import ast

import asyncpg
import pytest

from eventstore.postgres.servers import NotUnicodeError, Servers, each_server
from eventstore.postgres.sessions import SESSION
from projections.database import open_store
from projections.fold.past import SETTINGS, open_pasts
from tests.eventstore.acts import place, register
from tests.projections.replays import asked, made
from tests.test_imports import HOUSE, trees

OTHERWISE = {
    "DateStyle": "German",
    "IntervalStyle": "sql_standard",
    "TimeZone": "Asia/Kolkata",
    "client_encoding": "LATIN1",
    "standard_conforming_strings": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "array_nulls": "off",
    "transform_null_equals": "on",
    "gin_fuzzy_search_limit": "1",
    "search_path": "information_schema",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "statement_timeout": "1h",
    "transaction_timeout": "1h",
    "lock_timeout": "1ms",
    "idle_in_transaction_session_timeout": "1ms",
    "idle_session_timeout": "1h",
}
SAYS = "SELECT name, current_setting(name, true) FROM unnest($1::text[]) AS name"
# What is for who runs the server to say.
LEFT = {"synchronous_commit": "off", "default_transaction_read_only": "on", "work_mem": "7MB"}
MAKES_CONNECTIONS = {"connect", "create_pool"}


async def says(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, *names: str) -> dict[str, str]:
    return {name: value for name, value in await connection.fetch(SAYS, names) if value is not None}


async def set_for(dsn: str, settings: dict[str, str]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        name = await connection.fetchval("SELECT current_database()")
        known = await says(connection, *settings)
        for setting in known:
            await connection.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{settings[setting]}'")
    finally:
        await connection.close()


@pytest.fixture
async def otherwise(database: str) -> str:
    """A database in which everything is set that is not as it is by default."""
    await set_for(database, OTHERWISE)
    return database


async def is_set(connection: asyncpg.Connection | asyncpg.pool.PoolConnectionProxy, wanted: dict[str, str]) -> None:
    found = await says(connection, *wanted)
    assert found == {name: value for name, value in wanted.items() if name in found}
    assert set(wanted) - set(found) <= {"transaction_timeout"}  # which PostgreSQL knows from 17 on


def test_there_is_no_setting_of_ours_that_these_tests_do_not_set_otherwise() -> None:
    assert SESSION.keys() == OTHERWISE.keys()
    assert not {name for name, value in SESSION.items() if value == OTHERWISE[name]}


async def test_a_connection_of_any_kind_is_set_as_we_need_it(otherwise: str) -> None:
    servers = Servers(otherwise)
    alone = await servers.connect()
    await is_set(alone, SESSION)
    await alone.close()
    async with open_store(otherwise) as store, open_pasts(servers, store) as pasts:
        async with store.pool.acquire() as connection:
            await is_set(connection, SESSION)
        async with pasts.at(0) as connection:
            await is_set(connection, SETTINGS)


async def test_what_is_for_who_runs_the_server_to_say_stays_as_it_is_said(database: str) -> None:
    await set_for(database, LEFT)
    connection = await Servers(database).connect()
    try:
        assert await says(connection, *LEFT) == LEFT
    finally:
        await connection.close()


async def test_commands_pasts_and_replays_do_what_they_always_do(otherwise: str) -> None:
    async with open_store(otherwise) as store, open_pasts(Servers(otherwise), store) as pasts:
        id_ = await register(store, "zoë@example.com")
        before = await store.log.head(store.pool)
        await place(store, id_)
        async with pasts.at(before, id_) as connection:
            assert await connection.fetchval("SELECT purchase_count FROM figures WHERE id = $1", id_) == 0
        assert (await made(store, asked("equal"))).status == "swapped"


async def test_a_database_that_cannot_hold_every_name_is_refused(latin_database: str) -> None:
    with pytest.raises(NotUnicodeError, match="has the encoding LATIN1"):
        await Servers(latin_database).connect()


@pytest.mark.parametrize(
    ("dsn", "each"),
    [
        ("postgresql://ann@db/x", ["postgresql://ann@db/x"]),
        ("postgresql:///x?host=/run", ["postgresql:///x?host=/run"]),
        ("postgresql://a:b@c:1,[::1]:2/x?y=z", ["postgresql://a:b@c:1/x?y=z", "postgresql://a:b@[::1]:2/x?y=z"]),
        ("postgresql://a@/x?host=c,d&port=1,2", ["postgresql://a@/x?host=c&port=1", "postgresql://a@/x?host=d&port=2"]),
        ("postgresql://a@/x?host=c,d&port=1", ["postgresql://a@/x?host=c&port=1", "postgresql://a@/x?host=d&port=1"]),
    ],
)
def test_each_server_of_a_dsn_has_a_dsn(dsn: str, each: list[str]) -> None:
    assert each_server(dsn) == each


def test_connections_are_made_in_one_place() -> None:
    makers = {path for room in HOUSE for path, tree in trees(room) if MAKES_CONNECTIONS & of_asyncpg(tree)}
    assert makers == {"eventstore/postgres/servers.py"}


def of_asyncpg(tree: ast.Module) -> set[str]:
    """What a module takes of the library, by `asyncpg.name` or `from asyncpg import name`."""
    named: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="asyncpg"), attr=name):
                named.add(name)
            case ast.ImportFrom(module="asyncpg", names=aliases):
                named |= {alias.name for alias in aliases}
            case _:
                pass
    return named
