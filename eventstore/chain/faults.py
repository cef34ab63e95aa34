"""What may be wrong with a log."""

from typing import Literal, TypeAlias

import msgspec

from eventstore.chain.entries import Place

Kind: TypeAlias = Literal["altered", "missing", "inserted", "unchained", "checkpoint"]

NO_MATCH = "what is stored does not give its digest"
NOT_FOLLOWED = "the next of its stream is chained to it"
FIRST = "positions begin at 1"
COUNTED = "a checkpoint has counted it"
NOT_COUNTED = "the checkpoint over its position does not know it"
WITHOUT = "it has no digest, so it was not written by this service"
REWRITTEN = "its digest is not the one that was signed"
RETIMED = "its time of recording is not the one that was signed"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """`number` is of a checkpoint, the others are of an event; a position may not be known."""

    kind: Kind
    problem: str
    stream: str | None = None
    version: int | None = None
    position: int | None = None
    number: int | None = None

    @property
    def place(self) -> tuple[str, int]:
        return self.stream or "", self.version or 0

    def __str__(self) -> str:
        if self.number is not None:
            return f"checkpoint {self.number}: {self.problem}"
        where = "" if self.position is None else f", position {self.position}"
        return f"{self.stream}, version {self.version}{where}: {self.kind}, {self.problem}"


def of_event(kind: Kind, place: Place, problem: str) -> Fault:
    return Fault(kind=kind, stream=place.stream, version=place.version, position=place.position, problem=problem)


def of_checkpoint(number: int, problem: str) -> Fault:
    return Fault(kind="checkpoint", number=number, problem=problem)
