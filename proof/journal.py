"""What each command was meant to do and was told, written down outside the database."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

# `sent` until something is known. Of what is refused or has failed nothing may be written; of the rest, all or nothing.
Outcome: TypeAlias = Literal["sent", "acknowledged", "refused", "failed", "cancelled", "unknown"]
NOT_WRITTEN: tuple[Outcome, ...] = ("refused", "failed")
OPEN: tuple[Outcome, ...] = ("sent", "cancelled", "unknown")


class Line(msgspec.Struct, omit_defaults=True):
    """`events` is how many the command leads to, if it is written; None where that is not known."""

    id: str
    outcome: Outcome = "sent"
    events: int | None = None
    detail: str = ""
    again: int = 0  # how often it was sent again


class Journal:
    """One process's, which goes on with it when it is started again."""

    def __init__(self, path: Path) -> None:
        self.number = path.read_bytes().count(b"\n") if path.exists() else 0
        self._name = path.stem
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def intend(self, detail: str = "") -> str:
        """The id of a command that is about to be sent. It is on disk when this returns."""
        self.number += 1
        id_ = f"{self._name}:{self.number}"
        self._write(Line(id_, detail=detail))
        os.fdatasync(self._file)
        return id_

    def tell(self, line: Line) -> None:
        self.number += 1
        self._write(line)

    def _write(self, line: Line) -> None:
        os.write(self._file, msgspec.json.encode(line) + b"\n")  # in one call, so that no kill leaves half a line


def read(paths: Iterable[Path]) -> dict[str, Line]:
    """Each command with the last that is known of it."""
    lines = (line for path in paths for line in path.read_bytes().splitlines())
    return {line.id: line for line in map(msgspec.json.Decoder(Line).decode, lines)}
