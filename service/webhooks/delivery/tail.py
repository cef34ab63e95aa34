"""The end of the log, as messages: each is read and made once for all endpoints that this process delivers for."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

from domain.customer import CustomerErased
from domain.event import Recorded, tag
from domain.events import ERASING
from domain.webhook import WebhookReplayed, WebhookTested
from eventstore.log.subscription import Subscription
from eventstore.postgres.sql import stored_as
from eventstore.postgres.stream_ids import CODES, from_uuid, to_uuid
from eventstore.store import Store
from projections.history.pages import Entry
from service.feed import message
from service.feed.pages import Wanted, page_after
from service.webhooks.delivery.progress import CUSTOMERS, WebhookMessage, lane_of, stream_of

RECENT = 1_000  # messages in memory, or twice as many
PAGE = 100
AHEAD = 25  # of a lane that catches up
# What goes ahead of other messages, or opens a range.
ERASED, TESTED, REPLAYED = tag(CustomerErased), tag(WebhookTested), tag(WebhookReplayed)
NOTABLE = frozenset({ERASED, TESTED, REPLAYED})
ERASING_TYPES = frozenset(map(tag, ERASING))

FIND_NOTABLE = f"""
    SELECT notification_id, originator_id, customer_id, split_part(topic, '#', 1) AS type FROM stored_events
    WHERE notification_id > $1 AND notification_id <= $2
        AND topic IN {stored_as(CustomerErased, WebhookTested, WebhookReplayed)}
    ORDER BY notification_id"""
OF_STREAM = """
    SELECT notification_id FROM stored_events
    WHERE originator_id = $1 AND notification_id > $2 AND notification_id <= $3 AND customer_id IS NULL
    ORDER BY notification_id LIMIT $4"""
# Of streams of a kind that only a newer version knows. No index finds them, and hardly anybody ever looks.
OF_OTHERS = """
    SELECT notification_id FROM stored_events
    WHERE left(originator_id::text, 4) <> ALL($1) AND notification_id > $2 AND notification_id <= $3
        AND customer_id IS NULL
    ORDER BY notification_id LIMIT $4"""


class Tail:
    """Follows the log from its end on. `wake` is called when there is something new; it gets the message."""

    def __init__(self, store: Store, store_url: str, end: int, wake: Callable[[WebhookMessage], None]) -> None:
        self.end = end
        self._store = store
        self._source = message.source(store_url)
        self._start = end
        self._recent: list[WebhookMessage] = []
        self._erased: set[str] = set()  # lanes of whom was erased since: few, and messages may wait for long
        self._wake = wake

    async def follow(self) -> None:
        async def page(after: int, limit: int) -> list[Entry]:
            return (await page_after(self._store, after, limit=limit)).entries

        async with Subscription(self._store.pool, page, lambda entry: entry.recorded.position, after=self.end) as log:
            async for entry in log:
                self._append(self._message(entry))

    def _append(self, new: WebhookMessage) -> None:
        if new.type in ERASING_TYPES:
            self._erased.add(new.lane)
        self._recent.append(new)
        self.end = new.position
        if len(self._recent) == 2 * RECENT:
            self._start = self._recent[RECENT - 1].position
            del self._recent[:RECENT]
        self._wake(new)

    async def after(self, position: int, until: int | None = None) -> Sequence[WebhookMessage]:
        """The next messages after a position, some; none at the end."""
        if position >= self._start:
            first = self._first_after(position)
            found: Iterable[WebhookMessage] = self._recent[first : first + PAGE]
        else:
            page = await page_after(self._store, position, limit=PAGE)
            found = map(self._message, page.entries)
        return [each for each in found if until is None or each.position <= until]

    async def between(self, first: int, last: int) -> list[WebhookMessage]:
        """All events from a position to another, read now, a batch at most."""
        page = await page_after(self._store, first - 1, limit=min(PAGE, last - first + 1))
        return [self._message(entry) for entry in page.entries if entry.recorded.position <= last]

    async def each(self, positions: Iterable[int]) -> list[WebhookMessage]:
        """The events at these positions, read now."""
        return [message for position in positions for message in await self.between(position, position)]

    async def current(self, message: WebhookMessage) -> WebhookMessage:
        """The message as it is made now: whoever is erased since it was made has no names of fields in it."""
        return (await self.each([message.position]))[0] if message.lane in self._erased else message

    async def full(self, positions: Sequence[int]) -> dict[int, bytes]:
        """The messages with the events' data, opened now."""
        opened: dict[int, bytes] = {}
        for position in positions:
            page = await page_after(self._store, position - 1, limit=1)
            opened[position] = message.full(page.entries[0], self._source)
        return opened

    async def recorded(self, position: int) -> Recorded:
        [recorded] = await self._store.log.page(self._store.pool, position - 1, 1)
        return recorded

    async def in_lane(self, lane: str, after: int, until: int) -> list[WebhookMessage]:
        """A lane's next events up to a position, read now, some; none at the end."""
        kind, _, id_ = lane.partition("/")
        if kind != CUSTOMERS:
            query, whose = _of_lane(lane)
            rows = await self._store.pool.fetch(query, whose, after, until, AHEAD)
            return await self.each(row[0] for row in rows)
        found: list[WebhookMessage] = []
        while not found and after < until:
            # At once, because what changed is computed from an order's or a customer's row before.
            page = await page_after(self._store, after, Wanted(customer_id=int(id_)), limit=AHEAD)
            messages = map(self._message, page.entries)
            found = [each for each in messages if each.lane == lane and each.position <= until]
            after = page.next if page.entries else until
        return found

    async def notable_after(self, position: int) -> list[WebhookMessage]:
        """What goes ahead, or opens a range, after a position. Those from before this process have no message."""
        found: list[WebhookMessage] = []
        if position < self._start:
            rows = await self._store.pool.fetch(FIND_NOTABLE, position, self._start)
            found = [
                WebhookMessage(position, b"", type_, lane_of(from_uuid(stream), customer_id), customer_id, None, b"")
                for position, stream, customer_id, type_ in rows
            ]
        return found + [each for each in self._recent[self._first_after(position) :] if each.type in NOTABLE]

    def _first_after(self, position: int) -> int:
        return bisect_right(self._recent, position, key=attrgetter("position"))

    def _message(self, entry: Entry) -> WebhookMessage:
        recorded = entry.recorded
        before, _ = (entry.changes or {}).get("labels", ((), ()))
        return WebhookMessage(
            recorded.position,
            recorded.digest,
            entry.type,
            lane_of(recorded.stream, recorded.customer_id),
            recorded.customer_id,
            recorded.former_customer_id,
            message.thin(entry, self._source),
            before or (),
        )


def _of_lane(lane: str) -> tuple[str, Any]:
    """What finds the events of a lane that is no customer's, and by what."""
    stream = stream_of(lane)
    return (OF_STREAM, to_uuid(stream)) if stream else (OF_OTHERS, [f"{code:04x}" for code in CODES.values()])
