"""Events as server-sent events, for as long as somebody reads them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple
from uuid import UUID

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from api.http.refusals import HttpRefusal
from api.http.turns import Streams
from eventstore.postgres.away import log_away
from projections.history.pages import Entry
from service.feed.following import Following
from service.feed.pages import AheadOfTheLog, FeedPage, Wanted

PAGE = 200
LOOK_SECONDS = 1.0  # until it is asked again whether somebody may still read, and does
QUIET_SECONDS = 15.0
HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no")]
RETRY = b"retry: 2000\n\n"  # milliseconds


class Followed(NamedTuple):
    """What a stream sends: which events, behind which position, each as these bytes."""

    wanted: Wanted
    after: int
    make: Callable[[Entry], bytes]


class EventStream(ASGIResponse):
    """Ends when nobody reads, or may read, any more: whoever reads again resumes behind the last event that came.

    A page is sent when the one before it has left: of a reader that is slow, no more is kept here.
    """

    def __init__(
        self,
        following: Following,
        followed: Followed,
        streams: Streams,
        credential: UUID,
        may_go_on: Callable[[], Awaitable[bool]],
    ) -> None:
        self.status_code = 200
        self._following = following
        self._followed = followed
        self._streams = streams
        self._credential = credential
        self._may_go_on = may_go_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        """Raises TooMany, AheadOfTheLog."""
        with self._streams.opened(self._credential):
            first = await self._page(self._followed.after)
            leaving = asyncio.create_task(_left(receive))
            try:
                await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
                async with aclosing(self._chunks(first, leaving)) as chunks:
                    async for chunk in chunks:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                leaving.cancel()

    async def _chunks(self, page: FeedPage, leaving: asyncio.Task[None]) -> AsyncGenerator[bytes, None]:
        yield RETRY
        loop = asyncio.get_running_loop()
        has_caught_up, last_at = False, loop.time()
        async with self._following.joined() as following:
            while True:
                chunk = b"".join(map(self._event, page.entries))
                if page.caught_up and not has_caught_up:
                    has_caught_up = True
                    chunk += b'id: %d\nevent: caught-up\ndata: {"next":%d}\n\n' % (page.next, page.next)
                if not chunk and loop.time() - last_at > QUIET_SECONDS:
                    # With an id, so that what a filter has left out is not looked at again.
                    chunk = b":\nid: %d\n\n" % page.next
                if chunk:
                    yield chunk
                    last_at = loop.time()
                has_more = await following.beyond(page.next, LOOK_SECONDS)
                try:
                    if leaving.done() or following.has_ended or not await self._may_go_on():
                        return
                    page = await self._page(page.next) if has_more else page._replace(entries=[])
                except (HttpRefusal, AheadOfTheLog):
                    return
                except Exception as error:  # of many kinds: only `log_away` knows which mean that the database is away
                    if log_away(error) is None:
                        raise
                    return

    async def _page(self, after: int) -> FeedPage:
        return await self._following.page_after(after, self._followed.wanted, limit=PAGE)

    def _event(self, entry: Entry) -> bytes:
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (
            entry.recorded.position, entry.type.encode(), self._followed.make(entry)
        )  # fmt: skip


async def _left(receive: Receive) -> None:
    """Returns when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
