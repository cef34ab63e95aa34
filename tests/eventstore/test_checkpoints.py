"""What is signed, by whom and when, and what is not."""

import asyncio
from base64 import b64encode
from pathlib import Path

import pytest
from msgspec.structs import replace

from eventstore.chain import entries, signer
from eventstore.chain.checkpoints import newest
from eventstore.chain.signer import NotSound, SetBack, sign_new, witnessed
from eventstore.chain.signing import KEY_FILE, SigningKey
from eventstore.store import Store
from tests.eventstore.acts import append, count, facts
from tests.eventstore.audited import CHANGES, COPY, KEY, SET_BACK, TWO_OF_LABEL, audited, first_fault, statement_of


async def test_positions_that_were_never_taken_are_not_missed(log: Store) -> None:
    with pytest.raises(ZeroDivisionError):
        await append_and_fail(log)
    [position] = await append(log, facts(1, after=3))
    assert position > 10
    await sign_new(log.pool, KEY)
    assert await audited(log) == []


async def append_and_fail(store: Store) -> None:
    async with store.pool.acquire() as connection, connection.transaction():
        await store.log.append(connection, facts(1, 5, after=3))
        raise ZeroDivisionError


async def test_what_was_put_in_at_a_position_that_is_yet_to_come_is_not_signed(signed: Store) -> None:
    await signed.pool.execute(COPY.format(position=100, digest="NULL"))
    await append(signed, facts(1, after=3))
    last = await sign_new(signed.pool, KEY)
    assert last is not None
    assert statement_of(last).until == 10


async def test_nothing_is_signed_from_an_altered_event_on(log: Store) -> None:
    await log.pool.execute(CHANGES["actor"])
    last = await sign_new(log.pool, KEY)
    assert last is not None
    assert statement_of(last).until == 4
    with pytest.raises(NotSound, match="label 2, version 2, position 5: altered"):
        await sign_new(log.pool, KEY)


async def test_what_is_new_is_signed_and_nothing_is_where_nothing_is(signed: Store) -> None:
    first = await newest(signed.pool)
    assert await sign_new(signed.pool, KEY) == first
    await append(signed, facts(1, after=3))
    second = await sign_new(signed.pool, KEY)
    assert first is not None
    assert second is not None
    assert (statement_of(second).after, statement_of(second).events) == (statement_of(first).until, 1)


async def test_a_log_without_events_has_no_checkpoint(store: Store) -> None:
    assert await sign_new(store.pool, KEY) is None
    assert await audited(store) == []


async def test_a_long_log_is_signed_part_by_part(log: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signer, "MOST", 2)
    monkeypatch.setattr(entries, "PAGE", 3)
    last = await sign_new(log.pool, KEY)
    assert last is not None
    assert last.number == 5
    assert await audited(log) == []
    await log.pool.execute(CHANGES["one byte"])
    assert await first_fault(log) == TWO_OF_LABEL + "altered, what is stored does not give its digest"


async def test_of_several_processes_one_signs(log: Store, elsewhere: Store) -> None:
    await asyncio.gather(*(sign_new(each.pool, KEY, unless_within=60) for each in (log, elsewhere) * 4))
    assert await count(log.pool, "checkpoints") == 1
    await append(log, facts(1, after=3))
    assert await sign_new(log.pool, KEY, unless_within=60) == await newest(log.pool)
    assert await count(log.pool, "checkpoints") == 1
    assert await audited(log) == []


async def test_a_database_that_was_set_back_is_not_signed(log: Store, tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_text(b64encode(bytes(range(32))).decode())
    key = SigningKey.from_environment({KEY_FILE: str(tmp_path / "signing.key")})
    assert key is not None
    await sign_new(log.pool, key)
    await append(log, facts(1, after=3))
    last = await sign_new(log.pool, key)
    assert last is not None
    assert witnessed(key.witness) == replace(last, inventory=b"")
    await log.pool.execute(SET_BACK)
    await append(log, facts(1, after=3))
    with pytest.raises(SetBack, match="Checkpoint 2"):
        await sign_new(log.pool, key)
