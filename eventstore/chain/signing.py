"""The key that checkpoints are signed with (Ed25519). It comes from the environment and is never in the database."""

import os
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eventstore.sealing.key_material import BYTES, HOW, decoded

KEY, KEY_FILE = "SIGNING_KEY", "SIGNING_KEY_FILE"


class SigningKeyError(Exception):
    """The signing key is missing, or is no key."""


class SigningKey:
    """`public` is what auditors check signatures with, in base64.

    Beside a key in a file, `witness` is a file that holds the newest checkpoint which this machine has seen.
    """

    def __init__(self, text: str, file: Path | None = None) -> None:
        """`text` is 32 random bytes in base64. Raises SigningKeyError, which never shows the key."""
        secret = decoded(text.strip())
        if secret is None:
            raise SigningKeyError(f"{KEY_FILE if file else KEY} must hold {BYTES} random bytes in base64: {HOW}")
        self.witness = file.with_suffix(".checkpoint") if file and os.access(file.parent, os.W_OK) else None
        self._private = Ed25519PrivateKey.from_private_bytes(secret)
        self.public = b64encode(self._private.public_key().public_bytes_raw()).decode()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "SigningKey | None":
        """The key in SIGNING_KEY, or in the file at SIGNING_KEY_FILE, if one of them is set. Raises SigningKeyError."""
        if text := environment.get(KEY, "").strip():
            return cls(text)
        if name := environment.get(KEY_FILE, "").strip():
            try:
                return cls(Path(name).read_text("ascii"), Path(name))
            except (OSError, ValueError) as error:
                raise SigningKeyError(f"{KEY_FILE} can't be read: {error}") from error
        return None

    def sign(self, statement: bytes) -> bytes:
        return self._private.sign(statement)


def is_signed(statement: bytes, signature: bytes, public: str) -> bool:
    key = decoded(public)
    if key is None:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True
