"""The log for an auditor: checkpoints and events as they are stored, in a file that needs no database to be checked.

A first line, then blocks: 4 bytes of length, then MessagePack. Each checkpoint comes before the events that
it covers. Events are the bytes that their digests are made of, so sealed payloads stay sealed.
"""

import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, cast

import asyncpg
import msgspec

from eventstore.chain.checkpoints import Block, Checkpoint, Events, checkpoints, newest
from eventstore.chain.entries import MAX, pages

FIRST_LINE = b"custodiary dump 1\n"
GZIP = b"\x1f\x8b"
LARGEST = 1 << 30


class DumpEnd(msgspec.Struct, frozen=True, tag="end"):
    """The last block. Without it the file is incomplete."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Checkpoint | Events | DumpEnd).decode


class DumpError(Exception):
    """The file is no dump, or not the whole of it."""


async def blocks(
    pool: asyncpg.Pool, *, follows: Checkpoint | None = None, last: Checkpoint | None = None
) -> AsyncIterator[Block]:
    """The log as it is now; or the part that checkpoints cover behind one, or up to another."""
    begin, end = follows and follows.claimed, last and last.claimed
    # Before the log's end is read: checkpoints that are signed meanwhile cover later events.
    last = last or await newest(pool)
    signed = checkpoints(pool, last.number if last else 0, follows.number if follows else 0)
    checkpoint = await anext(signed, None)
    async for page in pages(pool, after=begin.until if begin else -MAX, until=end.until if end else None):
        while checkpoint is not None and checkpoint.after < page[-1][0]:
            yield checkpoint
            checkpoint = await anext(signed, None)
        yield Events(page)
    while checkpoint is not None:
        yield checkpoint
        checkpoint = await anext(signed, None)


async def dump(pool: asyncpg.Pool, file: IO[bytes]) -> None:
    file.write(FIRST_LINE)
    async for block in blocks(pool):
        _write(file, block)
    _write(file, DumpEnd())


def _write(file: IO[bytes], block: Block | DumpEnd) -> None:
    encoded = _encode(block)
    file.write(len(encoded).to_bytes(4))
    file.write(encoded)


def dumped(path: Path) -> Iterator[Block]:
    """The blocks of a file, plain or gzip. Raises DumpError."""
    try:
        with path.open("rb") as raw:
            is_packed = raw.read(2) == GZIP
            raw.seek(0)
            yield from _read(cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if is_packed else raw)
    except (gzip.BadGzipFile, zlib.error, EOFError, msgspec.DecodeError) as error:
        raise DumpError(f"{path} is not a whole dump: {error}") from error
    except OSError as error:
        raise DumpError(f"{path} can't be read: {error.strerror}") from error


def _read(file: IO[bytes]) -> Iterator[Block]:
    if file.read(len(FIRST_LINE)) != FIRST_LINE:
        raise EOFError("its first line is another")
    position = -MAX
    while True:
        length = int.from_bytes(file.read(4))
        block = _decode(file.read(min(length, LARGEST)))
        if isinstance(block, DumpEnd):
            if file.read(1):
                raise EOFError("something comes after its end")
            return
        if isinstance(block, Events):
            for entry in block.entries:
                if entry[0] <= position:
                    raise EOFError("its positions do not ascend")
                position = entry[0]
        yield block
