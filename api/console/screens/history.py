"""History: everything that happened in the store, newest first."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import get

from api.console.door import needs
from api.console.listing.address import ListAddress
from api.console.listing.asking import problem_of
from api.console.pages import page
from api.console.personal import veil_of
from api.console.timeline import TITLES, EventLine, event_line
from api.handling.serving import AnyRequest, serving
from api.http.html import Html
from api.http.paths import CONSOLE
from api.http.request import parse_form
from api.presentation.story.sentences import names_of
from api.rest.history import Wanted
from projections.history.pages import LOG_WINDOW, NEWEST, Page, store_history
from service.fields.reader import Fields, UnfitFields

PATH = f"{CONSOLE}/history"
PER_PAGE = 25
FILTERS = ("type", "actor", "from", "to")


class HistoryView(NamedTuple):
    """`sent` are the filters by name. They look at so many events, `window`, at a time."""

    lines: list[EventLine]
    types: Sequence[tuple[str, str]]
    sent: Mapping[str, str]
    older: str
    newest: str
    window: int
    problem: str


@get("/history", opt=needs("history/view"))
async def history(request: AnyRequest) -> Html:
    address = ListAddress.of(PATH, request.scope["query_string"])
    sent, problem = parse_form(address.query.encode()), ""
    listed, lines = Page([], None), list[EventLine]()
    try:
        wanted = Wanted.checked(Fields({"per_page": str(PER_PAGE), **sent}))
    except UnfitFields as error:
        problem = problem_of(error)
    else:
        listed, lines = await _found(request, wanted)
    view = _view(address, listed, lines, problem)
    api = f"/history?{address.query}" if address.pairs else "/history"
    return page(request, "history.html", view, status=422 if problem else 200, api=api)


def _view(address: ListAddress, listed: Page, lines: list[EventLine], problem: str) -> HistoryView:
    sent = dict(address.pairs)
    return HistoryView(
        lines,
        TITLES,
        {name: sent.get(name, "") for name in FILTERS},
        older="" if listed.before is None else str(address.changed(cursor=str(listed.before))),
        newest=str(address.without(())) if "cursor" in sent else "",
        window=LOG_WINDOW,
        problem=problem,
    )


async def _found(request: AnyRequest, wanted: Wanted) -> tuple[Page, list[EventLine]]:
    store, before, sees_personal = serving(request).store, wanted.cursor or NEWEST, not veil_of(request).is_drawn
    async with store.pool.acquire() as on:
        listed = await store_history(on, store.log, wanted.filters, before=before, limit=wanted.limit)
        names = await names_of(on, store.log, listed.entries)
    return listed, [event_line(entry, names, sees_personal=sees_personal) for entry in listed.entries]


ROUTES: list[Any] = [history]
