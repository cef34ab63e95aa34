"""What makes two spellings one: of an email address, a login or a label. Each is stored and shown as it is written."""

from functools import lru_cache
from unicodedata import normalize

import idna

_PUNYCODE = "xn--"


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
    # Dots are taken out: Python's lower() does not see the end of a word in them, where Σ is ς.
    words = normalize("NFC", text).split(".")
    return normalize("NFC", ".".join(word.lower() for word in words))


@lru_cache(maxsize=4_096)
def _ascii_domain(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return of_word(domain)
