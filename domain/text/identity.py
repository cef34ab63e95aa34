"""What makes two spellings one: of an email address, a login or a label. Each is stored and shown as it is written."""

from functools import lru_cache
from unicodedata import normalize

import idna

_PUNYCODE = "xn--"
_SUBSCRIBER, _FEWEST = 9, 6  # digits
_SIGMA, _FINAL_SIGMA = "\u03c3", "\u03c2"


def of_email(address: str) -> str:
    """The mailbox: NFC, lower case, and the domain by IDNA (UTS 46, not transitional) in ASCII.

    No case folding, which would hand the mail of `moß` to `moss`. A domain that IDNA refuses is compared as a word.
    """
    if address.isascii() and _PUNYCODE not in (known := address.lower()):
        return known
    local, at, domain = address.rpartition("@")
    return of_word(local) + at + _ascii_domain(domain)


def of_word(text: str) -> str:
    """A login or a label: only case and Unicode's forms of the same letters are ignored."""
    if text.isascii():
        return text.lower()
    # Σ has two small letters; which of them lower() writes depends on the character behind it.
    return normalize("NFC", normalize("NFC", text).lower().replace(_FINAL_SIGMA, _SIGMA))


def of_phone(number: str) -> str:
    """Its last digits, which a country's code or a zero in front does not change. Nothing where there are too few."""
    digits = "".join(str(int(character)) for character in number if character.isdecimal())
    return digits[-_SUBSCRIBER:] if len(digits) >= _FEWEST else ""


@lru_cache(maxsize=4_096)
def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return of_word(domain)
