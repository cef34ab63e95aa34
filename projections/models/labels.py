"""Labels, as people list them."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from domain.label import LabelCreated, LabelDeleted, LabelRenamed
from projections.tables.projection import Change, Envelope, Projection, gone, of_stream
from projections.tables.table import Table


class LabelRow(msgspec.Struct, frozen=True, gc=False):
    id: int
    value: str
    created_at: datetime
    updated_at: datetime


def _created(id_: int, _row: LabelRow | None, event: LabelCreated, envelope: Envelope) -> LabelRow:
    at = envelope.at
    return LabelRow(id_, event.value, at, at)


def _renamed(_id: int, row: LabelRow | None, event: LabelRenamed, envelope: Envelope) -> LabelRow | None:
    return row and replace(row, value=event.value, updated_at=envelope.at)


LABELS: Projection[LabelRow] = Projection(
    Table("labels", LabelRow),
    {
        LabelCreated: Change(of_stream, _created, makes=True),
        LabelRenamed: Change(of_stream, _renamed),
        LabelDeleted: Change(of_stream, gone),
    },
    erased=None,
    part="label",
)
