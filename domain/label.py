"""A label that customers can carry. Its value is unique, whatever its case and its form in Unicode."""

from typing import TypeAlias, assert_never

import msgspec

from domain.event import Claim, Command, Decider, Event
from domain.refusals import LabelExists, LabelNotFound
from domain.text import identity


class LabelCreated(Event, frozen=True, kw_only=True, tag="label-created"):
    personal = False
    value: str


class LabelRenamed(Event, frozen=True, kw_only=True, tag="label-renamed"):
    personal = False
    value: str


class LabelDeleted(Event, frozen=True, kw_only=True, tag="label-deleted"):
    personal = False


LabelEvent: TypeAlias = LabelCreated | LabelRenamed | LabelDeleted


class CreateLabel(Command, frozen=True, kw_only=True):
    value: str


class RenameLabel(Command, frozen=True, kw_only=True):
    value: str


class DeleteLabel(Command, frozen=True, kw_only=True):
    pass


LabelCommand: TypeAlias = CreateLabel | RenameLabel | DeleteLabel


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """None stands for a label that was never created; `deleted` for one that will not come back."""

    value: str
    deleted: bool = False


def evolve(_state: Label | None, event: LabelEvent) -> Label | None:
    match event:
        case LabelCreated(value=value) | LabelRenamed(value=value):
            return Label(value=value)
        case LabelDeleted():
            return Label(value="", deleted=True)
        case _:
            assert_never(event)


def decide(command: LabelCommand, state: Label | None) -> list[LabelEvent]:
    match command:
        case CreateLabel(value=value):
            if state is not None:
                raise LabelExists
            return [LabelCreated(value=value)]
        case RenameLabel(value=value):
            return [] if _existing(state).value == value else [LabelRenamed(value=value)]
        case DeleteLabel():
            _existing(state)
            return [LabelDeleted()]
        case _:
            assert_never(command)


def _existing(state: Label | None) -> Label:
    if state is None or state.deleted:
        raise LabelNotFound
    return state


def claims(state: Label | None) -> frozenset[Claim]:
    if state is None or state.deleted:
        return frozenset()
    return frozenset({Claim("label", identity.of_word(state.value))})


LABEL: Decider[Label | None] = Decider(
    category="label", initial=None, decide=decide, evolve=evolve, claims=claims, customer_of=lambda _id, _state: None
)
