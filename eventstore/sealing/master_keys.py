"""Master keys, which wrap the keys of streams. They come from the environment and are never in the database."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore.sealing.key_material import BYTES, HOW, decoded, draft_of, new_key, write_private

KEY, KEY_FILE = "MASTER_KEY", "MASTER_KEY_FILE"


class MasterKeyError(Exception):
    """Without the right master key, personal data can be neither read nor written."""


class MasterKeys:
    """Master keys by their ids. `first` is the one that a new store uses, or that a rotation makes the current one."""

    def __init__(self, text: str, file: Path | None = None, *, named: str = KEY) -> None:
        """`text` is keys in base64, separated by blanks or line ends. Raises MasterKeyError."""
        self.file = file
        self._named = named
        self._ciphers: dict[str, AESGCM] = {}
        self._take(text)
        self.first = next(iter(self._ciphers))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "MasterKeys":
        """The keys in MASTER_KEY, or in the file at MASTER_KEY_FILE. Raises MasterKeyError, which never shows a key."""
        if text := environment.get(KEY, "").strip():
            return cls(text)
        if name := environment.get(KEY_FILE, "").strip():
            return cls.from_file(Path(name))
        raise MasterKeyError(f"{KEY} or {KEY_FILE} is missing, and personal data is sealed with it: {HOW}")

    @classmethod
    def from_file(cls, file: Path) -> "MasterKeys":
        """Raises MasterKeyError."""
        return cls(_read(file), file, named=KEY_FILE)

    def cipher(self, id_: str) -> AESGCM:
        """The cipher of a key; the file is read again for one that is new. Raises MasterKeyError."""
        if id_ not in self._ciphers and self.file is not None:
            self._take(_read(self.file))
        try:
            return self._ciphers[id_]
        except KeyError:
            raise MasterKeyError(
                f"The master key {id_}, which this store's keys are wrapped by, is not in {self._named}"
            ) from None

    def _take(self, text: str) -> None:
        """Adds keys; former ones stay, because keys that they wrap may be in use."""
        for word in text.split():
            key = decoded(word)
            if key is None:
                raise MasterKeyError(f"{self._named} must hold {BYTES} random bytes in base64: {HOW}")
            self._ciphers[master_id(key)] = AESGCM(key)
        if not self._ciphers:
            raise MasterKeyError(f"{self._named} is empty: {HOW}")


def master_id(key: bytes) -> str:
    """A name for the key that reveals nothing of it."""
    return sha256(b"custodiary master key\n" + key).hexdigest()[:16]


def put_first(path: Path) -> None:
    """Writes a new key in front of those in the file, which others may use meanwhile. Raises MasterKeyError."""
    draft = draft_of(path)
    try:
        with _alone_in(path.parent):
            owner = path.stat()
            write_private(draft, f"{new_key()}\n{_read(path)}")
            if os.geteuid() == 0:
                os.chown(draft, owner.st_uid, owner.st_gid)
            draft.replace(path)
    except OSError as error:
        raise MasterKeyError(f"{path} can't be written: {error}") from error


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Locks the directory, so that two processes that write a key to one file do not overwrite each other's."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, ValueError) as error:
        raise MasterKeyError(f"{KEY_FILE} can't be read: {error}") from error
