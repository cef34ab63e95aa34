"""Events to stored bytes and back: JSON with an explicit tag, schema version in the topic, upcast on read.

A topic is `tag#version`, such as `customer-registered#1`. Plain state starts with `{`; any other first byte is left
free for sealed payloads. Unknown fields are ignored, so an event with sealed words is read without them.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgspec
from eventsourcing.persistence import MapperDeserialisationError
from msgspec import json

from domain.event import Event, tag
from eventstore.postgres.json import encode
from eventstore.postgres.sql import topics


class Codec:
    """Knows the event classes that it is given, by their tags."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        self._classes = {tag(event): event for event in events}
        self._topics = {event: topics(event)[-1] for event in self._classes.values()}
        self._decoders = {topic: json.Decoder(event).decode for event, topic in self._topics.items()}

    def topics(self, tag: str) -> list[str]:
        """Every topic that an event of this tag may be stored under, oldest first; empty for an unknown tag."""
        event = self._classes.get(tag)
        return topics(event) if event else []

    def encode(self, event: Event) -> tuple[str, bytes]:
        """The event's topic and state."""
        return self._topics[type(event)], encode(event)

    def encode_words(self, event: Event) -> bytes:
        """The event's field `words`, as it is in its state."""
        return encode(getattr(event, "words"))  # noqa: B009 - not every event has it

    def decode(self, topic: str, state: bytes) -> Event:
        """The event, in its newest schema version. Raises MapperDeserialisationError."""
        try:
            return self.decoder(topic)(state)
        except Exception as error:
            raise MapperDeserialisationError(f"{topic}: {error}") from error

    def decoder(self, topic: str) -> Callable[[bytes], Event]:
        """Does what `decode` does for one topic, for millions of events: what it raises does not name the topic."""
        return self._decoders.get(topic) or partial(self._upcast, topic)

    def _upcast(self, topic: str, state: bytes) -> Event:
        tag, _, version = topic.partition("#")
        event = self._classes[tag]
        if int(version) > event.class_version:
            raise ValueError("written by a newer version of this service")
        data: dict[str, Any] = json.decode(state)
        for former in range(int(version), event.class_version):
            getattr(event, f"upcast_v{former}_v{former + 1}")(data)
        return msgspec.convert(data, event)
