"""Looking for what somebody said in bytes of any kind: in all the ways in which it may be written there."""

import hashlib
import json
import unicodedata
from base64 import b64encode
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1")
ENOUGH = 8  # characters, that are nowhere by chance
URL_SAFE = bytes.maketrans(b"+/", b"-_")


def found_in(data: bytes, secrets: Iterable[str]) -> list[str]:
    """Those of the secrets that are in the data, in any way of writing them."""
    return [secret for secret in secrets if any(form in data for form in set(_forms(secret)))]


def _forms(secret: str) -> Iterator[bytes]:
    for text in {spelling for each in _unaccented(secret) for spelling in _cases(each)}:
        for raw in [text.encode(encoding, "replace") for encoding in ENCODINGS]:
            yield raw
            yield raw.hex().encode()
            yield raw.hex().upper().encode()
            yield from _in_base64(raw)
        yield json.dumps(text)[1:-1].encode()
        yield quote(text).encode()
        yield quote_plus(text).encode()
        for digest in (hashlib.sha256, hashlib.md5, hashlib.sha1):
            yield digest(text.encode()).hexdigest().encode()


def _unaccented(text: str) -> set[str]:
    decomposed = unicodedata.normalize("NFD", text)
    return {text, decomposed, "".join(letter for letter in decomposed if not unicodedata.combining(letter))}


def _cases(text: str) -> set[str]:
    return {text, text.lower(), text.upper(), text.casefold(), text.title()}


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """Wherever it begins within three bytes; the ends, which depend on what is around it, are left out."""
    for before in range(3):
        written = b64encode(bytes(before) + raw)
        inner = written[(0, 2, 3)[before] : len(written) - (0, 3, 2)[(before + len(raw)) % 3]]
        if len(inner) >= ENOUGH:
            yield inner
            yield inner.translate(URL_SAFE)
