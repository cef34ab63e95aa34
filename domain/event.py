"""Facts, the envelope they are recorded in, and what every aggregate's module offers to the log."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import msgspec


# No struct here can be part of a reference cycle, so none need be followed by the garbage collector (gc=False).
class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event", gc=False):
    """A fact in the past tense: business data only. A subclass names its stored tag.

    When its fields change, raise `class_version` and add `upcast_v1_v2(data)`, which mends stored data in place.
    """

    class_version: ClassVar[int] = 1
    personal: ClassVar[bool]  # whether it is sealed, all of it; without a default, so that nothing lies open by mistake
    outlives_erasure: ClassVar[bool] = False  # it ends its stream: what was before it is forgotten
    hidden: ClassVar[frozenset[str]] = frozenset()  # fields that nobody is shown, such as secrets

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not hasattr(cls, "personal"):
            raise TypeError(f"{cls.__name__} does not say whether it is personal")


def data_of(event: Event) -> dict[str, Any]:
    """What may be shown of an event: its fields but the hidden ones, defaults included, without its tag."""
    return {name: getattr(event, name) for name in event.__struct_fields__ if name not in event.hidden}


def tag(event: Event | type[Event]) -> str:
    """The name that an event, or a kind of event, is stored under, such as `customer-renamed`."""
    return str(event.__struct_config__.tag)


class Forgotten(Event, frozen=True, kw_only=True, tag="forgotten"):
    """Stands for an event whose personal data is erased. It happened all the same, and changes nothing any more."""

    personal = False


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A request in the imperative. Ids, times and random values come from outside."""


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Data without identity, shared by a command, its event and the state."""


class Stream(NamedTuple):
    """The address of one aggregate's events, such as ("customer", 7)."""

    category: str
    id: int


class Claim(NamedTuple):
    """A value that only one stream may hold at a time, such as ("customer-email", "a@example.com")."""

    kind: str
    value: str


class Recorded(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event in its envelope: its place in the log, when it happened, who asked.

    `customer_id` is whom the event is about; `former_customer_id` whom it was about before a transfer.
    `position`, `recorded_at` and `digest` are given by the log: 0, None and nothing until the event is written.
    """

    stream: Stream
    version: int
    event: Event
    occurred_at: datetime
    actor: str
    request_id: str = ""
    correlation_id: str = ""
    customer_id: int | None = None
    former_customer_id: int | None = None
    position: int = 0
    recorded_at: datetime | None = None
    digest: bytes = b""


S = TypeVar("S")


class Decider(msgspec.Struct, Generic[S], frozen=True, kw_only=True):
    """An aggregate for the log: `decide` holds its rules, `evolve` folds its events, `claims` are what it keeps unique.

    `customer_of(id, state)` says which customer the stream is about, or None.
    """

    category: str
    initial: S
    decide: Callable[[Any, S], list[Any]]
    evolve: Callable[[S, Any], S]
    claims: Callable[[S], frozenset[Claim]]
    customer_of: Callable[[int, S], int | None]
