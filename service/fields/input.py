"""What a client may send, as a type: reading, errors and JSON Schema follow from the kinds of its fields."""

from functools import cache
from typing import Any, NamedTuple, Self, TypeVar

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields as struct_fields

from service.fields.kinds import REFERENCE, REQUIRED, Kind, Schema
from service.fields.reader import Fields

S = TypeVar("S", bound=Struct)

OTHERWISE = "Accepted, and ignored: this store asks for names otherwise (NAME_MODE)."


class Field(NamedTuple):
    """`sent_as` is its name in requests, `absent` its value when it is not sent."""

    name: str
    sent_as: str
    kind: Kind
    absent: Any


class Input(Struct):
    """Optional fields have a default. `forbid_unknown_fields` refuses others: a misspelt one would be ignored."""

    @classmethod
    def checked(cls, fields: Fields, name_mode: str = "") -> Self:
        """Raises UnfitFields."""
        made = cls.read(fields, name_mode)
        if cls.__struct_config__.forbid_unknown_fields:
            fields.check_all()
        fields.check()
        return made

    @classmethod
    def read(cls, fields: Fields, name_mode: str = "") -> Self:
        """The input, with stand-ins for values that do not fit: check the fields before using it."""
        wanted, others = _by_mode(cls, name_mode)
        sent, values = fields.values, others.copy()
        for name, sent_as, kind, absent in wanted:
            if sent_as in sent or absent is REQUIRED or kind.reads_absent:
                values[name] = kind.take(fields, sent_as, absent)
        made = cls(**values)
        made.check(fields)
        return made

    def check(self, fields: Fields) -> None:
        """Refuse what does not fit together."""

    def fill(self, type_: type[S], **others: Any) -> S:
        """A struct of the fields with the same names, and these others."""
        return type_(**{name: getattr(self, name) for name in _in_both(type(self), type_)} | others)

    @classmethod
    def schema(cls, name_mode: str = "") -> Schema:
        is_closed = cls.__struct_config__.forbid_unknown_fields
        properties, required = {}, []
        for field in fields_of(cls):
            if field.kind.name_mode in {"", name_mode}:
                properties[field.sent_as] = field.kind.in_body(field.absent)
                required += [field.sent_as] if field.absent is REQUIRED else []
            elif not is_closed:
                properties[field.sent_as] = {"description": OTHERWISE}
        schema: Schema = {"type": "object", "properties": properties}
        closed = {"additionalProperties": False} if is_closed else {}
        return schema | ({"required": required} if required else {}) | closed

    @classmethod
    def reference(cls) -> Schema:
        return {"$ref": REFERENCE + cls.__name__}


class Nothing(Input, forbid_unknown_fields=True):
    """What an operation takes that has no fields, and refuses any."""


@cache
def _in_both(one: type[Struct], other: type[Struct]) -> list[str]:
    return [name for name in one.__struct_fields__ if name in other.__struct_fields__]


@cache
def _by_mode(type_: type[Input], name_mode: str) -> tuple[list[Field], dict[str, Any]]:
    """The fields that a store with this mode reads, and values for required ones that it does not read."""
    wanted = [field for field in fields_of(type_) if field.kind.name_mode in {"", name_mode}]
    others = [field for field in fields_of(type_) if field not in wanted and field.absent is REQUIRED]
    return wanted, dict.fromkeys((field.name for field in others), "")


@cache
def fields_of(type_: type[Input]) -> tuple[Field, ...]:
    found = []
    for it in struct_fields(type_):
        [kind] = (each for each in it.type.__metadata__ if isinstance(each, Kind))
        absent = it.default if it.default_factory is NODEFAULT else it.default_factory()
        found.append(Field(it.name, it.encode_name, kind, absent))
    return tuple(found)
