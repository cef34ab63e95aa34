"""Who changed what, when: of a customer and its orders, or in the whole store."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from litestar import get
from litestar.params import FromPath

from api.handling.serving import AnyRequest, customer_in_path, needs, serving
from api.http.answer import Answer, answer
from api.http.pages import read_page
from api.http.request import read_input
from api.presentation.records import history_entry
from domain.event import tag
from domain.events import EVENTS
from domain.refusals import CustomerNotFound
from projections.database import at_one_moment
from projections.history.pages import NEWEST, Filters, Page, customer_history, store_history, was_registered
from projections.queries.customers import find_customer
from projections.queries.language.clock import Clock, Span, clock
from projections.queries.language.refusals import UnknownTimeZone
from service.fields.reader import Fields

TYPES = tuple(sorted(map(tag, EVENTS)))


class Asked(NamedTuple):
    filters: Filters
    before: int
    limit: int


@get("/customers/{customer_id:str}/history", opt=needs("customers/view"), summary="A customer's history, newest first")
async def get_history(request: AnyRequest, customer_id: FromPath[str]) -> Answer:
    """Every event of the customer and its orders, also from before an order was transferred to it.

    Of an erased customer it is told what happened, when and by whom, but `data` and `changes` are null.
    """
    store, id_, asked = serving(request).store, customer_in_path(customer_id), await _asked(request)
    async with at_one_moment(store.pool) as on:
        page = await customer_history(on, store.log, id_, asked.filters, before=asked.before, limit=asked.limit)
        row = await find_customer(on, id_)
        if row is None and not await was_registered(on, id_):
            raise CustomerNotFound
    return answer({"history": history_page(page)}, version=row["version"] if row else None)


@get("/history", opt=needs("history/view"), summary="The history of the whole store, newest first")
async def get_store_history(request: AnyRequest) -> Answer:
    """Every event there is, with what it changed, who did it and when. `subject` says what each is about."""
    store, asked = serving(request).store, await _asked(request)
    async with at_one_moment(store.pool) as on:
        page = await store_history(on, store.log, asked.filters, before=asked.before, limit=asked.limit)
    return answer({"history": history_page(page)})


async def _asked(request: AnyRequest) -> Asked:
    fields = Fields(await read_input(request))
    optional, zone = fields.optional(absent=None, empty=None), _clock(fields)
    since, until = _span(fields, "from", zone), _span(fields, "to", zone)
    type_, actor = optional.choice("type", TYPES), optional.text("actor")
    before = fields.optional(absent=NEWEST, empty=NEWEST).integer("cursor", minimum=1)
    fields.check()
    return Asked(filters_of(type_, actor, since, until), before, read_page(fields.values).per_page)


def _clock(fields: Fields) -> Clock:
    now = datetime.now(UTC)
    try:
        return clock(now, fields.optional(absent="", empty="").text("user_tz"))
    except UnknownTimeZone as refused:
        fields.refuse(refused.field, "invalid", refused.problem)
        return Clock(now, UTC)


def _span(fields: Fields, name: str, zone: Clock) -> Span | None:
    text = fields.optional(absent=None, empty=None).text(name)
    span = zone.span(text) if text else None
    if text and span is None:
        fields.refuse(name, "date", "must be a date such as 2025-06-20 or 2025-06-20 14:00:00.")
    return span


def filters_of(type_: str | None, actor: str | None, since: Span | None, until: Span | None) -> Filters:
    """From the start of one span through the end of another."""
    return Filters(
        type=type_,
        actor=actor,
        since=since and since.start.replace(tzinfo=UTC),
        until=until and until.end.replace(tzinfo=UTC),
    )


def history_page(page: Page) -> dict[str, Any]:
    next_cursor = None if page.before is None else str(page.before)
    return {"data": [history_entry(entry) for entry in page.entries], "next_cursor": next_cursor}


HANDLERS: list[Any] = [get_history, get_store_history]
