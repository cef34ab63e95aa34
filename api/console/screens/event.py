"""One event: what it says, what it changed, when, by whom, and by which request."""

from typing import Any, NamedTuple

from litestar import get
from litestar.params import FromPath

from api.console.door import needs
from api.console.pages import page
from api.console.personal import veil_of
from api.console.screens.customer.views.asked import PagePlace, place_of
from api.console.timeline import Chip, EventLine, event_line, every_field
from api.handling.serving import AnyRequest, id_in_path, serving
from api.http.html import Html
from api.http.refusals import NoRoute
from api.presentation.story.sentences import Names, names_of, sentence
from eventstore.store import Store
from projections.database import at_one_moment
from projections.history.pages import Entry, store_history


class EventView(NamedTuple):
    """`place` is the page of the customer that the event is about; None where it is about none."""

    line: EventLine
    version: int
    sentence: str
    fields: list[Chip]
    place: PagePlace | None
    is_veiled: bool


class FoundEvent(NamedTuple):
    """`names` are those that it mentions."""

    entry: Entry
    names: Names


@get("/events/{position:str}", opt=needs("customers/view", "history/view"))
async def show_event(request: AnyRequest, position: FromPath[str]) -> Html:
    """Events about no customer are part of the store's history alone."""
    wanted = id_in_path(position)
    found = await _find(serving(request).store, wanted)
    if found.entry.recorded.customer_id is None:
        request.user.require("history/view")
    return page(request, "event.html", _view(request, found), api=f"/history?cursor={wanted + 1}&per_page=1")


async def _find(store: Store, position: int) -> FoundEvent:
    async with at_one_moment(store.pool) as on:
        found = (await store_history(on, store.log, before=position + 1, limit=1)).entries
        if not found or found[0].recorded.position != position:
            raise NoRoute
        return FoundEvent(found[0], await names_of(on, store.log, found))


def _view(request: AnyRequest, found: FoundEvent) -> EventView:
    entry, names = found
    customer_id = entry.recorded.customer_id
    is_veiled = veil_of(request, customer_id).is_drawn
    line = event_line(entry, names, of=customer_id, sees_personal=not is_veiled)
    return EventView(
        line=line,
        version=entry.recorded.version,
        sentence="" if is_veiled else sentence(entry, names),
        fields=[] if line.lack else every_field(entry, names, sees_personal=not is_veiled),
        place=None if customer_id is None else place_of(request, customer_id),
        is_veiled=is_veiled,
    )


ROUTES: list[Any] = [show_event]
