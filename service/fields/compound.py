"""Kinds of fields that hold several values, objects, or anything at all."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from service.fields import convert
from service.fields.input import Input, fields_of
from service.fields.kinds import REQUIRED, Converted, Id, Kind, Schema, Words
from service.fields.reader import Fields

MAX_CHOSEN = 100


@dataclass(frozen=True)
class Several(Converted):
    """A list, or in a form or a query one text with commas; blank text is an empty one."""

    def stand_in(self) -> Any:
        return []

    def is_missing(self, raw: Any) -> bool:
        return raw is None

    def parameters(self, name: str, absent: Any) -> Iterator[tuple[str, Schema]]:  # noqa: ARG002 - none if absent
        """With PHP's brackets it is understood, but not declared: as names they are the same one."""
        forms = f"`{name}=a,b`, `{name}=a&{name}=b` and `{name}[]=a&{name}[]=b` say the same."
        items = self.schema | {"items": self.item_in_query}
        yield name, {"anyOf": [items, self.query_schema], "description": f"{self.about} {forms}"}

    @property
    def item_in_query(self) -> Schema:
        item: Schema = self.schema["items"]
        return item


@dataclass(frozen=True)
class Ids(Several):
    """Where unfit ones are skipped, one that can't be an id is ignored, like one that nobody has."""

    max_items: int = 1000
    skip_unfit: bool = False
    item_in_query: ClassVar[Schema] = {"type": ["integer", "string"]}

    def read(self, raw: Any) -> Any:
        return convert.ids(raw, max_items=self.max_items, skip_unfit=self.skip_unfit)

    @property
    def schema(self) -> Schema:
        return {"type": "array", "items": Id().schema, "maxItems": self.max_items}

    @property
    def query_schema(self) -> Schema:
        return {"type": "string", "maxLength": self.max_items}


@dataclass(frozen=True)
class Chosen(Several):
    """Words of which several are chosen, each once."""

    options: Words

    def read(self, raw: Any) -> Any:
        return convert.words(raw, self.options.words, max_items=MAX_CHOSEN)

    @property
    def schema(self) -> Schema:
        return {"type": "array", "items": self.options.schema}

    @property
    def query_schema(self) -> Schema:
        word = f"({'|'.join(map(re.escape, self.options.words))})"
        return {"type": "string", "pattern": f"^({word}(,{word})*)?$"}


@dataclass(frozen=True)
class Document(Converted):
    """A JSON object that is kept as it is; nothing is an empty one."""

    read = staticmethod(convert.document)
    schema: ClassVar[Schema] = {"type": "object"}

    def stand_in(self) -> Any:
        return {}

    def is_missing(self, raw: Any) -> bool:  # noqa: ARG002 - see above
        return False


@dataclass(frozen=True)
class Each(Kind):
    """Objects in a list."""

    of: type[Input]
    max_items: int = 1000

    def take(self, fields: Fields, name: str, absent: Any) -> Any:  # noqa: ARG002 - nothing is no objects
        return [self.of.read(each) for each in fields.each(name, self.max_items)]

    @property
    def schema(self) -> Schema:
        return {"type": "array", "items": self.of.reference(), "maxItems": self.max_items}


@dataclass(frozen=True)
class Nested(Kind):
    """One object. A lenient one is empty where something else was sent."""

    of: type[Input]
    lenient: bool = False
    reads_absent = True

    def take(self, fields: Fields, name: str, absent: Any) -> Any:  # noqa: ARG002 - nothing is an empty one
        if self.lenient and not isinstance(fields.get(name), dict):
            return self.of.read(Fields({}))
        return self.of.read(fields.nested(name))

    @property
    def schema(self) -> Schema:
        return self.of.schema()

    def parameters(self, name: str, absent: Any) -> Iterator[tuple[str, Schema]]:  # noqa: ARG002 - each field has its own
        for inner in fields_of(self.of):
            for known, schema in inner.kind.parameters(inner.sent_as, inner.absent):
                yield f"{name}[{known}]", schema


@dataclass(frozen=True)
class Sent(Kind):
    """Anything, as it was sent: ignored, or read by whoever takes it."""

    known_as: Schema | None = None

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        return fields.get(name) if name in fields else absent

    @property
    def schema(self) -> Schema:
        return self.known_as or {}

    def in_body(self, absent: Any) -> Schema:  # noqa: ARG002 - anything will do
        return self.schema | self.notes()

    def parameters(self, name: str, absent: Any) -> Iterator[tuple[str, Schema]]:  # noqa: ARG002 - see in_body
        yield name, self.schema | self.notes()


@dataclass(frozen=True)
class Word(Sent):
    """Text that is never refused: what makes no sense has a meaning of its own."""

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        raw = fields.get(name)
        word = raw.strip() if isinstance(raw, str) else ""
        return word or ("" if absent is REQUIRED else absent)

    def parameters(self, name: str, absent: Any) -> Iterator[tuple[str, Schema]]:
        yield name, {"type": "string"} | self.schema | self.notes() | ({"default": absent} if absent else {})
