"""The bytes of a file to be imported, plain or gzip, and how far they have been read."""

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

GZIP = b"\x1f\x8b"


class ImportFileError(Exception):
    """The file is not what it should be; the message says what."""


class Source(NamedTuple):
    """`text` unpacked; `position` is how many of `size` bytes have been read of the file itself."""

    text: io.TextIOWrapper
    raw: IO[bytes]
    size: int

    @property
    def position(self) -> int:
        return self.raw.tell()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Raises ImportFileError."""
    try:
        raw = path.open("rb")
    except OSError as error:
        raise ImportFileError(f"{path}: {error.strerror}") from error
    with raw:
        is_packed = raw.read(2) == GZIP
        raw.seek(0)
        content: IO[bytes] = gzip.GzipFile(fileobj=raw) if is_packed else raw  # type: ignore[assignment] # it reads alike
        # What is not UTF-8 becomes lone surrogates, which the field that holds them is refused for.
        with io.TextIOWrapper(content, "utf-8-sig", "surrogateescape", newline="") as text:
            yield Source(text, raw, path.stat().st_size)
