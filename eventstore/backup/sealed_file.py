"""A part of a backup: blocks in a file, sealed under a key of the file's own, which the master key wraps.

After a first line come a header and blocks, each with 4 bytes of length before it. A block is MessagePack, packed and
sealed for its place in this file, so that none can be altered, moved or left out; the last one is the end.
"""

import zlib
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import IO, Literal, TypeAlias

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore.sealing.master_keys import MasterKeys
from eventstore.sealing.payloads import SealError, Sealing, seal, unseal

FIRST_LINE = b"custodiary backup 1\n"
PLACE_OF_KEY = b"custodiary backup key"  # what the wrapped key is bound to
FAST = 1  # of zlib's levels: most of what it gets is sealed already
LARGEST = 1 << 26  # bytes of a block


class BackupError(Exception):
    """A backup that is not whole, or that can't be restored here; the message says why."""


PartName: TypeAlias = Literal["events", "keys"]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """`store` is the digest of the first event, by which two stores are told apart; `made_at` is by PostgreSQL's clock.

    `key` is the file's key, wrapped by the master key of this id.
    """

    part: PartName
    store: str
    made_at: datetime
    version: str
    master_id: str
    key: bytes


class BackupTable(msgspec.Struct, frozen=True, tag="table"):
    """Rows of this table follow."""

    name: str
    columns: list[str]


class BackupRows(msgspec.Struct, frozen=True, tag="rows"):
    """A piece of what COPY gives in its binary format."""

    data: bytes


class Sum(msgspec.Struct, frozen=True):
    """The number of rows of a table, and the SHA-256 of what COPY gives of it."""

    rows: int
    sha256: str


class BackupEnd(msgspec.Struct, frozen=True, tag="end"):
    """`sequences` are the values that were given last; `rebuilt` is how many rows tables had that are rebuilt."""

    tables: dict[str, Sum]
    sequences: dict[str, int]
    rebuilt: dict[str, int]
    position: int


Block: TypeAlias = BackupTable | BackupRows | BackupEnd

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(Block).decode
_decode_header = msgspec.msgpack.Decoder(Header).decode


class BackupWriter:
    """Writes one file. It is whole when its end has been written."""

    def __init__(self, file: IO[bytes], sealing: Sealing, *, part: PartName, store: str, at: datetime) -> None:
        key = AESGCM.generate_key(256)
        wrapped = seal(sealing.masters.cipher(sealing.master_id), PLACE_OF_KEY, key)
        by, master_id = version("custodiary"), sealing.master_id
        header = _encode(Header(part=part, store=store, made_at=at, version=by, master_id=master_id, key=wrapped))
        self._file = file
        self._places = _places(header)
        self._cipher = AESGCM(key)
        file.write(FIRST_LINE)
        self._write(header)

    def write(self, block: Block) -> None:
        self._write(seal(self._cipher, next(self._places), zlib.compress(_encode(block), FAST)))

    def _write(self, data: bytes) -> None:
        self._file.write(len(data).to_bytes(4))
        self._file.write(data)


class BackupPart:
    """One file, opened and found whole."""

    def __init__(self, path: Path, masters: MasterKeys) -> None:
        """Raises BackupError, and MasterKeyError when its master key is not there."""
        self.path = path
        self.header = self._read_header()
        wrapping = masters.cipher(self.header.master_id)
        try:
            self._cipher = AESGCM(unseal(wrapping, PLACE_OF_KEY, self.header.key))
        except SealError:
            raise BackupError(f"{path} was altered: its key does not open.") from None
        [end] = deque(self.blocks(), maxlen=1)
        assert isinstance(end, BackupEnd)
        self.end = end

    def blocks(self) -> Iterator[Block]:
        """All blocks, the end last. Raises BackupError."""
        with self._opened() as file:
            places = _places(self._next(file))
            while True:
                block = self._block(next(places), self._next(file))
                if isinstance(block, BackupEnd) and file.read(1):
                    raise BackupError(f"{self.path} was altered: something comes after its end.")
                yield block
                if isinstance(block, BackupEnd):
                    return

    def _block(self, place: bytes, sealed: bytes) -> Block:
        try:
            block: Block = _decode(zlib.decompress(unseal(self._cipher, place, sealed)))
        except (SealError, zlib.error, ValueError, msgspec.DecodeError):
            raise BackupError(f"{self.path} was altered: a block of it does not open.") from None
        return block

    def _read_header(self) -> Header:
        with self._opened() as file:
            try:
                return _decode_header(self._next(file))
            except (ValueError, msgspec.DecodeError):
                raise BackupError(f"{self.path} was altered: its header can't be read.") from None

    def _opened(self) -> IO[bytes]:
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise BackupError(f"{self.path} can't be read: {error.strerror}.") from error
        if file.read(len(FIRST_LINE)) != FIRST_LINE:
            file.close()
            raise BackupError(f"{self.path} is no backup of this version.")
        return file

    def _next(self, file: IO[bytes]) -> bytes:
        length = int.from_bytes(file.read(4))
        data = file.read(min(length, LARGEST))
        if not length or len(data) < length:
            raise BackupError(f"{self.path} is cut off: its end is missing.")
        return data


def _places(header: bytes) -> Iterator[bytes]:
    """What each block is bound to: this file, and its number in it."""
    file, number = sha256(header).digest(), 0
    while True:
        yield file + number.to_bytes(8)
        number += 1
