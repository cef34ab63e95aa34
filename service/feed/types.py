"""What each type of event says to others, as JSON Schema: of the whole message, full."""

import re
from functools import cache
from typing import Any, TypeAlias

import msgspec

from domain.event import Event, tag
from domain.events import EVENTS
from eventstore.postgres.json import encode
from service.feed.message import CloudEvent

Schema: TypeAlias = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DEFINITIONS = "#/$defs/"
_REFERENCE = re.compile(rf'"{re.escape(DEFINITIONS)}(\w+)"'.encode())


@cache
def schemas() -> dict[str, Schema]:
    """Schemas by type, in the alphabet's order."""
    _references, known = msgspec.json.schema_components([CloudEvent, *EVENTS], ref_template=DEFINITIONS + "{name}")
    known = {name: _with_numbers(schema) for name, schema in known.items()}
    return {tag(event): _schema(event, known) for event in sorted(EVENTS, key=tag)}


def _schema(event: type[Event], known: dict[str, Schema]) -> Schema:
    envelope, data = known["CloudEvent"], known["EventData"]
    own = {"anyOf": [_data_of(event, known[event.__name__]), {"type": "null"}]}
    properties = envelope["properties"] | {
        "type": {"const": tag(event)},
        "data": data | {"properties": data["properties"] | {"event": own}},
    }
    return {
        "$schema": DRAFT,
        "title": tag(event),
        "description": known[event.__name__].get("description", ""),
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "$defs": _needed(own, known),
    }


def _data_of(event: type[Event], schema: Schema) -> Schema:
    """What `data_of` gives: all fields, also those that are as by default, but no hidden ones, and no tag."""
    fields = [name for name in event.__struct_fields__ if name not in event.hidden]
    properties = {name: {k: v for k, v in schema["properties"][name].items() if k != "default"} for name in fields}
    return {"type": "object", "properties": properties, "required": fields}


def _needed(schema: Schema, known: dict[str, Schema]) -> dict[str, Schema]:
    """The definitions that it refers to, and those that these refer to."""
    needed: dict[str, Schema] = {}
    to_do = [schema]
    while to_do:
        for name in _REFERENCE.findall(encode(to_do.pop())):
            if name.decode() not in needed:
                needed[name.decode()] = known[name.decode()]
                to_do.append(known[name.decode()])
    return dict(sorted(needed.items()))


def _with_numbers(schema: Any) -> Any:
    """Decimals are numbers in what is sent."""
    if isinstance(schema, list):
        return [_with_numbers(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "decimal":
        return {"type": "number"}
    return {name: _with_numbers(each) for name, each in schema.items()}
