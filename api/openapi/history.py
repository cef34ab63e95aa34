"""What is answered of events."""

from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct

from api.openapi.shapes import Id, Moment

BeforeAndAfter: TypeAlias = Annotated[list[Any], Meta(min_length=2, max_length=2, extra_json_schema={"items": {}})]


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
