"""Kinds of fields. Each reads what a client sends for one, and has the JSON Schema of what it reads.

Input is lenient: integers may come as text and texts as integers. A schema says what is accepted, so that a client can
rely on it, and a test that sends anything else sees it refused.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple, TypeAlias

from email_validator.rfc_constants import EMAIL_MAX_LENGTH
from msgspec import NODEFAULT

from domain.text.folding import is_blank
from service.fields import convert
from service.fields.convert import INT64_DIGITS, MAX_INTEGER, MAX_RATE, RATE_STEP, Unfit
from service.fields.reader import Fields

Schema: TypeAlias = dict[str, Any]

REFERENCE = "#/components/schemas/"
REQUIRED = NODEFAULT  # in place of what an absent field stands for
AS_ABSENT = object()
BLANK: Schema = {"type": "string", "maxLength": 0}

_INSIDE = r"[^\x00-\x1f\x7f-\x9f]"
_EDGE = r"[ \t\r\n]*"
_FILLED = rf"^{_EDGE}{_INSIDE}*[^\s\x00-\x1f\x7f-\x9f]{_INSIDE}*{_EDGE}$"  # more than blanks; those around it go
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_BLANKS = r"^[ \t\r\n]*$"
_DAY = r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"  # others are accepted too, and a T, a fraction, a zone
_MOMENT = rf"^{_DAY}( ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?$"
_DIGITS = {0: "^[0-9]{{1,{}}}$", 1: "^0{{0,3}}[1-9][0-9]{{0,{}}}$"}  # as text; one digit fewer than the largest
_DECIMAL = r"^([1-9][0-9]{0,8}(\.[0-9]{0,10})?|0\.[0-9]{0,9}[1-9])$"


class Words(NamedTuple):
    """Words of which one is chosen. With a name, typed clients know them by it, in requests and in answers."""

    name: str
    words: tuple[str, ...]

    @property
    def schema(self) -> Schema:
        return {"$ref": REFERENCE + self.name} if self.name else {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Kind(ABC):
    """Reads a field. In a store that asks for names otherwise than by `name_mode`, the field is not read."""

    _: KW_ONLY
    about: str = ""
    example: Any = None
    name_mode: str = ""

    reads_absent: ClassVar[bool] = False  # also where it is not sent

    @abstractmethod
    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        """What was sent under the name, or `absent`. What does not fit is refused, and has a stand-in."""

    @property
    @abstractmethod
    def schema(self) -> Schema:
        """The schema of what is taken, neither null nor blank."""

    @property
    def query_schema(self) -> Schema:
        """The schema in a query, where everything is text."""
        return self.schema

    def in_body(self, absent: Any) -> Schema:
        schema = self.schema | self.notes()
        return schema if absent is REQUIRED else optional(schema) | _default(absent)

    def parameters(self, name: str, absent: Any) -> Iterator[tuple[str, Schema]]:
        """Parameters of a query, where a blank value counts as none."""
        schema = self.query_schema if absent is REQUIRED else _blankable(self.query_schema)
        yield name, schema | self.notes() | _default(absent)

    def notes(self) -> Schema:
        notes = {"description": self.about} if self.about else {}
        return notes if self.example is None else notes | {"examples": [self.example]}


@dataclass(frozen=True)
class Converted(Kind):
    """Reads a value. Null and blank text stand for `blank`, or for what an absent field stands for; `filled` refuses
    both, and `never_blank` refuses in these words, blank text alone if it is not `filled`.
    """

    _: KW_ONLY
    blank: Any = AS_ABSENT
    filled: bool = False
    never_blank: str = ""

    empty: ClassVar[Any] = None

    @abstractmethod
    def read(self, raw: Any) -> Any:
        """What was sent, neither null nor blank. Raises Unfit."""

    def stand_in(self) -> Any:
        """Takes the place of a value that could not be read, until all of them are refused."""
        return self.empty

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        raw = fields.get(name)
        if not self.is_missing(raw):
            try:
                return self.read(raw)
            except Unfit as error:
                fields.refuse(name, error.rule, error.problem)
                return self.stand_in()
        if absent is REQUIRED or (self.filled and name in fields):
            fields.refuse(name, "required", self.never_blank or "is required.")
            return self.stand_in()
        if self.never_blank and raw is not None:
            fields.refuse(name, "required", self.never_blank)
        return absent if self.blank is AS_ABSENT or name not in fields else self.blank

    def is_missing(self, raw: Any) -> bool:
        return raw is None or (isinstance(raw, str) and is_blank(raw))

    def in_body(self, absent: Any) -> Schema:
        if self.filled:
            return self.schema | self.notes()
        if self.never_blank:
            return {"anyOf": [self.schema, {"type": "null"}]} | self.notes()
        return super().in_body(absent)


@dataclass(frozen=True)
class Text(Converted):
    """Trimmed, in one line."""

    max_length: int = 255
    empty = ""
    lines: ClassVar[bool] = False
    pattern: ClassVar[str] = _FILLED

    def read(self, raw: Any) -> Any:
        return convert.text(raw, max_length=self.max_length, lines=self.lines)

    @property
    def schema(self) -> Schema:
        digits = min(self.max_length, INT64_DIGITS)
        integers = {"minimum": 1 - 10 ** (digits - 1), "maximum": 10**digits - 1}
        return {"type": ["string", "integer"], "maxLength": self.max_length, **integers, "pattern": self.pattern}

    @property
    def query_schema(self) -> Schema:
        return {"type": "string", "maxLength": self.max_length, "pattern": self.schema["pattern"]}


@dataclass(frozen=True)
class Lines(Text):
    """Text that may hold line breaks and tabs."""

    lines = True
    pattern = _LINES


@dataclass(frozen=True)
class Nullable(Text):
    """None and "" as they are."""

    def take(self, fields: Fields, name: str, absent: Any) -> Any:  # noqa: ARG002 - nothing is None
        return None if fields.get(name) is None else super().take(fields, name, "")


@dataclass(frozen=True)
class Email(Converted):
    empty = ""
    read = staticmethod(convert.email)
    schema: ClassVar[Schema] = {"type": "string", "format": "email", "maxLength": EMAIL_MAX_LENGTH}


@dataclass(frozen=True)
class Country(Converted):
    empty = ""
    read = staticmethod(convert.country)
    schema: ClassVar[Schema] = {"$ref": REFERENCE + "Country"}


@dataclass(frozen=True)
class Integer(Converted):
    minimum: int = 0
    maximum: int = MAX_INTEGER

    def stand_in(self) -> Any:
        return self.minimum

    def read(self, raw: Any) -> Any:
        return convert.integer(raw, minimum=self.minimum, maximum=self.maximum)

    @property
    def schema(self) -> Schema:
        digits = _DIGITS[self.minimum].format(len(str(self.maximum)) - 1 - self.minimum)
        return {"type": ["integer", "string"], "minimum": self.minimum, "maximum": self.maximum, "pattern": digits}


@dataclass(frozen=True)
class Id(Integer):
    minimum: int = 1


@dataclass(frozen=True)
class Cents(Integer):
    about: str = field(default="Cents of the order's currency.", kw_only=True)


@dataclass(frozen=True)
class Rate(Converted):
    empty = Decimal(1)
    read = staticmethod(convert.rate)

    @property
    def schema(self) -> Schema:
        sizes = {"minimum": float(RATE_STEP), "exclusiveMaximum": float(MAX_RATE), "pattern": _DECIMAL}
        return {"type": ["number", "string"], **sizes}


@dataclass(frozen=True)
class Flag(Converted):
    empty = False
    read = staticmethod(convert.flag)

    @property
    def schema(self) -> Schema:
        number: Schema = {"type": "integer", "minimum": 0, "maximum": 1}
        return {"anyOf": [number, {"type": "boolean"}, {"type": "string", "enum": ["0", "1"]}]}


@dataclass(frozen=True)
class OneOf(Converted):
    options: Words

    def stand_in(self) -> Any:
        return self.options.words[0]

    def read(self, raw: Any) -> Any:
        return convert.choice(raw, self.options.words)

    @property
    def schema(self) -> Schema:
        return self.options.schema


@dataclass(frozen=True)
class Moment(Converted):
    about: str = field(default="UTC, unless it names a zone; now, if it is not given.", kw_only=True)
    empty = datetime.min.replace(tzinfo=UTC)
    read = staticmethod(convert.moment)
    schema: ClassVar[Schema] = {"type": "string", "pattern": _MOMENT}


def optional(schema: Schema) -> Schema:
    """Null and blank text stand for nothing. As alternatives, so that a typed client has no choice named after null."""
    notes: Schema = {name: schema[name] for name in ("examples", "description") if name in schema}
    bare = {name: value for name, value in schema.items() if name not in notes}
    if bare.keys() & {"$ref", "anyOf", "enum"}:
        return {"anyOf": [*bare.get("anyOf", [bare]), BLANK, {"type": "null"}], **notes}
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if "pattern" not in schema:
        return schema | {"type": [*types, "null"]}
    types = list(dict.fromkeys([*types, "string", "null"]))
    return schema | {"type": types, "pattern": f"{schema['pattern']}|{_BLANKS}"}


def _blankable(schema: Schema) -> Schema:
    if "pattern" in schema:
        return schema | {"pattern": f"{schema['pattern']}|{_BLANKS}"}
    return {"anyOf": [*schema.get("anyOf", [schema]), BLANK]} if schema.keys() & {"$ref", "anyOf", "enum"} else schema


def _default(absent: Any) -> Schema:
    """What an absent field stands for, where that is a value."""
    match absent:
        case bool() | int():
            return {"default": int(absent)}
        case str() if absent:
            return {"default": absent}
        case _:
            return {}
