"""The feed: events after a position, asked for, waited for, or streamed."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, Any, TypeAlias, cast

from msgspec import Meta, Raw, Struct

from api.handling.serving import AnyRequest, authenticated, id_in_path, is_still_authenticated, serving
from api.http.answer import Answer, answer
from api.http.headers import header
from api.http.reasons import Reason
from api.http.refusals import Invalid, TooMany
from api.http.request import read
from api.http.turns import RETRY_AFTER
from api.openapi.operation import get
from api.rest.feed.stream import EventStream, Followed
from domain.events import TAGS
from domain.webhook import MessageForm
from service.feed import types
from service.feed.following import Following
from service.feed.message import MAKERS, CloudEvent, source
from service.feed.pages import AheadOfTheLog, FeedPage, Wanted, position_before
from service.fields.choices import EVENT_TYPE, MESSAGE_FORM
from service.fields.compound import Chosen
from service.fields.input import Input
from service.fields.kinds import Id, Integer, Moment, OneOf
from service.fields.reader import Fields

GROUP = "Feed"
MAX_ANSWER = 4 << 20  # bytes of messages
REFUSED = (AheadOfTheLog(0),)
FROM = "Events behind this position: the `next` of the last page, or the id of the last event."
SINCE = "Events that were recorded from this time on; UTC, unless it names a zone."
TYPES = "Only events of these types; one that there is not is refused."
CUSTOMER = "Only events about this customer, also those that were until a transfer."
FORM = "`full` has the values, too, and needs the permission `feeds/full`."

Position: TypeAlias = Annotated[int, Meta(ge=0, examples=[9313])]


class EventsPage(Struct):
    """Whoever asks again with `after=next` misses nothing. A page may be empty where a filter has left out all that
    was looked at: then it is not `caught_up`.
    """

    data: list[CloudEvent]
    next: Position
    caught_up: bool


class EventsShown(Struct):
    events: EventsPage


class CaughtUp(Struct):
    """Comes in a stream once there are no more events for now."""

    next: Position


class TypeDescribed(Struct):
    """`schema` is of the whole message, full."""

    type: Annotated[str, Meta(examples=["customer-renamed"])]
    schema: dict[str, Any]


class EventTypes(Struct):
    types: list[TypeDescribed]


class Followable(Input, kw_only=True):
    """Which events, and where from."""

    after: Annotated[int | None, Integer(about=FROM)] = None
    since: Annotated[Any, Moment(about=SINCE)] = None
    types: Annotated[Sequence[str], Chosen(EVENT_TYPE, about=TYPES)] = ()
    customer_id: Annotated[int | None, Id(about=CUSTOMER)] = None
    form: Annotated[MessageForm, OneOf(MESSAGE_FORM, about=FORM)] = "thin"

    def check(self, fields: Fields) -> None:
        if self.after is not None and self.since is not None:
            fields.refuse("since", "invalid", "can't be sent together with after.")

    @property
    def wanted(self) -> Wanted:
        return Wanted(tuple(self.types), self.customer_id)


class EventsWanted(Followable, kw_only=True):
    limit: Annotated[int, Integer(minimum=1, maximum=1_000, about="At most so many events.")] = 100
    wait: Annotated[int, Integer(maximum=30, about="Seconds to wait for an event, if there is none.")] = 0


@get("/events", "Events after a position, in the order of their commits", GROUP, "feeds/view", takes=EventsWanted,
    answers=EventsShown, refuses=REFUSED,
)  # fmt: skip
async def list_events(request: AnyRequest) -> Answer:
    """Each is a CloudEvent, whose id is its position; from the beginning, unless `after` or `since` says otherwise.
    With `wait` the answer waits until there is one. docs/feed.md says what is promised.
    """
    service, wanted = serving(request), await read(request, EventsWanted)
    after = await _start(request, wanted)
    page = await _page(service.following, wanted, after)
    if wanted.wait:  # it may have been revoked meanwhile
        await authenticated(request)
    name, make = source(service.settings.store_url), MAKERS[wanted.form]
    made = _fitting(make(entry, name) for entry in page.entries)
    data = cast("list[CloudEvent]", list(map(Raw, made)))
    if len(made) < len(page.entries):
        return answer(EventsShown(EventsPage(data, page.entries[len(made) - 1].recorded.position, caught_up=False)))
    return answer(EventsShown(EventsPage(data, page.next, page.caught_up)))


def _fitting(messages: Iterable[bytes]) -> list[bytes]:
    """The first ones, as many as an answer may have."""
    size, made = 0, list[bytes]()
    for message in messages:
        size += len(message)
        if made and size > MAX_ANSWER:
            break
        made.append(message)
    return made


async def _page(following: Following, wanted: EventsWanted, after: int) -> FeedPage:
    page = await following.page_after(after, wanted.wanted, limit=wanted.limit)
    if not wanted.wait or _is_enough(page, after):
        return page
    until = asyncio.get_running_loop().time() + wanted.wait
    async with following.joined():
        while not (_is_enough(page, after) or following.has_ended):
            after = page.next
            if not await following.beyond(after, until - asyncio.get_running_loop().time()):
                break
            page = await following.page_after(after, wanted.wanted, limit=wanted.limit)
    return page


def _is_enough(page: FeedPage, after: int) -> bool:
    """There are events, or there is more of the log to be looked at, which is for the next request."""
    return bool(page.entries) or (page.next > after and not page.caught_up)


@get("/events/types", "The types of events, each with its JSON Schema", GROUP, "feeds/view", answers=EventTypes)
async def list_event_types() -> Answer:
    """More may come; none ever changes its meaning."""
    return answer(EventTypes([TypeDescribed(name, schema) for name, schema in types.schemas().items()]))


@get(
    "/events/stream", "Follow the log, as server-sent events", GROUP, "feeds/view", takes=Followable,
    answers=(CloudEvent, CaughtUp), refuses=(*REFUSED, TooMany(RETRY_AFTER, Reason.BUSY)), streams=(*TAGS, "caught-up"),
)  # fmt: skip
async def stream_events(request: AnyRequest) -> EventStream:
    """Each event has its position as `id` and its type as `event`; `caught-up` comes once there are no more for now.
    With `Last-Event-ID` it resumes behind that. It breaks off when the credential is revoked, and when nobody reads.
    """
    service, wanted = serving(request), await read(request, Followable)
    after = await _start(request, wanted)
    if last := header(request.scope, b"last-event-id"):
        after = _position(last)
    name, make = source(service.settings.store_url), MAKERS[wanted.form]
    followed = Followed(wanted.wanted, after, lambda entry: make(entry, name))
    may_go_on = partial(is_still_authenticated, request)
    return EventStream(service.following, followed, service.streams, request.user.credential, may_go_on)


async def _start(request: AnyRequest, wanted: Followable) -> int:
    """The position that a follower begins behind. Raises PermissionMissing."""
    if wanted.form == "full":
        request.user.require("feeds/full")
    return await position_before(serving(request).store, wanted.since) if wanted.since else wanted.after or 0


def _position(last_event_id: str) -> int:
    """Raises Invalid."""
    position = id_in_path(last_event_id)
    if not position and last_event_id != "0":
        raise Invalid({"Last-Event-ID": {"numeric": "The Last-Event-ID must be the id of an event, or 0."}})
    return position


HANDLERS: list[Any] = [list_events, list_event_types, stream_events]
