"""JSON schemas of what clients may send: one function for each kind of field that `service.fields.reader` reads.

Input is lenient: integers may come as text and texts as integers. What is said here is what is accepted, so that a
client can rely on it, and a test that sends anything else sees it refused.
"""

from collections.abc import Iterable
from typing import Any, TypeAlias

from email_validator.rfc_constants import EMAIL_MAX_LENGTH

from api.http.request import INT64_DIGITS
from service.fields.convert import MAX_INTEGER, MAX_RATE, RATE_STEP

Schema: TypeAlias = dict[str, Any]

_INSIDE = r"[^\x00-\x1f\x7f-\x9f]"
_EDGE = r"[ \t\r\n]*"
_FILLED = rf"^{_EDGE}{_INSIDE}*[^\s\x00-\x1f\x7f-\x9f]{_INSIDE}*{_EDGE}$"  # more than blanks; those around it go
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_BLANK = r"^[ \t\r\n]*$"
_DAY = r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"  # ISO 8601 knows more, which is accepted too
_MOMENT = rf"^{_DAY}( ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?$"
_DIGITS = {0: "^[0-9]{1,15}$", 1: "^0{0,3}[1-9][0-9]{0,14}$"}
_DECIMAL = r"^([1-9][0-9]{0,8}(\.[0-9]{0,10})?|0\.[0-9]{0,9}[1-9])$"


def text(example: str | None = None, *, max_length: int = 255) -> Schema:
    return _shown({**_text(max_length), "pattern": _FILLED}, example)


def lines(example: str | None = None, *, max_length: int) -> Schema:
    """Text that may hold line breaks and tabs."""
    return _shown({**_text(max_length), "pattern": _LINES}, example)


def email(example: str) -> Schema:
    return _shown({"type": "string", "format": "email", "maxLength": EMAIL_MAX_LENGTH}, example)


def integer(example: int | None = None, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> Schema:
    sizes = {"minimum": minimum, "maximum": maximum, "pattern": _DIGITS[minimum]}
    return _shown({"type": ["integer", "string"], **sizes}, example)


def cents(example: int | None = None, *, minimum: int = 0) -> Schema:
    return said(integer(example, minimum=minimum), "Cents of the order's currency.")


def id_(example: int | None = None) -> Schema:
    return integer(example, minimum=1)


def ids(example: list[int] | None = None, *, max_items: int = 1000) -> Schema:
    return _shown({"type": "array", "items": id_(), "maxItems": max_items}, example)


def flag(example: int | None = None) -> Schema:
    number: Schema = {"type": "integer", "minimum": 0, "maximum": 1}
    return _shown({"anyOf": [number, {"type": "boolean"}, {"type": "string", "enum": ["0", "1"]}]}, example)


def choice(options: Iterable[str], example: str | None = None) -> Schema:
    return _shown({"type": "string", "enum": list(options)}, example)


def rate(example: float | None = None) -> Schema:
    above, below = float(RATE_STEP), float(MAX_RATE)
    sizes = {"minimum": above, "exclusiveMaximum": below, "pattern": _DECIMAL}
    return _shown({"type": ["number", "string"], **sizes}, example)


def moment(example: str | None = None) -> Schema:
    return _shown({"type": "string", "pattern": _MOMENT}, example)


def instant() -> Schema:
    return said(moment(), "UTC, unless it names a zone; now, if it is not given.")


def anything(example: Any = None) -> Schema:
    """Read leniently, or not at all."""
    return _shown({}, example)


def optional(schema: Schema) -> Schema:
    """Null and blank text stand for nothing. As alternatives, so that a typed client has no choice named after null."""
    if schema.keys() & {"$ref", "anyOf", "enum"}:
        rest: Schema = {name: schema[name] for name in ("examples", "description") if name in schema}
        one = {name: value for name, value in schema.items() if name not in rest}
        return {"anyOf": [*one.get("anyOf", [one]), {"type": "string", "maxLength": 0}, {"type": "null"}], **rest}
    types_ = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if "pattern" not in schema:
        return schema | {"type": [*types_, "null"]}
    return schema | {
        "type": list(dict.fromkeys([*types_, "string", "null"])),
        "pattern": f"{schema['pattern']}|{_BLANK}",
    }


def ref(name: str, example: Any = None) -> Schema:
    """A schema among the components."""
    return _shown({"$ref": f"#/components/schemas/{name}"}, example)


def or_null(schema: Schema) -> Schema:
    """An optional field that refuses blank text, which could stand for more than was meant."""
    return {"anyOf": [schema, {"type": "null"}]}


def said(schema: Schema, description: str) -> Schema:
    return schema | {"description": description}


def body(required: dict[str, Schema], **others: Schema) -> Schema:
    """An object; of the others, each may be left out."""
    fields = {"required": list(required)} if required else {}
    return {"type": "object", **fields, "properties": required | others}


def own_body(required: dict[str, Schema], **others: Schema) -> Schema:
    """The body of an operation of our own, which refuses other fields."""
    return body(required, **others) | {"additionalProperties": False}


def _text(max_length: int) -> Schema:
    digits = min(max_length, INT64_DIGITS)
    of_integers = {"minimum": 1 - 10 ** (digits - 1), "maximum": 10**digits - 1}
    return {"type": ["string", "integer"], "maxLength": max_length, **of_integers}


def _shown(schema: Schema, example: Any) -> Schema:
    return schema if example is None else schema | {"examples": [example]}
