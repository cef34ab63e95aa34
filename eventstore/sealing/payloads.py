"""Payloads that hold personal data, sealed with AES-256-GCM under a key of their stream, which a master key wraps.

A sealed state is a format byte, a nonce and the ciphertext. Stream, version and topic are bound to it, so that it opens
nowhere else. In an event with words only these are sealed, under the key of the customer that it is about: its state
is plain JSON, with one field in front that holds the sealed words.
"""

import os
from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.event import Forgotten, Recorded, Stream
from eventstore.sealing.master_keys import MasterKeys

FORMAT = b"\x01"
NONCE = 12
BEGIN = 1 + NONCE
WORDS = b'{"sealed":"'  # what an event whose words are sealed begins with; a plain one has its tag there
FIELD = b',"words":'  # the last field of an event that has it
CACHED = 10_000  # unwrapped keys

new_nonce = os.urandom


class SealError(Exception):
    """A payload can't be opened: it was altered or moved, or its key is wrong or missing."""


class KeyMissingError(SealError):
    """A key never existed, or is lost: a destroyed one leaves its row."""

    def __str__(self) -> str:
        return "its key is missing"


class DataKey(NamedTuple):
    """A stream's key, for its events from a version on."""

    since: int
    master_id: str
    wrapped: bytes
    cipher: AESGCM


FORGOTTEN = Forgotten()


def is_sealed(state: bytes) -> bool:
    return state.startswith(FORMAT)


def has_sealed_words(state: bytes) -> bool:
    return state.startswith(WORDS)


def key_stream(recorded: Recorded) -> Stream | None:
    """The stream whose key seals the event, or its words; None for a plain one."""
    if recorded.event.personal:
        return recorded.stream
    if getattr(recorded.event, "words", None) is None:
        return None
    assert recorded.customer_id is not None, "words are about a customer"
    return Stream("customer", recorded.customer_id)


def bound(originator_id: bytes, version: int, topic: str) -> bytes:
    """The associated data of a sealed state: its stream, version and topic."""
    return originator_id + version.to_bytes(8) + topic.encode()


def seal(cipher: AESGCM, place: bytes, state: bytes) -> bytes:
    # A random nonce, not the version: a command that is decided again seals something else for the same place.
    nonce = new_nonce(NONCE)
    return FORMAT + nonce + cipher.encrypt(nonce, state, place)


def unseal(cipher: AESGCM, place: bytes, sealed: bytes) -> bytes:
    """Raises SealError."""
    try:
        return cipher.decrypt(sealed[1:BEGIN], sealed[BEGIN:], place)
    except (InvalidTag, ValueError):
        raise SealError("it was altered, or sealed for another place") from None


def seal_words(cipher: AESGCM, place: bytes, state: bytes, words: bytes) -> bytes:
    """An encoded event whose last field, the words, is sealed and moved to the front."""
    sealed = b2a_base64(seal(cipher, place, words), newline=False)
    return b'%b%b",%b}' % (WORDS, sealed, state[1 : -len(FIELD) - len(words) - 1])


def unseal_words(cipher: AESGCM, place: bytes, state: bytes) -> bytes:
    """The encoded event with its words opened. Raises SealError."""
    end = state.find(b'"', len(WORDS))
    try:
        sealed = a2b_base64(state[len(WORDS) : end], strict_mode=True)
    except ValueError:
        raise SealError("its words were altered") from None
    return b"{%b%b%b}" % (state[end + 2 : -1], FIELD, unseal(cipher, place, sealed))


class Sealing:
    """Makes and unwraps keys of streams. `master_id` names the master key that wraps new ones."""

    def __init__(self, masters: MasterKeys) -> None:
        self.masters = masters
        self.master_id = masters.first
        self.cipher = lru_cache(CACHED)(self.unwrap)

    def new_key(self, originator_id: bytes, since: int) -> DataKey:
        return self.wrap(AESGCM.generate_key(256), originator_id, since)

    def wrap(self, secret: bytes, originator_id: bytes, since: int) -> DataKey:
        wrapped = seal(self.masters.cipher(self.master_id), bound(originator_id, since, ""), secret)
        return DataKey(since, self.master_id, wrapped, AESGCM(secret))

    def unwrap(self, originator_id: bytes, since: int, master_id: str, wrapped: bytes) -> AESGCM:
        """Raises SealError and MasterKeyError."""
        return AESGCM(self.secret(originator_id, since, master_id, wrapped))

    def secret(self, originator_id: bytes, since: int, master_id: str, wrapped: bytes) -> bytes:
        """The plain key, to be wrapped again."""
        return unseal(self.masters.cipher(master_id), bound(originator_id, since, ""), wrapped)
