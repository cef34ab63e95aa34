"""Labels, as people list them."""

from datetime import datetime

import msgspec

from domain.event import Recorded
from domain.label import LabelCreated, LabelDeleted, LabelRenamed
from projections.projection import Projection, utc
from projections.table import Table


class LabelRow(msgspec.Struct, frozen=True):
    id: int
    value: str
    created_at: datetime
    updated_at: datetime


def keys(recorded: Recorded) -> tuple[int, ...]:
    return (recorded.stream.id,) if recorded.stream.category == "label" else ()


def evolve(id_: int, row: LabelRow | None, recorded: Recorded) -> LabelRow | None:
    at = utc(recorded.occurred_at)
    match recorded.event:
        case LabelCreated(value=value):
            return LabelRow(id_, value, at, at)
        case LabelRenamed(value=value):
            return row and msgspec.structs.replace(row, value=value, updated_at=at)
        case LabelDeleted():
            return None
        case _:
            return row


LABELS: Projection[LabelRow] = Projection(Table("labels", LabelRow), keys, evolve, part="label")
