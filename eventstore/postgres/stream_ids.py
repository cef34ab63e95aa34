"""Stream ids: the library's tables need a UUID, we use (category, id). Each follows from the other."""

from struct import Struct
from typing import NamedTuple
from uuid import UUID

from domain.event import Stream

# Written into every stored id: codes are never reused or renumbered.
CODES = {"customer": 1, "order": 2, "user": 3, "label": 4, "webhook": 5}
CATEGORIES = {code: category for category, code in CODES.items()}
UNKNOWN = "unknown"  # is displayed, but has no ids

VERSION_8 = 0x8 << 76 | 0b10 << 62
ID_MASK = (1 << 56) - 1
MAX_ID = 2**53 - 1  # the largest integer that every JSON reader keeps exact
BEGIN_AFTER = (
    "SELECT setval('{kind}_ids', greatest($1, last_value)) FROM {kind}_ids WHERE NOT is_called OR last_value < $1"
)
LAST_TO_PASS = MAX_ID // 2  # for ids from outside: a larger one would leave too few for new ones

_pack = Struct(">QQ").pack


class End(NamedTuple):
    """The end of a stream at a version. The digest distinguishes it from another event of that version."""

    version: int
    digest: bytes


def to_uuid(stream: Stream) -> UUID:
    """A version 8 UUID: category in front, id behind; new streams of a category sort last, so index pages stay warm."""
    return UUID(int=CODES[stream.category] << 112 | VERSION_8 | stream.id)


def to_bytes(stream: Stream) -> bytes:
    """The bytes of `to_uuid`, which are cheaper to make."""
    return _pack(CODES[stream.category] << 48 | 0x8000, 1 << 63 | stream.id)


def to_hex(stream: Stream) -> str:
    """The hex digits of `to_uuid`, which PostgreSQL reads."""
    return to_bytes(stream).hex()


def lock_key(stream: Stream) -> int:
    """The key of a stream's advisory lock, beyond the 32 bits of locks with names."""
    return CODES[stream.category] << 53 | stream.id


def from_uuid(uuid: UUID) -> Stream:
    """The stream of an id; one of an unknown category for ids of other programs or of a newer version."""
    number = uuid.int
    return Stream(CATEGORIES.get(number >> 112, UNKNOWN), number & ID_MASK)


def id_of(uuid: bytes) -> int:
    """The number of a stream from the bytes that PostgreSQL sends, at a fourth of the cost of `from_uuid`."""
    return int.from_bytes(uuid[9:])
