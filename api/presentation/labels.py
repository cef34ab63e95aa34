"""Labels as clients know them."""

from typing import Annotated

from msgspec import Meta, Struct

from api.presentation.values import Id, Moment, Row, moved_by


class ShownLabel(Struct):
    id: Id
    value: Annotated[str, Meta(examples=["VIP"])]
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("renaming")]


class CarriedLabel(ShownLabel):
    """A label that a customer carries."""

    label_id: Id


def label(row: Row) -> ShownLabel:
    return ShownLabel(**{name: row[name] for name in ShownLabel.__struct_fields__})


def carried_label(row: Row) -> CarriedLabel:
    return CarriedLabel(**{name: row[name] for name in CarriedLabel.__struct_fields__})
