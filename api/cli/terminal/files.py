"""Files that commands write."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from api.cli.terminal import exits


@contextmanager
def replacing(file: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file to write to, which takes this one's place when it is whole; never, without `force`, that of a larger one.

    Ends the command where nobody can write there. What is no file, such as /dev/stdout, is written to directly.
    """
    if file.exists() and not file.is_file():
        with _opened(file, "wb", file) as opened:
            yield opened
        return
    place = file.resolve()  # of a link, what it leads to
    new = place.with_name(f"{place.name}.new")
    new.unlink(missing_ok=True)
    try:
        with _opened(new, "xb", file) as opened:
            yield opened
        _take_its_place(new, place, force=force)
    finally:
        new.unlink(missing_ok=True)


def _opened(path: Path, mode: str, asked_for: Path) -> IO[bytes]:
    try:
        opened: IO[bytes] = path.open(mode)
    except OSError as error:
        exits.end(exits.NOT_ALL, f"{asked_for} can't be written: {error.strerror}.")
    return opened


def _take_its_place(new: Path, place: Path, *, force: bool) -> None:
    if place.exists():
        size, former = new.stat().st_size, place.stat().st_size
        if former > size and not force:
            larger = f"{place} is larger ({former:,} bytes) than what would take its place ({size:,} bytes)"
            exits.end(exits.NOT_ALL, f"{larger}. It stays as it is; --force replaces it.")
        shutil.copymode(place, new)
    new.replace(place)
