"""The schemas that operations refer to, and examples made of the examples that their fields have."""

from collections.abc import Iterable
from typing import Any
from zoneinfo import available_timezones

import msgspec
import pycountry

from api.openapi import choices, queries, requests
from api.openapi.answers import CustomerRow, OrderRow
from api.openapi.kinds import Schema
from api.openapi.refused import SHAPES
from api.openapi.shapes import Customer, Order
from service.reasons import Reason

REFERENCE = "#/components/schemas/"
_PARTIAL = {CustomerRow: Customer, OrderRow: Order}
_WHOLE = {partial.__name__: whole.__name__ for partial, whole in _PARTIAL.items()}
_PLAIN: dict[str, Any] = {"integer": 0, "number": 0, "string": "", "boolean": False, "array": [], "object": {}}


def components(answers: Iterable[type[msgspec.Struct]]) -> dict[str, Schema]:
    """All schemas that answers, refusals and parameters refer to, by name."""
    types = dict.fromkeys([*answers, *SHAPES.values()])
    _references, known = msgspec.json.schema_components(types, ref_template=REFERENCE + "{name}")
    for partial in _PARTIAL:
        known[partial.__name__]["required"] = ["id"]
    about = "".join(f"\n- `{reason}` ({reason.status}): {reason.meaning}" for reason in Reason)
    known[Reason.__name__]["description"] += f"\n{about}"
    countries = sorted(country.alpha_2 for country in pycountry.countries)
    return {
        **dict(sorted(known.items())),
        **choices.COMPONENTS,
        **requests.COMPONENTS,
        **queries.COMPONENTS,
        "Country": {"type": "string", "enum": countries, "description": "ISO 3166 alpha-2"},
        "TimeZone": {"type": "string", "enum": _time_zones(), "description": "IANA time zone"},
    }


def _time_zones() -> list[str]:
    """Those of places; abbreviations, which are older and say less, are understood as well."""
    places = (name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
    return ["UTC", *sorted(places)]


def example(schema: Schema, known: dict[str, Schema]) -> Any:
    """An example of an object: its required fields, and those with an example of their own."""
    match schema:
        case {"examples": [said, *_]} | {"const": said} | {"enum": [said, *_]}:
            return said
        case {"$ref": str(reference)}:
            name = reference.removeprefix(REFERENCE)
            return example(known[_WHOLE.get(name, name)], known)
        case {"anyOf": [first, *_]}:
            return example(first, known)
        case {"properties": dict(fields)}:
            wanted = schema.get("required", [])
            return {name: example(it, known) for name, it in fields.items() if name in wanted or "examples" in it}
        case {"items": dict(items)}:
            return [example(items, known)]
        case _:
            return _PLAIN.get(str(schema.get("type")))
