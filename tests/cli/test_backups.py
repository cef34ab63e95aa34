"""`custodiary backup` of a store that is in use, and `restore` into another one."""

import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import asyncpg
import httpx
import pytest

from api.cli.terminal import exits
from api.http.paths import BASE
from tests.cli.process import PATIENCE, Process, custodiary
from tests.cli.test_serve import free_port
from tests.importing.desk import SEED
from tests.plain import PLAIN

PASSWORD = "open sesame"
AUTH = ("admin", PASSWORD)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as name:
        Path(name).chmod(0o711)  # so that the server's account gets there when root runs the tests
        yield Path(name)


@pytest.fixture(scope="module")
def acknowledged(place: Path) -> list[str]:
    """Who is told to be there before a backup begins, of a service with an embedded store that stops after it.

    One who was there is erased afterwards.
    """
    assert custodiary("import", "fluentcart", SEED, CUSTODIARY_DATA=place / "store").code == exits.DONE
    port = free_port()
    service = Process("serve", "--port", port, CUSTODIARY_DATA=place / "store", CUSTODIARY_ADMIN_PASSWORD=PASSWORD)
    service.lines_until("Its documentation")
    url, told, stop = f"http://127.0.0.1:{port}{BASE}/customers", list[str](), Event()

    def write() -> None:
        while not stop.is_set():
            body = {"email": f"ann{len(told)}@shop.example", "first_name": "Ann"}
            httpx.post(url, json=body, auth=AUTH, timeout=PATIENCE, verify=PLAIN).raise_for_status()
            told.append(body["email"])

    writer = Thread(target=write)
    writer.start()
    while len(told) < 20:
        time.sleep(0.01)
    before = list(told)
    made = custodiary("backup", place / "events", "--keys", place / "keys", CUSTODIARY_DATA=place / "store")
    stop.set()
    writer.join()
    assert (made.code, made.stderr) == (exits.DONE, ""), made.stdout
    assert made.lines[-1] == "They were verified by restoring them into a PostgreSQL of their own."
    assert len(told) > len(before)
    body = {"action": "delete_customers", "customer_ids": [1], "reason": "asked by letter"}
    httpx.post(f"{url}/do-bulk-action", json=body, auth=AUTH, timeout=PATIENCE, verify=PLAIN).raise_for_status()
    deadline = time.monotonic() + 60
    while not (place / "store" / "master.erased").exists():
        assert time.monotonic() < deadline, "nobody notes who was erased"
        time.sleep(0.1)
    service.process.terminate()
    service.end()
    return before


def test_it_is_two_files_for_their_owner_alone(place: Path, acknowledged: list[str]) -> None:
    files = [place / "events" / "events.backup", place / "keys" / "keys.backup"]
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]
    assert [list(file.parent.iterdir()) for file in files] == [[file] for file in files]


def test_an_embedded_store_is_made_of_it_with_all_but_who_was_erased_since(
    place: Path, acknowledged: list[str]
) -> None:
    new = place / "new"
    new.mkdir(mode=0o711)
    for name in ("master.key", "master.erased"):
        shutil.copy(place / "store" / name, new)
    ended = custodiary("restore", place / "events", "--keys", place / "keys", CUSTODIARY_DATA=new)
    assert (ended.code, ended.stderr) == (exits.DONE, ""), ended.stdout
    assert custodiary("export", 1, CUSTODIARY_DATA=new).code == exits.NOT_ALL
    assert custodiary("erasure", 1, "--json", CUSTODIARY_DATA=new).json["erased_by"] == "restore"
    checked = custodiary("keys", "check", "--json", CUSTODIARY_DATA=new)
    assert (checked.code, checked.json["destroyed_again"], checked.json["removed"]) == (exits.DONE, 0, 0)
    port = free_port()
    service = Process("serve", "--port", port, CUSTODIARY_DATA=new)
    service.lines_until("Its documentation")
    url = f"http://127.0.0.1:{port}{BASE}/customers"
    with httpx.Client(auth=AUTH, timeout=PATIENCE, verify=PLAIN) as http:
        pages = [http.get(url, params={"per_page": 100, "page": page}).json()["customers"] for page in range(1, 30)]
    found = [customer for page in pages for customer in page["data"]]
    service.process.terminate()
    service.end()
    assert set(acknowledged) <= {customer["email"] for customer in found}


async def test_it_goes_into_another_postgresql_too_and_only_once(
    place: Path, acknowledged: list[str], empty_database: str
) -> None:
    key = place / "store" / "master.key"
    arguments = ("restore", place / "events", "--keys", place / "keys")
    assert custodiary(*arguments, DATABASE_URL=empty_database, MASTER_KEY_FILE=key).code == exits.DONE
    again = custodiary(*arguments, DATABASE_URL=empty_database, MASTER_KEY_FILE=key)
    assert again.complaint[0] == exits.NOT_ALL
    assert again.complaint[1].startswith("The store is not empty: stored_events has ")
    # And out of it again.
    made = custodiary("backup", place / "second", DATABASE_URL=empty_database, MASTER_KEY_FILE=key)
    assert (made.code, made.stderr) == (exits.DONE, ""), made.stdout


async def test_a_store_whose_rows_are_not_those_of_its_events_is_told_of(place: Path, database: str) -> None:
    assert custodiary("import", "fluentcart", SEED, DATABASE_URL=database).code == exits.DONE
    connection = await asyncpg.connect(database)
    await connection.execute("DELETE FROM orders WHERE id = (SELECT min(id) FROM orders)")
    rows = await connection.fetchval("SELECT count(*) FROM orders")
    await connection.close()
    made = custodiary("backup", place / "unsound", DATABASE_URL=database)
    assert (made.code, made.stderr) == (exits.NOT_ALL, "")
    assert made.lines[-1].startswith(f"orders had {rows} rows, and has {rows + 1} rebuilt from the events: ")
    assert "custodiary replay` on what was backed up shows which" in made.lines[-1]


def test_a_backup_is_never_written_over(place: Path, acknowledged: list[str]) -> None:
    before = (place / "events" / "events.backup").stat()
    code, said = custodiary("backup", place / "events", CUSTODIARY_DATA=place / "store").complaint
    assert (code, said) == (
        exits.NOT_ALL, f"{place}/events/events.backup is there already: each backup needs a directory of its own.",
    )  # fmt: skip
    assert (place / "events" / "events.backup").stat() == before


def test_without_a_store_nothing_is_left_behind(tmp_path: Path) -> None:
    ended = custodiary("backup", tmp_path / "some" / "where", CUSTODIARY_DATA=tmp_path / "nothing")
    assert (ended.code, ended.complaint[1][:12]) == (exits.USAGE, "No store in ")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_restored_makes_no_store(place: Path, acknowledged: list[str]) -> None:
    def complaint(events: Path, keys: Path, store: str = "none") -> tuple[int, str]:
        return custodiary("restore", events, "--keys", keys, CUSTODIARY_DATA=place / store).complaint

    code, said = complaint(place / "events", place / "keys")
    assert (code, said.partition(":")[0]) == (exits.USAGE, "The master key of the backup is needed")
    assert not (place / "none").exists()
    cut = place / "cut"
    cut.mkdir()
    whole = (place / "events" / "events.backup").read_bytes()
    (cut / "events.backup").write_bytes(whole[:-20])
    (place / "half").mkdir(mode=0o711)
    shutil.copy(place / "store" / "master.key", place / "half")
    assert complaint(cut, place / "keys", "half") == (
        exits.NOT_ALL, f"{cut}/events.backup is cut off: its end is missing.",
    )  # fmt: skip
    assert complaint(place / "events", place / "events", "half") == (
        exits.NOT_ALL, f"{place}/events/keys.backup can't be read: No such file or directory.",
    )  # fmt: skip
    assert [path.name for path in (place / "half").iterdir()] == ["master.key"]
