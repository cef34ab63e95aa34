"""`custodiary audit`: what it prints, how it ends, and that a service signs by itself."""

import gzip
import os
import re
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.cli.terminal import exits
from eventstore.chain.checkpoints import newest
from eventstore.sealing.key_material import HOW
from eventstore.store import Store
from projections.database import open_store
from tests.cli.process import COMMAND, Process, custodiary
from tests.cli.test_serve import free_port
from tests.eventstore.acts import append, facts, until
from tests.eventstore.audited import KEY, OTHER_KEY

SECRET = b64encode(bytes(range(32))).decode()
SPOIL = "UPDATE stored_events SET actor = 'eve' WHERE notification_id = 2"
FAULT = "label 1, version 2, position 2: altered, what is stored does not give its digest"
CUT_OFF = "TRUNCATE checkpoints; DELETE FROM stored_events WHERE notification_id = 3"


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    async with open_store(database, connections=2) as store:
        await append(store, facts(1, 3))
        yield store


async def test_a_sound_store_and_its_dump_are_told_alike(database: str, store: Store, tmp_path: Path) -> None:
    settings = {"DATABASE_URL": database, "SIGNING_KEY": SECRET}
    line = custodiary("audit", "checkpoint", **settings)
    assert line.code == exits.DONE
    assert line.json["number"] == 1
    await append(store, facts(2))
    dump, packed = tmp_path / "dump", tmp_path / "dump.gz"
    for file in (dump, packed):
        assert custodiary("audit", "dump", file, **settings).code == exits.DONE
    assert gzip.decompress(packed.read_bytes()) == dump.read_bytes()
    since = custodiary("audit", "verify", "--since", 1, "--json", **settings)
    assert (since.code, since.json["events"], since.json["faults"]) == (exits.DONE, 1, 0)
    assert "no checkpoint 2" in custodiary("audit", "verify", "--since", 2, **settings).stderr
    assert "as a whole" in custodiary("audit", "verify", dump, "--since", 1).stderr
    told = custodiary("audit", "verify", "--json", **settings)
    assert told.code == exits.DONE
    assert told.json["signed_at"]
    assert told.json | {"signed_at": ""} == {
        "store": f"postgresql:///{urlsplit(database).path.strip('/')}",
        "events": 4,
        "checkpoints": 1,
        "signed_by": [KEY.public],
        "signed_until": 3,
        "signed_at": "",
        "unsigned": 1,
        "faults": 0,
        "first": [],
    }
    for file in (dump, packed):
        [(name, place), *rest] = custodiary("audit", "verify", file, "--json").json.items()
        assert (name, place, rest) == ("dump", str(file), [*told.json.items()][1:])
    said = custodiary("audit", "verify", dump).lines
    assert re.fullmatch(r"Checked 4 events \([\d,]+ a second\) and 1 checkpoint: 0 faults\.", said[0])
    assert re.fullmatch(r"Signed up to position 3, .* UTC; no checkpoint covers 1 of the events\.", said[1])
    assert said[2:] == [f"Signed with {KEY.public}: compare it, or give --key."]
    assert custodiary("audit", "key", **settings).lines == [KEY.public]


def test_a_dump_that_cannot_be_written_is_not_blamed_on_the_database(database: str, tmp_path: Path) -> None:
    for file, why in ((tmp_path / "nowhere" / "dump", "No such file or directory"), (tmp_path, "Is a directory")):
        complaint = custodiary("audit", "dump", file, DATABASE_URL=database).complaint
        assert complaint == (exits.NOT_ALL, f"{file} can't be written: {why}.")


async def test_what_was_altered_is_named_in_a_store_and_in_its_dump(
    database: str, store: Store, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": database, "SIGNING_KEY": SECRET}
    await store.pool.execute(SPOIL)
    custodiary("audit", "dump", tmp_path / "dump", **settings)
    for ended in (custodiary("audit", "verify", **settings), custodiary("audit", "verify", tmp_path / "dump")):
        assert (ended.code, ended.lines[0]) == (exits.NOT_ALL, FAULT)
        assert ended.lines[2:] == ["No checkpoint covers them: events at the end of the log may be missing."]
    [fault] = custodiary("audit", "verify", tmp_path / "dump", "--json").json["first"]
    place = {"stream": "label 1", "version": 2, "position": 2, "number": None}
    assert fault == place | {"kind": "altered", "problem": "what is stored does not give its digest"}
    assert custodiary("audit", "checkpoint", **settings).code == exits.DONE  # up to there
    assert custodiary("audit", "checkpoint", **settings).complaint == (exits.NOT_ALL, f"{FAULT}.")


async def test_a_checkpoint_that_was_kept_and_a_key_that_is_known_are_held_against_the_log(
    database: str, store: Store, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": database, "SIGNING_KEY": SECRET}
    kept = tmp_path / "kept"
    kept.write_text(custodiary("audit", "checkpoint", **settings).stdout)
    assert custodiary("audit", "verify", "--kept", kept, "--key", KEY.public, DATABASE_URL=database).code == exits.DONE
    other = custodiary("audit", "verify", "--key", OTHER_KEY.public, DATABASE_URL=database)
    assert (other.code, other.lines[0]) == (exits.NOT_ALL, f"checkpoint 1: signed with another key, {KEY.public}")
    await store.pool.execute(CUT_OFF)
    assert custodiary("audit", "verify", **settings).code == exits.DONE
    missing = "checkpoint 1: missing, though it was kept elsewhere: the log was cut off or set back"
    ended = custodiary("audit", "verify", "--kept", kept, **settings)
    assert (ended.code, ended.lines[0]) == (exits.NOT_ALL, missing)
    kept.write_text("nonsense")
    assert custodiary("audit", "verify", "--kept", kept, **settings).code == exits.USAGE


@pytest.mark.parametrize("command", ["checkpoint", "key"])
async def test_without_a_key_nothing_is_signed(database: str, command: str) -> None:
    said = f"Neither SIGNING_KEY nor SIGNING_KEY_FILE is set: {HOW}."
    assert custodiary("audit", command, DATABASE_URL=database).complaint == (exits.USAGE, said)
    said = f"SIGNING_KEY must hold 32 random bytes in base64: {HOW}."
    wrong = custodiary("audit", command, DATABASE_URL=database, SIGNING_KEY="c2VjcmV0")
    assert wrong.complaint == (exits.USAGE, said)


def test_a_service_with_a_wrong_key_says_so_in_a_line(database: str) -> None:
    ended = custodiary("serve", "--port", free_port(), DATABASE_URL=database, SIGNING_KEY="c2VjcmV0")
    assert ended.complaint == (exits.USAGE, f"SIGNING_KEY must hold 32 random bytes in base64: {HOW}.")


async def test_what_is_no_dump_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "dump"

    def complaint() -> tuple[int, str]:
        return custodiary("audit", "verify", file).complaint

    assert complaint() == (exits.NOT_ALL, f"{file} can't be read: No such file or directory.")
    file.write_text("nonsense")
    assert complaint() == (exits.NOT_ALL, f"{file} is not a whole dump: its first line is another.")
    file.write_bytes(b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 20)  # gzip's head, and what can't be unpacked
    code, said = complaint()
    assert (code, said.split(": ")[0]) == (exits.NOT_ALL, f"{file} is not a whole dump")


async def test_a_service_signs_as_soon_as_it_is_there(database: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    file.write_text(SECRET)
    settings = {"DATABASE_URL": database, "SIGNING_KEY_FILE": file, "CUSTODIARY_CHECKPOINT_SECONDS": 3_600}
    service = Process("serve", "--port", free_port(), **settings)

    async def is_signed() -> bool:
        return await newest(store.pool) is not None

    try:
        await until(is_signed, "a checkpoint")
    finally:
        service.process.terminate()
        service.end()


async def test_a_service_signs_what_is_new_by_itself(database: str, store: Store, tmp_path: Path) -> None:
    file = tmp_path / "signing.key"
    file.write_text(SECRET)
    settings = {"DATABASE_URL": database, "SIGNING_KEY_FILE": file, "CUSTODIARY_CHECKPOINT_SECONDS": 0.05}
    service = Process("serve", "--port", free_port(), "--workers", 2, **settings)
    try:
        service.lines_until("Its documentation")
        for number in (1, 2):

            async def is_signed(number: int = number) -> bool:
                last = await newest(store.pool)
                return last is not None and last.number == number

            await until(is_signed, f"checkpoint {number}")
            await append(store, facts(number + 1))
    finally:
        service.process.terminate()
        service.end()
    seen = tmp_path / "signing.checkpoint"
    assert seen.exists()
    assert custodiary("audit", "verify", DATABASE_URL=database, SIGNING_KEY_FILE=file).code == exits.DONE
    await store.pool.execute("TRUNCATE checkpoints")
    cut_off = custodiary("audit", "verify", DATABASE_URL=database, SIGNING_KEY_FILE=file)
    assert cut_off.code == exits.NOT_ALL
    assert re.match(r"checkpoint \d: missing, though it was kept elsewhere", cut_off.lines[0])


def names(directory: Path) -> list[str]:
    return sorted(entry.name for entry in directory.iterdir())


def dumped_to_stdout(database: str) -> bytes:
    command = [str(COMMAND), "audit", "dump", "/dev/stdout"]
    return subprocess.check_output(command, env=os.environ | {"DATABASE_URL": database})


async def test_a_dump_takes_the_place_of_a_larger_one_only_by_force(
    database: str, store: Store, tmp_path: Path
) -> None:
    """What is at hand may be all that is left of a longer log."""
    dump, link = tmp_path / "dump", tmp_path / "link"
    link.symlink_to(dump)
    dump.write_bytes(bytes(100_000))
    code, said = custodiary("audit", "dump", link, DATABASE_URL=database).complaint
    assert code == exits.NOT_ALL
    larger = rf"{dump} is larger \(100,000 bytes\) than what would take its place \([\d,]+ bytes\)"
    assert re.fullmatch(rf"{larger}\. It stays as it is; --force replaces it\.", said), said
    assert dump.read_bytes() == bytes(100_000)
    assert names(tmp_path) == ["dump", "link"]
    dump.chmod(0o600)
    assert custodiary("audit", "dump", link, "--force", DATABASE_URL=database).code == exits.DONE
    assert custodiary("audit", "verify", dump).code == exits.DONE
    assert (dump.stat().st_mode & 0o777, link.is_symlink()) == (0o600, True)
    await append(store, facts(3))
    assert custodiary("audit", "dump", dump, DATABASE_URL=database).code == exits.DONE  # it is larger now
    assert dumped_to_stdout(database) == dump.read_bytes()


async def test_a_dump_that_fails_leaves_the_former_one(empty_database: str, tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.write_text("the former one")
    assert custodiary("audit", "dump", dump, "--force", DATABASE_URL=empty_database).code == exits.USAGE
    assert (dump.read_text(), names(tmp_path)) == ("the former one", ["dump"])
