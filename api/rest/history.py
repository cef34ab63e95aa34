"""Who changed what, when: of a customer and its orders, or in the whole store."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from litestar.params import FromPath
from msgspec import field

from api.handling.as_of import Zone
from api.handling.serving import AnyRequest, customer_in_path, serving
from api.http.answer import Answer, answer
from api.http.pages import PER_PAGE, read_page
from api.http.request import read
from api.openapi.operation import get
from api.presentation.events import HistoryShown, history_page
from domain.events import TAGS
from domain.refusals import CustomerNotFound
from projections.history.pages import NEWEST, Filters, customer_history, store_history, was_registered
from projections.queries.language.clock import Clock, Span, clock
from projections.queries.language.refusals import UnknownTimeZone
from service.fields.input import Input
from service.fields.kinds import Id, Moment, OneOf, Schema, Text, Words
from service.fields.reader import Fields

GROUP = "History"
TYPES = Words("", TAGS)


@dataclass(frozen=True)
class Day(Text):
    """A day of `user_tz`, or a second: from its start, or through its end."""

    reads_absent = True

    def take(self, fields: Fields, name: str, absent: Any) -> Any:
        zone, text = _clock(fields), super().take(fields, name, "")
        span = zone.span(text) if text else absent
        if span is None and text:
            fields.refuse(name, "date", "must be a date such as 2025-06-20 or 2025-06-20 14:00:00.")
        return span

    @property
    def query_schema(self) -> Schema:
        return Moment().schema


class Wanted(Input, kw_only=True):
    """Which events."""

    user_tz: Annotated[str, Zone()] = ""
    since: Annotated[Span | None, Day(about="When it happened: from the start of this day, or second.")] = field(
        name="from", default=None
    )
    until: Annotated[Span | None, Day(about="When it happened: through the end of this day, or second.")] = field(
        name="to", default=None
    )
    type: Annotated[str | None, OneOf(TYPES, about="What kind of event; one that there is not is refused.")] = None
    actor: Annotated[str | None, Text(about="The login of who did it.")] = None
    cursor: Annotated[int | None, Id(about="The `next_cursor` of the last page.")] = None
    per_page: Annotated[Any, PER_PAGE] = None

    @property
    def limit(self) -> int:
        return read_page({"per_page": self.per_page}).per_page

    @property
    def filters(self) -> Filters:
        return Filters.between(self.type, self.actor, self.since, self.until)


@get(
    "/customers/{customer_id:str}/history", "A customer's history, newest first", GROUP, "customers/view", takes=Wanted,
    answers=HistoryShown, refuses=CustomerNotFound, versioned="unless erased",
)  # fmt: skip
async def get_history(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Every event of the customer and its orders, also from before an order was transferred to it.

    Of an erased customer it is told what happened, when and by whom, but `data` and `changes` are null.
    """
    store, id_, wanted = serving(request).store, customer_in_path(customer_id), await read(request, Wanted)
    before, limit = wanted.cursor or NEWEST, wanted.limit
    page = await customer_history(store.pool, store.log, id_, wanted.filters, before=before, limit=limit)
    if page.version is None and not await was_registered(store.pool, id_):
        raise CustomerNotFound
    return answer(HistoryShown(history_page(page)), version=page.version)


@get(
    "/history", "The history of the whole store, newest first", GROUP, "history/view", takes=Wanted,
    answers=HistoryShown,
)  # fmt: skip
async def get_store_history(request: AnyRequest) -> Answer:
    """Every event there is, with what it changed, who did it and when. `subject` says what each is about."""
    store, wanted = serving(request).store, await read(request, Wanted)
    before, limit = wanted.cursor or NEWEST, wanted.limit
    page = await store_history(store.pool, store.log, wanted.filters, before=before, limit=limit)
    return answer(HistoryShown(history_page(page)))


def _clock(fields: Fields) -> Clock:
    now = datetime.now(UTC)
    try:
        return clock(now, Text().take(fields, "user_tz", ""))
    except UnknownTimeZone as refused:
        fields.refuse(refused.field, "invalid", refused.problem)
        return Clock(now, UTC)


HANDLERS: list[Any] = [get_history, get_store_history]
