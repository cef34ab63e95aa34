"""Keys that come from outside, in the environment or a file: 32 random bytes in base64."""

import os
import secrets
from base64 import b64decode, b64encode
from pathlib import Path

BYTES = 32
HOW = "make one with `openssl rand -base64 32`, and keep it apart from the database"


def new_key() -> str:
    return b64encode(secrets.token_bytes(BYTES)).decode()


def decoded(text: str) -> bytes | None:
    """The bytes of a key in base64, or None if it is no key."""
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        return None
    return key if len(key) == BYTES else None


def ensure_file(path: Path) -> None:
    """Makes a file with a new key for its owner only, unless there is one. Several processes may call it at once."""
    if path.exists():
        return
    draft = draft_of(path)
    write_private(draft, f"{new_key()}\n")
    try:
        os.link(draft, path)
    except FileExistsError:  # another process was faster
        pass
    finally:
        draft.unlink()


def draft_of(path: Path) -> Path:
    """A file beside it, under a name that nobody else uses."""
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}")


def write_private(path: Path, text: str) -> None:
    """Writes a new file that only its owner can read; it is synced when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
