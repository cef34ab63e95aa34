"""What a command can't do it says in one line, with an exit code that scripts can tell apart."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from typer.testing import CliRunner

from api.cli.program import app
from api.cli.terminal import exits
from eventstore.sealing.key_material import new_key
from projections.database import has_store
from tests.cli.process import NOWHERE, Process, custodiary
from tests.importing.desk import order, order_file, packed

COMMANDS: list[list[object]] = [
    ["serve", "--port", 65_535],
    ["migrate"],
    ["credentials", "list"],
    ["import", "orders", __file__],
]


def test_every_command_says_that_a_database_cannot_be_reached() -> None:
    """Nobody listens on port 1."""
    nowhere = "postgresql://app:secret@127.0.0.1:1/custodiary"
    for process in [Process(*command, DATABASE_URL=nowhere) for command in COMMANDS]:
        code, complaint = process.end().complaint
        assert code == exits.NO_STORE
        assert complaint.startswith("The database cannot be reached: ")
        assert "secret" not in complaint


def test_a_bad_setting_is_named() -> None:
    code, said = custodiary("serve", DATABASE_URL="postgresql://app:sec/secret@db/custodiary").complaint
    assert code == exits.USAGE
    assert said.startswith("DATABASE_URL must be like postgresql://user:password@host:5432/database")
    assert "secret" not in said
    assert custodiary("migrate", NAME_MODE="nick").complaint == (
        exits.USAGE,
        "NAME_MODE must be first_name or full_name.",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["destroy"],
        ["serve", "--port", "65536"],
        ["serve", "--workers", "0"],
        ["serve", "--host", "192.0.2.1"],  # an address for examples, which no machine has
        ["history", "one"],
        ["history", "0"],
        ["replay", "--projection", "everything"],
        ["import"],
        ["import", "orders"],
        ["credentials", "add", "ann"],
        ["credentials", "add", "ann", "--role", "emperor"],
        ["credentials", "add", "a:n", "--role", "worker"],
        ["credentials", "add", "", "--role", "worker"],
    ],
)
def test_wrong_usage_is_shown_before_anything_is_started(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("CUSTODIARY_DATA", str(tmp_path / "data"))
    ended = CliRunner().invoke(app, arguments)  # in this process, because there are many of them
    assert ended.exit_code == exits.USAGE
    assert "Usage: " in ended.output
    assert not (tmp_path / "data").exists()


def test_wrong_usage_is_no_traceback() -> None:
    ended = custodiary("destroy", "everything")
    assert (ended.code, ended.stdout) == (exits.USAGE, "")
    assert "No such command 'destroy'" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_a_database_that_does_not_let_in_is_told_apart(server: str, empty_database: str) -> None:
    parts = urlsplit(empty_database)
    nobody = parts._replace(netloc="nobody_such@").geturl()
    code, said = custodiary("migrate", DATABASE_URL=nobody).complaint
    assert (code, said) == (exits.NO_STORE, 'The database does not let us in: role "nobody_such" does not exist.')
    missing = parts._replace(path="/no_such_database").geturl()
    code, said = custodiary("migrate", DATABASE_URL=missing).complaint
    assert (code, said) == (
        exits.NO_STORE,
        'The database cannot be reached: database "no_such_database" does not exist.',
    )


async def test_a_role_without_rights_is_told(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    await connection.execute("CREATE ROLE custodiary_test_guest LOGIN")
    try:
        guest = urlsplit(empty_database)._replace(netloc="custodiary_test_guest@").geturl()
        code, said = custodiary("migrate", DATABASE_URL=guest).complaint
        assert (code, said) == (exits.NO_STORE, "The database does not let us in: permission denied for schema public.")
    finally:
        await connection.execute("DROP ROLE custodiary_test_guest")
        await connection.close()


async def test_without_a_master_key_nothing_is_made(empty_database: str) -> None:
    assert custodiary("migrate", DATABASE_URL=empty_database, MASTER_KEY="").code == exits.USAGE
    assert not await has_store(empty_database)


async def test_tables_of_another_version_are_complained_of(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("DROP VIEW readable_events")
    await connection.close()
    code, said = custodiary("history", DATABASE_URL=database).complaint
    missing = 'relation "readable_events" does not exist.'
    assert (code, said) == (exits.NO_STORE, f"The database has the tables of another version of Custodiary: {missing}")


def test_without_a_master_key_it_is_said_how_to_make_one(database: str) -> None:
    code, said = custodiary("serve", DATABASE_URL=database, MASTER_KEY="").complaint
    assert code == exits.USAGE
    assert said.startswith(
        "MASTER_KEY or MASTER_KEY_FILE is missing, and personal data is sealed with it: make one with"
    )
    code, said = custodiary("migrate", DATABASE_URL=database, MASTER_KEY_FILE="nowhere").complaint
    assert (code, said) == (
        exits.USAGE,
        "MASTER_KEY_FILE can't be read: [Errno 2] No such file or directory: 'nowhere'.",
    )


def test_a_master_key_that_is_not_the_stores_is_refused(database: str) -> None:
    code, said = custodiary("serve", DATABASE_URL=database, MASTER_KEY=new_key()).complaint
    assert code == exits.USAGE
    assert re.fullmatch(
        r"The master key [0-9a-f]{16}, which this store.s keys are wrapped by, is not in MASTER_KEY\.", said
    )


def test_a_master_key_in_the_environment_is_changed_there_before_it_is_rotated(database: str) -> None:
    ended = custodiary("keys", "rotate", DATABASE_URL=database)
    assert ended.code == exits.USAGE
    assert "Put a new one in front of the others in MASTER_KEY" in " ".join(ended.stderr.replace("│", "").split())
    both = f"{new_key()} {os.environ['MASTER_KEY']}"
    assert custodiary("keys", "rotate", DATABASE_URL=database, MASTER_KEY=both).code == exits.DONE
    assert custodiary("migrate", DATABASE_URL=database, MASTER_KEY=both.split(maxsplit=1)[0]).code == exits.DONE


async def test_a_database_of_another_version_is_told(database: str) -> None:
    connection = await asyncpg.connect(database)
    await connection.execute("UPDATE migrations SET sha256 = 'another' WHERE name = 'log/schema.sql'")
    await connection.close()
    code, complaint = custodiary("migrate", DATABASE_URL=database).complaint
    assert code == exits.NO_STORE
    assert "a version of Custodiary that was never released" in complaint
    assert complaint.endswith("It has run log/schema.sql.")


def test_a_directory_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, said = custodiary("migrate", CUSTODIARY_DATA=tmp_path / "file").complaint
    assert code == exits.NO_STORE
    assert said == f"This user can't use {tmp_path / 'file'}: File exists."


def test_files_that_are_no_imports_are_named(url: str, tmp_path: Path) -> None:
    damaged = bytearray(packed(order_file(order())))
    damaged[-8] ^= 0xFF
    (tmp_path / "damaged.csv.gz").write_bytes(damaged)
    (tmp_path / "empty").touch()
    complaints = [
        ("orders", tmp_path / "nowhere.csv", "No such file or directory"),
        ("orders", tmp_path, "Is a directory"),
        ("orders", tmp_path / "empty", "not a CSV file of orders: it has no column order_id, "),
        ("orders", tmp_path / "damaged.csv.gz", "the archive is damaged"),
        ("fluentcart", tmp_path / "empty", "not a JSON file"),
    ]
    processes = [Process("import", kind, file, DATABASE_URL=url) for kind, file, _complaint in complaints]
    for process, (_kind, _file, complaint) in zip(processes, complaints, strict=True):
        code, said = process.end().complaint
        assert code == exits.NOT_ALL
        assert complaint in said


def test_nothing_was_started_where_nothing_was_asked_for() -> None:
    assert not (NOWHERE / ".custodiary").exists()


def test_a_database_that_cannot_hold_every_name_is_refused_in_a_line(latin_database: str) -> None:
    commands: list[list[object]] = [["serve", "--port", 65_535], ["migrate"]]
    for command in commands:
        code, said = custodiary(*command, DATABASE_URL=latin_database).complaint
        assert code == exits.NO_STORE
        assert "has the encoding LATIN1" in said
