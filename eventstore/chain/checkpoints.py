"""Signed checkpoints: which events the log holds up to a position, so that nobody can remove or insert one unnoticed.

Each covers the events since the one before, and names that one, so the newest covers the whole log. Positions may have
gaps, from transactions that were rolled back: the inventory lists those that are used.
"""

import zlib
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

import asyncpg
import msgspec

from eventstore.chain.entries import NOTE, Entry, Executor, due, note
from eventstore.chain.signing import SigningKey, is_signed
from eventstore.postgres.json import encode

AT_A_TIME = 20
LARGEST = 1_000_000  # events under one checkpoint that somebody else may have made

NEXT = """
    SELECT number, statement, signature, inventory FROM checkpoints
    WHERE number > $1 AND number <= $2 ORDER BY number LIMIT $3"""
NEWEST = "SELECT number, statement, signature, ''::bytea FROM checkpoints ORDER BY number DESC LIMIT 1"
FIND = "SELECT number, statement, signature, ''::bytea FROM checkpoints WHERE number = $1"
LATEST = """
    SELECT number, statement, signature, ''::bytea FROM checkpoints WHERE number < $1 ORDER BY number DESC LIMIT $2"""
INSERT = "INSERT INTO checkpoints (number, statement, signature, inventory) VALUES ($1, $2, $3, $4)"


class SignedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What is signed. It covers `events` events at positions from behind `after` up to `until`.

    `previous`, `digests` and `inventory` are SHA-256 in hex: of the statement before this one, of the events' digests
    one after the other, and of the inventory as it is stored.
    """

    number: int
    after: int
    until: int
    events: int
    previous: str
    digests: str
    inventory: str
    signed_at: datetime
    key: str


class Checkpoint(msgspec.Struct, frozen=True, tag="checkpoint"):
    number: int
    statement: str
    signature: bytes
    inventory: bytes

    def read(self) -> SignedStatement | None:
        """Its statement, if the signature is valid for its key."""
        return _read(self.statement, self.signature)

    @property
    def claimed(self) -> SignedStatement | None:
        """What it says, whether its signature is valid or not."""
        try:
            return msgspec.json.decode(self.statement, type=SignedStatement)
        except msgspec.DecodeError:
            return None

    @property
    def after(self) -> int:
        """The position behind which it covers events; 0 if it can't be read."""
        statement = self.read()
        return statement.after if statement else 0


class Events(msgspec.Struct, frozen=True, tag="events"):
    """A page of the log."""

    entries: list[Entry]


Block: TypeAlias = Checkpoint | Events


@lru_cache(64)  # who reads the log in order asks twice
def _read(text: str, signature: bytes) -> SignedStatement | None:
    statement = Checkpoint(0, text, signature, b"").claimed
    return statement if statement and is_signed(text.encode(), signature, statement.key) else None


class SignedPart:
    """Consecutive events, noted for a checkpoint."""

    def __init__(self) -> None:
        self.notes: list[bytes] = []
        self._digests = sha256()

    def add(self, entry: Entry) -> None:
        """Adds an event; one without digest counts with the digest that it should have."""
        digest = entry[4] or due(entry)
        self.notes.append(note(entry, digest))
        self._digests.update(digest)

    @property
    def noted(self) -> bytes:
        return b"".join(self.notes)

    @property
    def digests(self) -> str:
        return self._digests.hexdigest()


def sign(key: SigningKey, entries: Sequence[Entry], last: Checkpoint | None, at: datetime) -> Checkpoint:
    """Signs the events that follow the last checkpoint."""
    before = msgspec.json.decode(last.statement, type=SignedStatement) if last else None
    part = SignedPart()
    for entry in entries:
        part.add(entry)
    inventory = packed(part.noted)
    statement = SignedStatement(
        number=before.number + 1 if before else 1,
        after=before.until if before else 0,
        until=entries[-1][0],
        events=len(entries),
        previous=hashed(last),
        digests=part.digests,
        inventory=sha256(inventory).hexdigest(),
        signed_at=at,
        key=key.public,
    )
    text = encode(statement)
    return Checkpoint(statement.number, text.decode(), key.sign(text), inventory)


def hashed(checkpoint: Checkpoint | None) -> str:
    """The hash by which the next statement names this one."""
    return sha256(checkpoint.statement.encode() if checkpoint else b"").hexdigest()


def packed(noted: bytes) -> bytes:
    """All first bytes of the notes, then all second ones, …: numbers hardly change, so it takes a third of the size."""
    return zlib.compress(b"".join(noted[place::NOTE] for place in range(NOTE)))


def unpacked(inventory: bytes, events: int) -> bytes:
    """The notes of so many events. An inventory that was signed can be unpacked."""
    planes = zlib.decompressobj().decompress(inventory, min(max(events, 1), LARGEST) * NOTE)
    count = len(planes) // NOTE
    noted = bytearray(count * NOTE)
    for place in range(NOTE):
        noted[place::NOTE] = planes[place * count : (place + 1) * count]
    return bytes(noted)


async def checkpoints(on: asyncpg.Pool, until: int, after: int = 0) -> AsyncIterator[Checkpoint]:
    """Checkpoints in order, behind a number and up to another."""
    while page := [Checkpoint(*row) for row in await on.fetch(NEXT, after, until, AT_A_TIME)]:
        for checkpoint in page:
            yield checkpoint
        after = page[-1].number


async def newest(on: Executor) -> Checkpoint | None:
    """The newest checkpoint, without its inventory."""
    row = await on.fetchrow(NEWEST)
    return Checkpoint(*row) if row else None


async def find(on: Executor, number: int) -> Checkpoint | None:
    """Without its inventory."""
    row = await on.fetchrow(FIND, number)
    return Checkpoint(*row) if row else None


async def latest(on: Executor, before: int, limit: int) -> list[Checkpoint]:
    """Those with smaller numbers, newest first, without inventories."""
    return [Checkpoint(*row) for row in await on.fetch(LATEST, before, limit)]


async def write(on: asyncpg.pool.PoolConnectionProxy, checkpoint: Checkpoint) -> None:
    await on.execute(INSERT, *msgspec.structs.astuple(checkpoint))


def read_lines(lines: Iterable[str]) -> list[Checkpoint]:
    """Checkpoints as `line` writes them. Raises msgspec.DecodeError."""
    return [msgspec.json.decode(text, type=Checkpoint) for text in lines if text.strip()]


def line(checkpoint: Checkpoint) -> str:
    """One line of JSON, to be stored elsewhere, without the inventory, whose hash is in the statement."""
    return encode(msgspec.structs.replace(checkpoint, inventory=b"")).decode()
