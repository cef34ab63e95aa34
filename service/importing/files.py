"""The bytes of a file to be imported, plain or gzip, and how far they have been read."""

import csv
import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

GZIP = b"\x1f\x8b"
CHUNK = 1 << 20
UNREADABLE = (csv.Error, OSError, EOFError, ValueError)  # what csv and gzip raise


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
        raw = _seekable(path)
    except OSError as error:
        raise ImportFileError(f"{path}: {error.strerror}") from error
    with raw:
        size = raw.seek(0, io.SEEK_END)
        content = _unpacked(raw, path)
        # What is not UTF-8 becomes lone surrogates, which the field that holds them is refused for.
        with io.TextIOWrapper(content, "utf-8-sig", "surrogateescape", newline="") as text:
            yield Source(text, raw, size)


def _seekable(path: Path) -> IO[bytes]:
    """A pipe is copied, to be read as often as a file."""
    raw = path.open("rb")
    if raw.seekable():
        return raw
    with raw:
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - whoever gets it closes it
        shutil.copyfileobj(raw, copy)
        return copy


def _unpacked(raw: IO[bytes], path: Path) -> IO[bytes]:
    """From its beginning. Raises ImportFileError for a damaged archive: some of its rows would look right, and what is
    recorded stays. That the end is missing, on the other hand, does not make wrong what there is.
    """
    raw.seek(0)
    is_packed = raw.read(2) == GZIP
    raw.seek(0)
    if not is_packed:
        return raw
    try:
        with suppress(EOFError):
            archive = gzip.GzipFile(fileobj=raw)
            while archive.read(CHUNK):
                pass
    except (OSError, zlib.error) as error:
        raise ImportFileError(f"{path}: the archive is damaged: {error}") from error
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw)  # type: ignore[return-value] # it reads alike
