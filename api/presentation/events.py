"""Events as clients know them: each in its envelope, with what it changed."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from api.presentation.values import Id, Moment
from projections.history.pages import Entry, Page
from projections.tables.projection import utc
from service.values import BeforeAndAfter, shown, shown_pairs


class Subject(Struct):
    """What the event is about."""

    type: Annotated[str, Meta(examples=["customer"])]
    id: Id


class HistoryEntry(Struct):
    """An event. `changes` has the values before and after of exactly the fields that differ; an item of a list goes by
    its id, as in `transactions.2`. Both it and `data` are null for what an erased customer's events said.
    """

    position: Id
    version: Id
    type: Annotated[str, Meta(examples=["customer-renamed"])]
    subject: Subject
    occurred_at: Moment
    recorded_at: Moment
    actor: Annotated[str, Meta(examples=["admin"])]
    request_id: str
    data: Annotated[dict[str, Any] | None, Meta(examples=[{"first_name": "Jane", "last_name": "Smith"}])]
    changes: Annotated[dict[str, BeforeAndAfter] | None, Meta(examples=[{"first_name": ["John", "Jane"]}])]


class HistoryPage(Struct):
    """With filters it may hold fewer events than `per_page`, even none, while `next_cursor` tells where to go on."""

    data: list[HistoryEntry]
    next_cursor: str | None


class HistoryShown(Struct):
    history: HistoryPage


def history_page(page: Page) -> HistoryPage:
    return HistoryPage(list(map(history_entry, page.entries)), None if page.before is None else str(page.before))


def history_entry(entry: Entry) -> HistoryEntry:
    recorded = entry.recorded
    return HistoryEntry(
        position=recorded.position,
        version=recorded.version,
        type=entry.type,
        subject=Subject(recorded.stream.category, recorded.stream.id),
        occurred_at=str(utc(recorded.occurred_at)),
        recorded_at=shown(recorded.recorded_at and utc(recorded.recorded_at)),
        actor=recorded.actor,
        request_id=recorded.request_id,
        data=entry.data,
        changes=None if entry.changes is None else shown_pairs(entry.changes),
    )
