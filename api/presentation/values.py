"""Types of what answers hold, with what the document says of them."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, TypeAlias

import asyncpg
from msgspec import NODEFAULT, Meta, Raw, Struct
from msgspec.structs import fields

from service.fields.choices import ADDRESS_TYPE
from service.fields.kinds import Words
from service.values import shown

EMPTY: tuple[bytes, dict[str, Any]] = (b"{}", {})

Row: TypeAlias = asyncpg.Record | Mapping[str, Any]


def one_of(words: Words) -> Meta:
    return Meta(extra_json_schema=words.schema, examples=[words.words[0]])


def moved_by(what: str) -> Meta:
    """docs/api.md says more."""
    return Meta(description=f"UTC. Moved by {what}; by nothing else.")


def columns(type_: type[Struct], table: Collection[str]) -> tuple[str, ...]:
    """The fields that are always there, and are a table's as they are."""
    return tuple(it.name for it in fields(type_) if it.default is NODEFAULT and it.name in table)


def number(text: str) -> Any:
    """A decimal from its text, in an answer."""
    return Raw(text.encode())


def document(stored: Any) -> Any:
    """A stored object, as PHP writes it."""
    return [] if stored in EMPTY else shown(stored)


Moment: TypeAlias = Annotated[
    str, Meta(pattern=r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", description="UTC", examples=["2025-06-20 14:00:00"])
]
Id: TypeAlias = Annotated[int, Meta(ge=1, examples=[1])]
Cents: TypeAlias = Annotated[int, Meta(description="Cents of the order's currency", examples=[5000])]
StoreCents: TypeAlias = Annotated[int, Meta(description="Cents of the store's currency", examples=[5000])]
Rate: TypeAlias = Annotated[float, Meta(gt=0, description="The store's cents for one of the order's", examples=[1])]
AddressKind: TypeAlias = Annotated[str, one_of(ADDRESS_TYPE)]
Uuid: TypeAlias = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", examples=["a1b2c3d4e5f60718293a4b5c6d7e8f90"])]
Email: TypeAlias = Annotated[str, Meta(examples=["jane.smith@example.com"])]
Name: TypeAlias = Annotated[str, Meta(examples=["Jane Smith"])]
Country: TypeAlias = Annotated[str, Meta(examples=["US"])]
State: TypeAlias = Annotated[str, Meta(examples=["NY"])]
NoText: TypeAlias = Annotated[str, Meta(max_length=0, examples=[""])]
Nothing: TypeAlias = Annotated[
    list[str], Meta(max_length=0, description="An empty object, as PHP writes it", examples=[[]])
]


class Done(Struct):
    message: str
    data: NoText = ""
