"""Signing what is new in the log: by one process of all that share the store, part by part."""

import os
from collections.abc import Iterable
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec

from eventstore.chain.checkpoints import Checkpoint, SignedStatement, line, newest, read_lines, sign, write
from eventstore.chain.entries import Entry, pages
from eventstore.chain.signing import SigningKey
from eventstore.chain.verify import broken

MOST = 50_000  # events under one checkpoint

TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('custodiary checkpoint'))"
LOCK = "SELECT true FROM pg_advisory_xact_lock(hashtext('custodiary checkpoint'))"
# Events after it were inserted by somebody: the sequence has not given these positions yet.
TAKEN = "SELECT last_value FROM stored_events_notification_id_seq"
FIND = "SELECT statement FROM checkpoints WHERE number = $1"


class NotSound(Exception):
    """The event that comes next is not what was written, so nothing is signed from there on."""


class SetBack(Exception):
    """The log lacks a checkpoint that is stored elsewhere: it was cut off, or an old backup was restored."""


async def sign_new(pool: asyncpg.Pool, key: SigningKey, *, unless_within: float = 0) -> Checkpoint | None:
    """Signs all new events, unless that is being done, or was within so many seconds. Returns the newest checkpoint.

    Raises NotSound and SetBack.
    """
    due = datetime.now(UTC) - timedelta(seconds=unless_within)
    while True:
        async with pool.acquire() as connection, connection.transaction():
            is_ours = await connection.fetchval(TRY_LOCK if unless_within else LOCK)
            last = await newest(connection)
            if not is_ours or (last is not None and _statement(last).signed_at > due):
                return last
            await _require_seen(connection, key.witness)
            entries = await _next(connection, last)
            if entries:
                last = sign(key, sound(entries), last, datetime.now(UTC))
                await write(connection, last)
        if last is not None and key.witness is not None:
            _keep(key.witness, last)
        if len(entries) < MOST:
            return last
        due = datetime.now(UTC)


async def _next(on: asyncpg.pool.PoolConnectionProxy, last: Checkpoint | None) -> list[Entry]:
    after = _statement(last).until if last else 0
    entries: list[Entry] = []
    async with aclosing(pages(on, after=after, until=await on.fetchval(TAKEN))) as log:
        async for page in log:
            entries += page
            if len(entries) >= MOST:
                break
    return entries[:MOST]


def sound(entries: Iterable[Entry]) -> list[Entry]:
    """Events up to the first that was altered; one without digest is signed as it is. Raises NotSound."""
    signable: list[Entry] = []
    for entry in entries:
        fault = broken(entry)
        if fault is not None and fault.kind != "unchained":
            if not signable:
                raise NotSound(fault)
            break
        signable.append(entry)
    return signable


async def _require_seen(on: asyncpg.pool.PoolConnectionProxy, witness: Path | None) -> None:
    seen = witnessed(witness)
    if seen is not None and await on.fetchval(FIND, seen.number) != seen.statement:
        raise SetBack(
            f"Checkpoint {seen.number} in {witness} is not in the database, which was cut off or set back. "
            "Remove the file if that was on purpose, and nothing but that"
        )


def witnessed(witness: Path | None) -> Checkpoint | None:
    """The checkpoint in the file, if there is one."""
    if witness is None or not witness.exists():
        return None
    return read_lines(witness.read_text("utf-8").splitlines())[-1]


def _keep(witness: Path, checkpoint: Checkpoint) -> None:
    draft = witness.with_name(f"{witness.name}.{os.getpid()}")
    draft.write_text(f"{line(checkpoint)}\n", "utf-8")
    draft.replace(witness)


def _statement(checkpoint: Checkpoint) -> SignedStatement:
    return msgspec.json.decode(checkpoint.statement, type=SignedStatement)
