"""What operations take, as JSON Schema: of a body, and of a query."""

from collections.abc import Iterable, Iterator, Sequence

from service.fields.compound import Each
from service.fields.input import Input, fields_of
from service.fields.kinds import Schema


def body_of(takes: Sequence[type[Input]], name_mode: str) -> Schema | None:
    """None where there is nothing that it could have."""
    schemas = [each.schema(name_mode) for each in takes]
    properties = {name: schema for each in schemas for name, schema in each["properties"].items()}
    required = [name for each in schemas for name in each.get("required", ())]
    if not properties:
        return None
    return schemas[0] | {"properties": properties} | ({"required": required} if required else {})


def parameters_of(takes: Iterable[type[Input]]) -> dict[str, Schema]:
    return {
        name: schema
        for each in takes
        for field in fields_of(each)
        for name, schema in field.kind.parameters(field.sent_as, field.absent)
    }


def parts_of(takes: Iterable[type[Input]]) -> Iterator[type[Input]]:
    """Types of objects in lists, which have names of their own."""
    for each in takes:
        for field in fields_of(each):
            if isinstance(field.kind, Each):
                yield field.kind.of
                yield from parts_of([field.kind.of])
