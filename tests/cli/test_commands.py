"""Every command but serve, on a PostgreSQL at DATABASE_URL."""

from base64 import b64encode
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path

import pytest

from api.access.authorization import read_authorization
from api.cli.terminal import exits
from api.cli.terminal.naming import name_of
from api.process.settings import Settings
from eventstore.store import Store
from projections.database import open_store
from projections.models import PROJECTIONS
from service.credentials.auth import authenticate
from service.credentials.passwords import lookup, password_key
from service.credentials.roles import PERMISSIONS
from tests.cli.process import Process, custodiary
from tests.eventstore.acts import a_writer_waits, count
from tests.importing.desk import SEED, order, order_file
from tests.importing.test_killed import closed_gate

NAMES = [projection.name for projection in PROJECTIONS]


@pytest.fixture(scope="module")
def shop(url: str) -> str:
    """The URL, with the recorded shop in its database."""
    assert custodiary("import", "fluentcart", SEED, DATABASE_URL=url).code == exits.DONE
    return url


@pytest.fixture
async def store(shop: str) -> AsyncIterator[Store]:
    async with open_store(shop, connections=2) as store:
        yield store


def test_the_version_is_that_of_the_package() -> None:
    ended = custodiary("--version")
    assert (ended.code, ended.lines) == (exits.DONE, [version("custodiary")])


def test_help_names_every_command_and_exit_code() -> None:
    ended = custodiary("--help")
    assert ended.code == exits.DONE
    for word in ("serve", "migrate", "replay", "history", "import", "credentials", "130 interrupted"):
        assert word in " ".join(ended.stdout.split())


async def test_migrate_makes_an_empty_database_usable_and_may_be_repeated(empty_database: str) -> None:
    for _ in range(2):
        ended = custodiary("migrate", DATABASE_URL=empty_database)
        assert (ended.code, ended.lines) == (exits.DONE, ["The database is up to date."])
    async with open_store(empty_database) as store:
        assert [await count(store.pool, name) for name in NAMES] == [0] * len(NAMES)


async def test_of_orders_a_dry_run_is_told_then_done_then_done_already(shop: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order(9001, email="e1@shop.example"), "nonsense", order(9002, email="e2@shop.example")))
    before = await count(store.pool, "stored_events")
    rehearsed = custodiary("import", "orders", file, "--dry-run", DATABASE_URL=shop)
    assert (rehearsed.code, rehearsed.lines) == (
        exits.NOT_ALL,
        [
            "Would create 2 customers.",
            "Would create 2 orders.",
            "Left out: 1",
            "  line 3: It has 1 fields instead of 12.",
        ],
    )
    assert await count(store.pool, "stored_events") == before
    done = custodiary("import", "orders", file, "--json", DATABASE_URL=shop)
    assert (done.code, done.json) == (
        exits.NOT_ALL,
        {
            "store": name_of(Settings.from_environment({"DATABASE_URL": shop})),
            "created": {"customers": 2, "orders": 2},
            "already_imported": {},
            "bad": [{"row": "", "message": "It has 1 fields instead of 12.", "line": 3}],
            "differences": [],
            "notes": [],
            "figures": [],
            "without_rate": {},
            "dry_run": False,
            "complete": False,
        },
    )
    assert await count(store.pool, "stored_events") == before + 4
    file.write_text(order_file(order(9001, email="e1@shop.example")))
    again = custodiary("import", "orders", file, DATABASE_URL=shop)
    assert (again.code, again.lines) == (exits.DONE, ["1 order was here already."])


def test_of_a_shop_everything_is_told(shop: str) -> None:
    told = custodiary("import", "fluentcart", SEED, "--json", "--dry-run", DATABASE_URL=shop)
    assert told.code == exits.DONE
    assert (told.json["created"], told.json["complete"], told.json["dry_run"]) == ({}, True, True)
    assert {"customer_id": 10, "figure": "aov", "exported": 10288065.75, "from_orders": 123456789} in told.json[
        "figures"
    ]
    said = custodiary("import", "fluentcart", SEED, DATABASE_URL=shop)
    assert said.lines[:2] == ["7 users were here already.", "5 labels were here already."]
    assert "  customer 4: ltv is 999 in the export, its orders give 0" in said.lines
    assert said.lines[-1] == "  … and 36 more, which --json shows."


def test_a_customer_s_history_is_told_newest_first(shop: str) -> None:
    events = custodiary("history", 1, "--json", DATABASE_URL=shop).json["data"]
    assert [event["position"] for event in events] == sorted((event["position"] for event in events), reverse=True)
    assert events[-1]["type"] == "customer-registered"
    assert events[-1]["data"]["profile"]["email"] == "john.doe@example.com"
    (newest,) = custodiary("history", 1, "--json", "--limit", 1, DATABASE_URL=shop).json["data"]
    assert newest["position"] == events[0]["position"]
    told = custodiary("history", 1, DATABASE_URL=shop, COLUMNS="300").stdout
    assert " was registered" in told.splitlines()[-1]
    assert [line.split()[0] for line in told.splitlines()[1:]] == [str(event["position"]) for event in events]


def test_of_a_customer_who_never_was_there_is_no_history(shop: str) -> None:
    ended = custodiary("history", 4711, "--json", DATABASE_URL=shop)
    assert ended.complaint == (exits.NOT_ALL, "There is no customer 4711.")


async def test_replay_rebuilds_all_read_models_or_one(shop: str, store: Store) -> None:
    await store.pool.execute("DELETE FROM orders WHERE id = 101")
    compared = custodiary("replay", DATABASE_URL=shop)
    position = await store.log.head(store.pool)
    assert (compared.code, compared.lines[0].split(" is ")[1]) == (1, f"ready, at position {position}.")
    assert await store.pool.fetchval("SELECT count(*) FROM orders WHERE id = 101") == 0
    everything = custodiary("replay", "--swap", "always", DATABASE_URL=shop)
    assert (everything.code, everything.lines[0].split(" is ")[1]) == (0, f"swapped, at position {position}.")
    assert await store.pool.fetchval("SELECT count(*) FROM orders WHERE id = 101") == 1
    await store.pool.execute("DELETE FROM labels")
    labels = custodiary("replay", "--projection", "labels", "--swap", "always", "--json", DATABASE_URL=shop).json
    assert (labels["status"], labels["projections"], labels["position"]) == ("swapped", ["labels"], position)
    assert labels["differences"]["labels"]["missing"] == 5
    assert await count(store.pool, "labels") == 5


async def test_while_one_replays_another_is_told_that_it_is_busy(shop: str, store: Store) -> None:
    async with store.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('custodiary replay'))")
        assert custodiary("replay", DATABASE_URL=shop).complaint == (exits.BUSY, "Another replay is running.")


async def test_an_application_password_lets_in_and_is_told_once(shop: str, store: Store) -> None:
    added = custodiary("credentials", "add", "ann", "--role", "manager", DATABASE_URL=shop)
    assert added.code == exits.DONE
    (password,) = added.lines
    header = f"Basic {b64encode(f'ann:{password}'.encode()).decode()}"
    given = read_authorization(header)
    principal = await authenticate(given, lookup(store.pool), await password_key(store.pool))
    assert (principal.user, principal.permissions) == ("ann", PERMISSIONS["manager"])
    again = custodiary("credentials", "add", "ann", "--role", "worker", DATABASE_URL=shop)
    message = "ann has a password named default already. Give this one another --name."
    assert again.complaint == (exits.NOT_ALL, message)
    other = custodiary("credentials", "add", "ann", "--role", "worker", "--name", "phone", DATABASE_URL=shop)
    assert other.lines != added.lines
    listed = custodiary("credentials", "list", "--json", DATABASE_URL=shop).json["credentials"]
    assert [(each["login"], each["name"], each["role"]) for each in listed] == [
        ("ann", "default", "manager"), ("ann", "phone", "worker"),
    ]  # fmt: skip
    table = custodiary("credentials", "list", DATABASE_URL=shop)
    told = [line.split()[:3] for line in table.lines if "ann" in line]
    assert told == [[each["uuid"], "ann", each["name"]] for each in listed]
    assert password not in str(listed) + table.stdout


def test_a_list_of_passwords_cuts_no_uuid_or_role_off_in_80_columns_and_shows_names_as_they_are(shop: str) -> None:
    custodiary("credentials", "add", "[bold]", "--role", "administrator", "--name", "[/red]" * 10, DATABASE_URL=shop)
    listed = custodiary("credentials", "list", "--json", DATABASE_URL=shop).json["credentials"]
    table = custodiary("credentials", "list", DATABASE_URL=shop)
    assert table.code == exits.DONE
    words = {*table.stdout.split()}
    assert {each["uuid"] for each in listed} | {"administrator"} <= words
    assert max(map(len, table.lines)) <= 80
    assert "[bold]" in table.stdout


def test_a_password_may_be_given_less_than_its_role(shop: str) -> None:
    add = ("credentials", "add", "nora", "--role", "worker", "--permission")
    assert custodiary(*add, "orders/view", DATABASE_URL=shop).code == exits.DONE
    listed = custodiary("credentials", "list", "--json", DATABASE_URL=shop).json["credentials"]
    assert [each["permissions"] for each in listed if each["login"] == "nora"] == [["orders/view"]]
    more = custodiary(*add, "customers/manage", DATABASE_URL=shop)
    assert more.code == exits.USAGE
    assert "customers/manage" in more.stderr


def test_a_revoked_password_is_gone_and_the_others_stay(shop: str) -> None:
    for name in ("phone", "desk"):
        custodiary("credentials", "add", "rita", "--role", "worker", "--name", name, DATABASE_URL=shop)

    def uuids() -> dict[str, str]:
        listed = custodiary("credentials", "list", "--json", DATABASE_URL=shop).json["credentials"]
        return {each["name"]: each["uuid"] for each in listed if each["login"] == "rita"}

    before = uuids()
    assert custodiary("credentials", "revoke", before["phone"], DATABASE_URL=shop).lines == ["Revoked."]
    assert uuids() == {"desk": before["desk"]}
    again = custodiary("credentials", "revoke", before["phone"], DATABASE_URL=shop)
    assert again.complaint == (exits.NOT_ALL, "There is no application password of this uuid.")


async def test_ctrl_c_in_an_import_leaves_whole_orders(shop: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order(8001)))
    before = await count(store.pool, "orders")
    async with closed_gate(shop, store):
        process = Process("import", "orders", file, DATABASE_URL=shop)
        await a_writer_waits(store.pool)
        process.press_ctrl_c()
        assert process.end().code == exits.INTERRUPTED
    assert await count(store.pool, "orders") == before


def test_a_rate_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order()))
    for rate in ("EUR", "euro=1", "EUR=0"):
        ended = custodiary("import", "orders", file, "--rate", rate)
        assert (ended.code, "Invalid value for --rate" in ended.stderr) == (exits.USAGE, True)


def test_two_rates_of_a_currency_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order()))
    ended = custodiary("import", "orders", file, "--rate", "EUR=1", "--rate", "EUR=2")
    assert (ended.code, "It gives two rates for EUR" in ended.stderr) == (exits.USAGE, True)


def test_one_is_not_many(shop: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order(8001, email="only@shop.example")))
    assert custodiary("import", "orders", file, DATABASE_URL=shop).lines == [
        "Created 1 customer.", "Created 1 order.",
    ]  # fmt: skip
    assert custodiary("import", "orders", file, DATABASE_URL=shop).lines == ["1 order was here already."]


def test_what_is_said_of_a_whole_file_has_no_place_in_it(shop: str, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(order_file(order(8002, currency="EUR")))
    told = custodiary("import", "orders", file, "--dry-run", DATABASE_URL=shop)
    assert told.lines[-1].startswith("  One order in EUR comes without a rate to USD")
