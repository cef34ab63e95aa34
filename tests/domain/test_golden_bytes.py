"""What was stored once is read for ever. golden_events.json holds, by tag, each event with every field and, if it has
defaults, with none of those; `sample` spells out what it means. Add to it, and never change what is there.
"""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.persistence import MapperDeserialisationError
from msgspec import Struct, json, to_builtins
from msgspec.structs import fields

from domain.customer import UserAttached
from domain.event import Event
from domain.events import EVENTS
from eventstore.log.codec import Codec


def tag(event: type[Event]) -> str:
    return str(event.__struct_config__.tag)


class Golden(Struct, frozen=True):
    topic: str
    state: str
    sample: dict[str, Any]

    def decoded(self) -> Event:
        return CODEC.decode(self.topic, self.state.encode())


CODEC = Codec(EVENTS)
GOLDEN = json.decode((Path(__file__).parent / "golden_events.json").read_bytes(), type=dict[str, list[Golden]])
each_event = pytest.mark.parametrize("event", EVENTS, ids=tag)
each_golden = pytest.mark.parametrize(
    "golden", [golden for goldens in GOLDEN.values() for golden in goldens], ids=lambda golden: golden.topic
)


def spelt_out(value: object) -> Any:
    """JSON, with the defaults that stored bytes leave out."""
    if isinstance(value, Struct):
        return {name: spelt_out(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple):
        return [spelt_out(one) for one in value]
    return to_builtins(value)


def holds(whole: Any, part: Any) -> bool:
    """Whether all that the part says is said by the whole, which may have more fields."""
    if isinstance(part, dict):
        return all(name in whole and holds(whole[name], one) for name, one in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(holds, whole, part))
    return bool(whole == part)


def is_sparse(value: object) -> bool:
    """Nothing is said that has a default."""
    if not isinstance(value, Struct):
        return True
    required = {field.name for field in fields(value) if field.required}
    return to_builtins(value).keys() - {"event"} == required and all(is_sparse(getattr(value, n)) for n in required)


@each_event
def test_every_event_has_golden_bytes_with_every_field_and_with_no_default(event: type[Event]) -> None:
    goldens = [golden for golden in GOLDEN.get(tag(event), []) if golden.topic == f"{tag(event)}#{event.class_version}"]
    said = [json.decode(golden.state) for golden in goldens]
    everything = [spelt_out(golden.decoded()) | {"event": tag(event)} for golden in goldens]
    full = any(state == every for state, every in zip(said, everything, strict=True))
    assert full, f"golden_events.json lacks {tag(event)} with every field"
    sparse = any(is_sparse(golden.decoded()) for golden in goldens)
    assert sparse, f"golden_events.json lacks {tag(event)} without the fields that have a default"


def test_no_golden_bytes_are_without_their_event() -> None:
    assert GOLDEN.keys() == {tag(event) for event in EVENTS}


@each_golden
def test_golden_bytes_mean_what_they_always_meant(golden: Golden) -> None:
    """Fields that came later have their defaults in it: it is written without them again."""
    assert holds(spelt_out(golden.decoded()), golden.sample)


@each_golden
def test_an_event_of_the_newest_version_is_still_written_so(golden: Golden) -> None:
    event = golden.decoded()
    if golden.topic == CODEC.topics(tag(type(event)))[-1]:
        assert CODEC.encode(event) == (golden.topic, golden.state.encode())


class OfferMade(Event, frozen=True, kw_only=True, tag="offer-made"):
    """Version 1 had its amount in whole units, and no labels."""

    class_version = 2
    personal = False
    cents: int
    rate: Decimal
    made_at: datetime
    labels: tuple[int, ...]

    @staticmethod
    def upcast_v1_v2(data: dict[str, Any]) -> None:
        data |= {"cents": data.pop("amount") * 100, "labels": [1, 2]}


OFFERS = Codec([OfferMade])
OFFER = OfferMade(cents=500, rate=Decimal("1.5"), made_at=datetime(2025, 3, 1, 12, tzinfo=UTC), labels=(1, 2))


def test_an_event_of_an_older_version_is_upcast() -> None:
    version_1 = b'{"event":"offer-made","amount":5,"rate":"1.5","made_at":"2025-03-01T12:00:00Z"}'
    assert OFFERS.decode("offer-made#1", version_1) == OFFER


def test_an_event_is_written_in_its_newest_version() -> None:
    topic, state = OFFERS.encode(OFFER)
    assert topic == "offer-made#2"
    assert OFFERS.decode(topic, state) == OFFER


def test_an_event_may_be_stored_under_each_of_its_versions() -> None:
    assert OFFERS.topics("offer-made") == ["offer-made#1", "offer-made#2"]
    assert OFFERS.topics("nobody-knows") == []


@pytest.mark.parametrize("topic", ["nobody-knows#1", "offer-made", "offer-made#", "offer-made#x", ""])
def test_an_unknown_topic_is_not_read(topic: str) -> None:
    with pytest.raises(MapperDeserialisationError):
        OFFERS.decode(topic, OFFERS.encode(OFFER)[1])


@pytest.mark.parametrize(
    "state",
    [
        b"", b"{", b"[]", b"\x01sealed", b"{}", b'{"event":"offer-made"}', b'{"event":"nobody-knows"}',
        b'{"event":"offer-made","cents":"five","rate":"1.5","made_at":"2025-03-01T12:00:00Z","labels":[]}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("topic", ["offer-made#1", "offer-made#2"])
def test_broken_bytes_are_not_read(topic: str, state: bytes) -> None:
    with pytest.raises(MapperDeserialisationError):
        OFFERS.decode(topic, state)


def test_bytes_of_a_newer_schema_are_refused() -> None:
    topic, state = CODEC.encode(UserAttached(user_id=7))
    with pytest.raises(MapperDeserialisationError, match="newer version"):
        CODEC.decode(topic.replace("#1", "#9"), state)


def test_a_topic_that_contradicts_its_bytes_is_refused() -> None:
    _topic, state = CODEC.encode(UserAttached(user_id=7))
    with pytest.raises(MapperDeserialisationError, match="user-attached"):
        CODEC.decode("user-detached#1", state)
