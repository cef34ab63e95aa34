"""A webhook's page: what it is set to, where it is, and what was done with it."""

from typing import Annotated, Any, NamedTuple

from litestar import get
from litestar.params import FromPath
from msgspec.structs import asdict

from api.console.door import needs
from api.console.forms import NEW, FilledForm
from api.console.pages import page
from api.console.timeline import EventLine, event_line
from api.handling.serving import AnyRequest, id_in_path, serving
from api.http.html import Html
from api.http.refusals import Invalid
from api.http.request import read
from api.presentation.story.sentences import Names
from api.presentation.webhooks import PUBLIC
from domain.event import Stream
from projections.history.pages import streams_history
from projections.models.webhooks import WebhookRow
from projections.queries.lookups import label_values
from service.fields.compound import Word
from service.fields.input import Input
from service.fields.reader import Fields, UnfitFields
from service.webhooks import endpoints
from service.webhooks.delivery.reading import EndpointLag
from service.webhooks.endpoints import AttemptPage, Replayable
from service.webhooks.fields import ReplayRange

LATEST = 10
PER_PAGE = 20


class FeedWanted(Input):
    """A range whose replay is to be counted; `before` is where a page of deliveries begins."""

    after: Annotated[str, Word()] = ""
    since: Annotated[str, Word()] = ""
    until: Annotated[str, Word()] = ""
    before: Annotated[str, Word()] = ""


class FeedView(NamedTuple):
    """`labels` by name. `acts` are the last that were done with it. `replay` is what one would send, once asked. `lag`
    is None until a process has begun with it.
    """

    webhook: WebhookRow
    lag: EndpointLag | None
    deliveries: AttemptPage
    labels: list[str]
    public_key: str
    acts: list[EventLine]
    form: FilledForm
    replay: Replayable | None


@get("/feeds/{webhook_id:str}", opt=needs("feeds/manage"))
async def show_feed(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    """With a range, it also says how many events a replay of it would send."""
    id_, sent = id_in_path(webhook_id), asdict(await read(request, FeedWanted))
    before = id_in_path(sent.pop("before"))
    wanted = {name: value for name, value in sent.items() if value}
    if not wanted:
        return await feed_page(request, id_, NEW, before=before or None)
    try:
        counted = await endpoints.replayable(serving(request).store, id_, ReplayRange.checked(Fields(wanted)))
    except UnfitFields as unfit:
        return await feed_page(request, id_, FilledForm(wanted, unfit.errors, Invalid(unfit.errors)))
    return await feed_page(request, id_, NEW, counted)


async def feed_page(
    request: AnyRequest, id_: int, form: FilledForm, replay: Replayable | None = None, *, before: int | None = None
) -> Html:
    """Raises WebhookNotFound."""
    store = serving(request).store
    webhook, lag = await endpoints.find_with_lag(store, id_)
    sent = await endpoints.attempts(store, id_, before, PER_PAGE)
    async with store.pool.acquire() as on:
        names = Names({}, await label_values(on))
        entries = (await streams_history(on, store.log, [Stream("webhook", id_)]))[:LATEST]
    view = FeedView(
        webhook,
        lag,
        sent,
        [names.labels.get(label, f"label {label}, which was deleted") for label in webhook.labels],
        PUBLIC + webhook.public_key,
        [event_line(entry, names) for entry in entries],
        form,
        replay,
    )
    return page(request, "feed.html", view, status=form.status, api=[f"/webhooks/{id_}", f"/webhooks/{id_}/deliveries"])


ROUTES: list[Any] = [show_feed]
