"""What rows of files say otherwise than requests, and all that is wrong with a row said at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from secrets import token_bytes

from service.fields import convert
from service.fields.kinds import Text
from service.fields.reader import UnfitFields

UUID_BYTES = 16


@dataclass(frozen=True)
class CurrencyCode(Text):
    """The three capital letters of a currency."""

    read = staticmethod(convert.currency)


def random_uuids() -> Iterator[str]:
    """32 hex digits each, without end. Many are drawn at once: asking the system for each costs more than its row."""
    while True:
        drawn = token_bytes(UUID_BYTES * 1_000)
        yield from (drawn[at : at + UUID_BYTES].hex() for at in range(0, len(drawn), UUID_BYTES))


def reasons(error: UnfitFields) -> str:
    """All that is wrong, in one line."""
    return " ".join(message for rules in error.errors.values() for message in rules.values())
