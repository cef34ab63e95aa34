"""The story that the sample has beside its purchases."""

from datetime import timedelta

import pytest

from eventstore.store import Store
from projections.checks.jobs import VerificationRequest
from projections.checks.verify import EVERYONE
from projections.replay import engine, registry
from service import verifications
from service.privacy import find_receipt
from service.replays import newest
from service.sample import acts, story
from tests.eventstore.acts import NOW

TOLD = """
    SELECT topic, actor, occurred_at, customer_id, originator_version, request_id FROM stored_events
    WHERE correlation_id = $1 ORDER BY notification_id"""


async def told(store: Store) -> list[tuple[object, ...]]:
    return [tuple(row) for row in await store.pool.fetch(TOLD, acts.NAME)]


async def test_a_story_is_told_once_and_goes_by_the_moment_alone(store: Store) -> None:
    await story.tell(store, NOW)
    events = await told(store)
    assert len(events) == await store.log.head(store.pool) == 99
    assert len({event[0] for event in events}) == 22
    assert {event[1] for event in events} == {"admin", "nadia.support", "tomas.finance", "shop"}
    assert events[0][2] == NOW - timedelta(days=400)
    await story.tell(store, NOW + timedelta(days=1))
    assert await told(store) == events


async def test_one_that_was_killed_before_its_end_is_completed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    async def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(story, "spoil", killed)
        with pytest.raises(Killed):
            await story.tell(store, NOW)
    await story.tell(store, NOW)
    assert len(await told(store)) == 99


async def test_of_one_customer_a_receipt_is_left(store: Store) -> None:
    await story.tell(store, NOW)
    hesper = await story._buyer(store, story.HESPERS)
    receipt = await find_receipt(store, hesper)
    assert (receipt.reason, receipt.users) == ("asked by letter of 12 November", (2,))
    assert not await store.pool.fetchval("SELECT count(*) FROM customers WHERE searched LIKE '%hesper%'")


async def test_a_replay_waits_that_differs_and_a_verification_finds_who_drifts(store: Store) -> None:
    await story.tell(store, NOW)
    [waiting] = await newest(store, 9)
    assert waiting.replay.status == "waiting"
    await engine.resume(store)
    report = (await registry.find(store.pool, waiting.replay.id)).report or {}
    assert {name: table["columns"] for name, table in report.items() if table["columns"]} == {
        "figures": {"ltv": 1, "purchase_count": 1, "aov": 1},
        "customers": {"city": 1},
    }
    done = await verifications.verify(store, VerificationRequest(customers=EVERYONE), lambda *_: None)
    assert (done.checked, done.drifted, done.unverified) == (8, 2, 0)
