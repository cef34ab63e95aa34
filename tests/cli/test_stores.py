"""Which store a command works on: the one that is named, or the nearest upwards; and that few commands make one."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from api.cli.program import app
from api.cli.terminal import exits
from api.cli.terminal.naming import StoreOfAnotherError, name_of, nearest
from api.cli.terminal.session import NoStoreError
from api.process.settings import Settings
from tests.cli.process import COMMAND, SETTINGS, Ended, custodiary
from tests.cli.typed import paths
from tests.importing.desk import order, order_file

# Each command that makes none, as it is typed.
OTHERS = [
    "credentials add ann --role worker", "credentials list", "credentials revoke 6ba7b810-9dad-11d1-80b4-00c04fd430c8",
    "keys check", "keys rotate", "audit verify", "audit dump out", "audit checkpoint", "audit key", "history",
    "history 1", "explain 1", "verify", "export 1", "erase 1 --reason asked", "erasure 1", "replay",
    "replay --what-if gross-of-refunds", "replays list", "replays show 1", "replays swap 1", "replays rollback 1",
    "replays cancel 1", "backup out", "relay nats --url nats://127.0.0.1:9",
]  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A directory with a store of its own, and directories below it."""
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as place:
        top = Path(place).resolve()
        top.chmod(0o711)  # so that the server's account gets there when root runs the tests
        (top / "deep" / "below").mkdir(parents=True)
        file = top / "orders.csv"
        file.write_text(order_file(order(1)))
        assert custodiary("import", "orders", file, PWD=top).code == exits.DONE
        yield top


def refused(ended: Ended) -> str:
    code, said = ended.complaint
    assert code == exits.USAGE
    assert said.startswith("No store in ")
    return said


@pytest.mark.parametrize("command", OTHERS)
def test_only_what_brings_data_makes_a_store(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting, raising=False)
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(app, command.split())  # in this process, because there are many of them
    assert isinstance(ended.exception, NoStoreError)
    assert str(ended.exception).startswith(f"No store in {tmp_path / '.custodiary'}. ")
    assert list(tmp_path.iterdir()) == []


def test_a_new_command_is_among_those_that_make_no_store() -> None:
    """Unless it is said here that it does."""
    others = set(paths(get_command(app))) - {"serve", "migrate", "import orders", "import fluentcart", "restore"}
    assert {path for path in others if not any(f"{line} ".startswith(f"{path} ") for line in OTHERS)} == set()


def test_who_finds_no_store_is_told_what_makes_one(tmp_path: Path) -> None:
    how = f"`{COMMAND} migrate` makes an empty one there; CUSTODIARY_DATA names another."
    assert refused(custodiary("history", PWD=tmp_path)) == f"No store in {tmp_path / '.custodiary'}. {how}"


def test_an_import_of_what_is_not_there_makes_none_either(tmp_path: Path) -> None:
    code, said = custodiary("import", "orders", "orders.csv", PWD=tmp_path).complaint
    assert (code, said) == (exits.NOT_ALL, "Nothing was imported: orders.csv: No such file or directory.")
    assert list(tmp_path.iterdir()) == []


def test_what_begins_like_a_store_is_none(tmp_path: Path) -> None:
    (tmp_path / ".custodiary").mkdir()
    assert refused(custodiary("history", PWD=tmp_path))
    assert list((tmp_path / ".custodiary").iterdir()) == []


async def test_an_empty_database_is_no_store_and_stays_empty(empty_database: str) -> None:
    said = refused(custodiary("verify", DATABASE_URL=empty_database))
    name = name_of(Settings.from_environment({"DATABASE_URL": empty_database}))
    assert said == f"No store in {name}. `{COMMAND} migrate` makes an empty one there; DATABASE_URL names another."
    assert refused(custodiary("history", DATABASE_URL=empty_database)) == said  # the first has made none


def test_the_nearest_store_upwards_is_taken_by_all(made: Path) -> None:
    below = made / "deep" / "below"
    told = custodiary("verify", "--json", PWD=below).json
    assert (told["store"], told["checked"]) == (str(made / ".custodiary"), 1)
    again = custodiary("import", "orders", made / "orders.csv", "--json", PWD=below).json
    assert (again["store"], again["already_imported"]) == (str(made / ".custodiary"), {"orders": 1})
    assert list(below.iterdir()) == []


@pytest.mark.parametrize("arguments", [("-v", "explain", 1), ("explain", 1, "--verbose")])
def test_v_names_the_store_beside_what_is_asked_for(made: Path, arguments: tuple[str, ...]) -> None:
    ended = custodiary(*arguments, PWD=made / "deep")
    assert ended.stderr == f"custodiary: The store is {made / '.custodiary'}.\n"
    assert "order" in ended.stdout


@pytest.mark.parametrize("command", ["credentials list", "replays list", "history"])
def test_answers_in_json_name_the_store(made: Path, command: str) -> None:
    assert custodiary(*command.split(), "--json", PWD=made).json["store"] == str(made / ".custodiary")


def test_a_store_is_looked_for_as_git_looks_for_a_repository(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert nearest(below) == below / ".custodiary"
    (tmp_path / ".custodiary").mkdir()
    assert nearest(below) == nearest(tmp_path) == tmp_path / ".custodiary"
    (tmp_path / "a" / ".custodiary").write_text("no directory")
    assert nearest(below) == tmp_path / ".custodiary"
    (below / ".custodiary").mkdir()
    assert nearest(below) == below / ".custodiary"


def test_what_somebody_else_put_above_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written there, in /tmp say, would be somebody else's."""
    (tmp_path / "a").mkdir()
    (tmp_path / ".custodiary").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(StoreOfAnotherError, match=f"CUSTODIARY_DATA={tmp_path}/.custodiary takes it all the same"):
        nearest(tmp_path / "a")
    assert nearest(tmp_path) == tmp_path / ".custodiary"


def test_a_name_of_a_store_does_not_let_anybody_in() -> None:
    for url, name in {
        "postgresql://ann:secret@db.example:5433/shop": "postgresql://db.example:5433/shop",
        "postgres://ann:se%40cret@a,b:5433/shop?password=secret": "postgres://a,b:5433/shop",
        "postgresql:///shop?host=/run&user=ann": "postgresql:///shop",
    }.items():
        assert name_of(Settings.from_environment({"DATABASE_URL": url})) == name
