"""Whatever somebody does to the log behind the service's back is found, and the first of it named."""

import asyncio
import gzip
import random
from pathlib import Path

import msgspec
import pytest

from domain.event import Stream
from eventstore.chain.checkpoints import Checkpoint, newest
from eventstore.chain.dump import DumpError, blocks, dump, dumped
from eventstore.chain.signer import sign_new
from eventstore.chain.verify import Verifier
from eventstore.postgres.stream_ids import to_uuid
from eventstore.store import Store
from projections.replay.engine import replay
from tests.eventstore.acts import append, erase, facts, register, rename
from tests.eventstore.audited import (
    CHANGES,
    COPY,
    KEY,
    OTHER_KEY,
    SET_BACK,
    TWO_OF_LABEL,
    audited,
    first_fault,
    statement_of,
)
from tests.projections.history import History

# Of the streams in `log`.
ID = {number: to_uuid(Stream("label", number)) for number in (1, 2, 3)}
FORGE = """
    UPDATE stored_events AS e SET state = $1, digest = sha256(p.digest || record_send(ROW(
        e.originator_id, e.originator_version, e.occurred_at, e.customer_id, e.former_customer_id,
        e.topic, $1::bytea, e.actor, e.request_id, e.correlation_id)))
    FROM stored_events AS p
    WHERE e.notification_id = $2 AND p.originator_id = e.originator_id
        AND p.originator_version = e.originator_version - 1"""
SWAP = """
    UPDATE stored_events SET originator_version = -2 WHERE notification_id = 5;
    UPDATE stored_events SET originator_version = 2 WHERE notification_id = 8;
    UPDATE stored_events SET originator_version = 3 WHERE notification_id = 5"""
SWAP_POSITIONS = """
    UPDATE stored_events SET notification_id = -2 WHERE notification_id = 5;
    UPDATE stored_events SET notification_id = 5 WHERE notification_id = 8;
    UPDATE stored_events SET notification_id = 8 WHERE notification_id = -2"""
RETIME = "UPDATE stored_events SET recorded_at = recorded_at + interval '1 microsecond' WHERE notification_id = 5"
FLIP = "UPDATE stored_events SET state = set_byte(state, $1, get_byte(state, $1) # 1) WHERE notification_id = $2"
NEXT = "nextval('stored_events_notification_id_seq')"
UNSIGNED = "altered, its signature does not fit"


async def test_a_log_that_nobody_has_touched_is_sound(signed: Store) -> None:
    assert await audited(signed) == []


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_is_altered_in_an_event_is_found_without_a_checkpoint(log: Store, change: str) -> None:
    await log.pool.execute(change)
    assert await first_fault(log) == TWO_OF_LABEL + "altered, what is stored does not give its digest"


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_what_is_altered_in_an_event_is_found_under_a_checkpoint(signed: Store, change: str) -> None:
    await signed.pool.execute(change)
    assert await first_fault(signed) == TWO_OF_LABEL + "altered, what is stored does not give its digest"


async def test_a_time_of_recording_that_is_altered_is_found(signed: Store) -> None:
    await signed.pool.execute(RETIME)
    assert await first_fault(signed) == TWO_OF_LABEL + "altered, its time of recording is not the one that was signed"


async def test_an_event_that_is_altered_with_its_digest_and_all_after_it_is_named(signed: Store) -> None:
    await signed.pool.execute(FORGE, b'{"event":"label-created","value":"x"}', 5)
    kept_state = await signed.pool.fetchval("SELECT state FROM stored_events WHERE notification_id = 8")
    await signed.pool.execute(FORGE, kept_state, 8)
    assert [str(fault) for fault in await audited(signed)] == [
        TWO_OF_LABEL + "altered, its digest is not the one that was signed",
        "label 2, version 3, position 8: altered, its digest is not the one that was signed",
    ]


async def test_an_event_that_is_gone_is_named(signed: Store) -> None:
    await signed.pool.execute("DELETE FROM stored_events WHERE notification_id = 5")
    assert [str(fault) for fault in await audited(signed)] == [TWO_OF_LABEL + "missing, a checkpoint has counted it"]


async def test_an_event_that_is_gone_is_told_by_its_successor_without_a_checkpoint(log: Store) -> None:
    await log.pool.execute("DELETE FROM stored_events WHERE notification_id = 5")
    assert await first_fault(log) == "label 2, version 2: missing, the next of its stream is chained to it"


async def test_an_event_that_was_lost_between_two_checkpoints_is_named_once(signed: Store) -> None:
    await append(signed, facts(2, after=3))
    await sign_new(signed.pool, KEY)
    await signed.pool.execute("DELETE FROM stored_events WHERE notification_id = 8")
    [fault] = await audited(signed)
    assert str(fault) == "label 2, version 3, position 8: missing, a checkpoint has counted it"


async def test_a_stream_that_is_gone_is_named_event_by_event(signed: Store) -> None:
    await signed.pool.execute("DELETE FROM stored_events WHERE originator_id = $1", ID[2])
    assert [str(fault) for fault in await audited(signed)] == [
        f"label 2, version {version}, position {position}: missing, a checkpoint has counted it"
        for version, position in ((1, 2), (2, 5), (3, 8))
    ]


async def test_a_log_whose_end_is_cut_off_is_found(signed: Store) -> None:
    await signed.pool.execute("DELETE FROM stored_events WHERE notification_id > 7")
    assert await first_fault(signed) == "label 2, version 3, position 8: missing, a checkpoint has counted it"


async def test_a_log_that_is_cut_off_with_its_checkpoints_is_found_by_one_that_was_kept(signed: Store) -> None:
    await append(signed, facts(1, after=3))
    last = await sign_new(signed.pool, KEY)
    assert last is not None
    await signed.pool.execute(SET_BACK)
    assert await audited(signed) == []
    problem = "missing, though it was kept elsewhere: the log was cut off or set back"
    assert [str(fault) for fault in await audited(signed, [last])] == [f"checkpoint 2: {problem}"]


@pytest.mark.parametrize("digest", ["digest", "NULL"])
async def test_an_event_that_was_put_in_where_a_checkpoint_knows_none_is_named(signed: Store, digest: str) -> None:
    await signed.pool.execute(f"SELECT {NEXT}")
    await append(signed, facts(1, after=3))
    await sign_new(signed.pool, KEY)
    assert await audited(signed) == []
    await signed.pool.execute(COPY.format(position=10, digest=digest))
    problem = "inserted, the checkpoint over its position does not know it"
    assert await first_fault(signed) == f"label 2, version 4, position 10: {problem}"


async def test_an_event_that_was_put_in_before_the_first_is_named(signed: Store) -> None:
    await signed.pool.execute(COPY.format(position=-1, digest="digest"))
    assert await first_fault(signed) == "label 2, version 4, position -1: inserted, positions begin at 1"


@pytest.mark.parametrize(
    ("digest", "problem"),
    [
        ("digest", "altered, what is stored does not give its digest"),
        ("NULL", "unchained, it has no digest, so it was not written by this service"),
    ],
)
async def test_an_event_that_was_put_in_at_the_end_is_named(signed: Store, digest: str, problem: str) -> None:
    await signed.pool.execute(COPY.format(position=100, digest=digest))
    assert await first_fault(signed) == f"label 2, version 4, position 100: {problem}"


async def test_an_event_that_another_program_wrote_stays_named_when_it_is_signed(signed: Store) -> None:
    await signed.pool.execute(COPY.format(position=NEXT, digest="NULL"))
    await append(signed, facts(2, after=4))
    last = await sign_new(signed.pool, KEY)
    assert last is not None
    assert statement_of(last).until == 11
    assert [fault.kind for fault in await audited(signed)] == ["unchained"]
    await signed.pool.execute("UPDATE stored_events SET actor = 'eve' WHERE notification_id = 10")
    problem = "altered, its digest is not the one that was signed"
    assert await first_fault(signed) == f"label 2, version 4, position 10: {problem}"


async def test_versions_that_were_swapped_are_named(signed: Store) -> None:
    await signed.pool.execute(SWAP)
    assert [str(fault) for fault in await audited(signed)] == [
        TWO_OF_LABEL + "altered, label 2, version 3 stands in its place",
        "label 2, version 3, position 8: altered, label 2, version 2 stands in its place",
    ]


async def test_versions_that_were_swapped_are_found_without_a_checkpoint(log: Store) -> None:
    await log.pool.execute(SWAP)
    assert await first_fault(log) == "label 2, version 3, position 5: altered, what is stored does not give its digest"


async def test_positions_that_were_swapped_are_named(signed: Store) -> None:
    await signed.pool.execute(SWAP_POSITIONS)
    assert await first_fault(signed) == TWO_OF_LABEL + "altered, label 2, version 3 stands in its place"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("statement = replace(statement, '\"events\":1,', '\"events\":2,')", UNSIGNED),
        ("statement = '{}'", UNSIGNED),
        ("signature = set_byte(signature, 0, get_byte(signature, 0) # 1)", UNSIGNED),
        ("inventory = ''", "altered, its inventory is not the one that was signed"),
    ],
)
async def test_a_checkpoint_that_was_altered_is_named(signed: Store, change: str, problem: str) -> None:
    for version in (3, 4):
        await append(signed, facts(1, after=version))
        await sign_new(signed.pool, KEY)
    await signed.pool.execute(f"UPDATE checkpoints SET {change} WHERE number = 2")
    found = [str(fault) for fault in await audited(signed)]
    assert found[0] == f"checkpoint 2: {problem}"
    assert found[1:] in ([], ["checkpoint 3: not signed after the one before it"])


async def test_a_checkpoint_that_is_gone_is_named(signed: Store) -> None:
    await append(signed, facts(1, after=3))
    await sign_new(signed.pool, KEY)
    await signed.pool.execute("DELETE FROM checkpoints WHERE number = 1")
    assert [str(fault) for fault in await audited(signed)] == ["checkpoint 1: missing"]


async def test_a_log_that_somebody_else_has_signed_anew_is_found(signed: Store) -> None:
    kept = await newest(signed.pool)
    assert kept is not None
    await signed.pool.execute("TRUNCATE checkpoints")
    await sign_new(signed.pool, OTHER_KEY)
    assert await first_fault(signed) == f"checkpoint 1: signed with another key, {OTHER_KEY.public}"
    [fault] = await audited(signed, [kept], keys=())
    assert str(fault) == "checkpoint 1: not the one that was kept elsewhere"


async def test_behind_a_checkpoint_all_is_checked_and_the_checkpoint_itself(signed: Store) -> None:
    first = await newest(signed.pool)
    assert first is not None
    await append(signed, facts(1, after=3))
    await sign_new(signed.pool, KEY)

    async def since(follows: Checkpoint, kept: dict[int, str] | None = None) -> list[str]:
        verifier = Verifier([KEY.public], kept)
        found = [*verifier.follow(follows)]
        found += [fault async for block in blocks(signed.pool, follows=follows) for fault in verifier.block(block)]
        assert (verifier.events, verifier.checkpoints) == (1, 1)
        return [str(fault) for fault in [*found, *verifier.end()]]

    assert await since(first, {1: first.statement}) == []
    assert await since(first, {1: "{}"}) == ["checkpoint 1: not the one that was kept elsewhere"]
    altered = msgspec.structs.replace(first, statement=first.statement.replace('"events":', '"events": '))
    assert (await since(altered))[0] == f"checkpoint 1: {UNSIGNED}"
    await signed.pool.execute("UPDATE stored_events SET actor = 'eve' WHERE notification_id IN (2, 10)")
    assert [fault.partition(":")[0] for fault in await since(first)] == ["label 1, version 4, position 10"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_any_history_beside_signers_and_a_replay_is_sound(store: Store, elsewhere: Store, seed: int) -> None:
    lived = asyncio.gather(
        History(store, seed, "first").live(150), History(elsewhere, seed + 10, "second").live(150), replay(store)
    )

    async def sign() -> None:
        while not lived.done():
            await sign_new(elsewhere.pool, KEY)
            await asyncio.wait({lived}, timeout=0.05)

    async def audit() -> None:
        while not lived.done():
            verifier = Verifier([KEY.public])
            found = [fault async for block in blocks(elsewhere.pool) for fault in verifier.block(block)]
            assert [*found, *verifier.end()] == []

    await asyncio.gather(lived, sign(), audit())
    await erase(store, await register(store, "eve@example.com"))
    assert await audited(store) == []
    last = await sign_new(store.pool, KEY)
    assert last is not None
    assert last.number > 2
    assert statement_of(last).until == await store.log.head(store.pool)
    assert await audited(store) == []


async def test_an_erasure_leaves_what_is_signed_as_it_is(store: Store) -> None:
    customer_id = await register(store, "eve@example.com")
    await rename(store, customer_id, "Eve")
    await sign_new(store.pool, KEY)
    before = await store.pool.fetch("SELECT * FROM stored_events")
    await erase(store, customer_id)
    assert (await store.pool.fetch("SELECT * FROM stored_events ORDER BY notification_id"))[:2] == before
    assert await audited(store) == []


@pytest.mark.parametrize("seed", range(3))
async def test_one_bit_anywhere_is_found(store: Store, seed: int) -> None:
    chance = random.Random(seed)
    await History(store, seed).live(60)
    await sign_new(store.pool, KEY)
    events = await store.pool.fetch("SELECT notification_id, length(state) FROM stored_events")
    for position, length in chance.sample(events, 10):
        byte = chance.randrange(length)
        await store.pool.execute(FLIP, byte, position)
        [fault] = await audited(store)
        assert (fault.kind, fault.position) == ("altered", position)
        await store.pool.execute(FLIP, byte, position)
    assert await audited(store) == []


async def test_a_dump_that_is_not_whole_is_refused(signed: Store, tmp_path: Path) -> None:
    path = tmp_path / "dump"
    with path.open("wb") as file:
        await dump(signed.pool, file)
    whole = path.read_bytes()
    for wrong in (b"", b"something else", whole[:-1], whole[: len(whole) // 2], gzip.compress(whole)[:-9]):
        path.write_bytes(wrong)
        with pytest.raises(DumpError):
            list(dumped(path))
    path.write_bytes(gzip.compress(whole))
    assert len(list(dumped(path))) == 2
