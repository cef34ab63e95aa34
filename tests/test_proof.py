"""The checker of `make prove`: a short run of the whole, and that what is wrong is noticed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from domain.label import LABEL, CreateLabel
from eventstore.store import Store
from projections.database import open_store
from proof.checks import Check, Written, check, check_commands, check_follower, check_receiver
from proof.feed import NOBODY, Sent
from proof.journal import Journal, Line, Outcome, read
from tests.eventstore.acts import add_user, do, place, register

ROOT = Path(__file__).parent.parent
SECONDS = 2
PLANTED_SECONDS = 6  # on a busy machine two writers meet seldom, and without the lock nothing else is wrong
PATIENCE = 300


def prove(seconds: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "proof", str(seconds), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_after_faults_of_every_kind_all_is_as_promised() -> None:
    proved = prove(SECONDS)
    assert proved.returncode == 0, proved.stdout + proved.stderr


def test_a_log_without_its_lock_is_caught() -> None:
    proved = prove(PLANTED_SECONDS, "--without-the-lock")
    assert proved.returncode == 1, proved.stdout + proved.stderr
    assert re.search(r"^WRONG: seen-\d saw every event, once, in order: skipped: ", proved.stdout, re.MULTILINE)


def wrong(checks: list[Check]) -> list[str]:
    return [check.promise for check in checks if check.wrong]


@pytest.mark.parametrize(
    ("outcome", "events", "left", "is_well"),
    [
        ("acknowledged", 2, Written(2, 1), True),
        ("acknowledged", 0, Written(0, 0), True),
        ("acknowledged", 2, Written(0, 0), False),
        ("acknowledged", 2, Written(1, 1), False),
        ("acknowledged", 2, Written(2, 2), False),
        ("acknowledged", 2, Written(4, 2), False),
        ("refused", None, Written(0, 0), True),
        ("refused", None, Written(1, 1), False),
        ("failed", None, Written(1, 1), False),
        ("cancelled", 2, Written(0, 0), True),
        ("cancelled", 2, Written(2, 1), True),
        ("cancelled", 2, Written(1, 1), False),
        ("unknown", 1, Written(2, 2), False),
        ("sent", None, Written(0, 0), True),
        ("sent", None, Written(3, 1), True),
        ("sent", None, Written(6, 2), False),
    ],
)
def test_what_a_command_left_that_it_should_not_have_is_noticed(
    outcome: Outcome, events: int | None, left: Written, *, is_well: bool
) -> None:
    checks = check_commands({"a": Line("a", outcome, events)}, {"a": left} if left.events else {})
    assert len(wrong(checks)) == (0 if is_well else 1)
    assert sum(each.examined for each in checks) >= 1


def test_events_that_nobody_sent_are_noticed() -> None:
    assert wrong(check_commands({}, {"a": Written(1, 1)})) == ["what is in the log was sent by somebody"]


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        (["1 a", "2 b", "4 c"], None),
        (["1 a", "4 c"], "skipped: 2 b"),
        (["1 a", "2 b", "2 b", "4 c"], "2 seen after 2"),
        (["1 a", "4 c", "2 b"], "2 seen after 4"),
        (["1 a", "2 b", "3 x", "4 c"], "seen, and not in the log: 3 x"),
        (["1 a", "2 x", "4 c"], "seen, and not in the log: 2 x"),
    ],
)
def test_what_a_follower_did_not_see_as_it_is_is_noticed(seen: list[str], fault: str | None) -> None:
    found = check_follower("it", seen, ["1 a", "2 b", "4 c"])
    assert found.examined == len(seen)
    assert fault in found.wrong if fault else found.wrong == []


SENT = [
    Sent("1 a", "7", False),
    Sent("2 b", "8", False),
    Sent("3 c", "7", False),
    Sent("4 d", "8", True),
    Sent("0 z", "9", True, is_due=False),
]


@pytest.mark.parametrize(
    ("received", "fault_in_store", "fault_by_customer"),
    [
        (["1 a", "2 b", "3 c", "4 d"], None, None),
        (["1 a", "1 a", "2 b", "1 a", "3 c", "4 d"], None, None),  # repeated
        (["1 a", "4 d", "2 b", "0 z", "3 c"], None, None),  # erasures ahead, one from before
        (["1 a", "3 c", "4 d", "2 b"], "2 seen after 3", None),
        (["2 b", "3 c", "1 a", "4 d"], "1 seen after 3", "1 seen after 3"),
        (["1 a", "3 c", "4 d"], "skipped: 2 b", "skipped: 2 b"),  # as a cursor skips that moves on when sending failed
        (["1 a", "2 b", "3 c"], "skipped: 4 d", "skipped: 4 d"),
        (["1 a", "2 b", "3 c", "3 x", "4 d"], *["received, and not in the log: 3 x"] * 2),
        (["1 a", "2 b", "0 unverified", "3 c", "4 d"], *["received, and not in the log: 0 unverified"] * 2),
    ],
)
def test_what_a_receiver_of_webhooks_did_not_get_as_promised_is_noticed(
    received: list[str], fault_in_store: str | None, fault_by_customer: str | None
) -> None:
    for order, fault in (("store", fault_in_store), ("customer", fault_by_customer)):
        found = check_receiver(order, received, SENT, by_customer=order == "customer")
        assert found.examined == len(received)
        assert fault in found.wrong if fault else found.wrong == []


@pytest.mark.parametrize(
    ("spoiling", "promise"),
    [
        ("SELECT 1", None),
        ("UPDATE figures SET ltv = 7", "rows of read models are what the events give"),
        ("DELETE FROM labels", "rows of read models are what the events give"),
        ("DELETE FROM claims WHERE kind = 'label'", "claims are what the events give"),
        (
            "INSERT INTO claims SELECT 'x', 'x', originator_id FROM claims LIMIT 1",
            "claims are what the events give",
        ),
        (
            "DELETE FROM stored_events WHERE topic LIKE 'customer-registered%'",
            "rows of read models are what the events give",
        ),
        (
            "UPDATE stored_events SET originator_version = 7 WHERE topic LIKE 'label%'",
            "streams have versions without gaps",
        ),
        ("UPDATE stored_events SET actor = 'eve'", "every event is chained to its predecessor"),
    ],
)
async def test_what_is_spoilt_is_noticed(database: str, spoiling: str, promise: str | None) -> None:
    async with open_store(database) as store:
        await fill(store)
        await store.pool.execute(spoiling)
        found = wrong(await check(store, {}, [], NOBODY))
    assert promise in found if promise else found == []


async def fill(store: Store) -> None:
    await add_user(store, 1, "ada")
    await place(store, await register(store, "ada@example.com"))
    await do(store, LABEL, 1, CreateLabel(value="one"))


def test_a_journal_goes_on_where_a_killed_process_left_it(tmp_path: Path) -> None:
    first = Journal(tmp_path / "writer")
    done, lost = first.intend(), first.intend("a detail")
    first.tell(Line(done, "acknowledged", 1))
    third = Journal(tmp_path / "writer").intend()
    assert read([tmp_path / "writer"]) == {
        done: Line(done, "acknowledged", 1),
        lost: Line(lost, detail="a detail"),
        third: Line(third),
    }
    assert len({done, lost, third}) == 3
