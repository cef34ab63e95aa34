"""How far one cursor is: what may be sent now, what is on its way, and up to where all is delivered or waits in a lane.

Nothing here waits, reads or writes. A lane is what goes in order, one message at a time: a customer's events, a
stream's that is nobody's, or with the order of the store all events. Where a lane's message fails, its messages leave
the memory: what comes after a position is read from the log again when it is due, and the cursor goes on without it.
"""

from collections import deque
from collections.abc import Container, Mapping
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

import msgspec

from domain.event import Stream
from eventstore.postgres.stream_ids import CODES

MAX_EVENTS = 100  # in a batch
MAX_BYTES = 20_000  # of a body
BACKLOG = 500  # messages in memory
MOST_RETRIES = 1_000  # lanes that wait to be sent again; beyond them the cursor waits
STORE = "store"  # the lane of all events
OTHERS = "others"  # the lane of streams that this version does not know
CUSTOMERS = "customers"  # what lanes of customers begin with


class WebhookMessage(msgspec.Struct, frozen=True, gc=False):
    """An event as it is sent. `lane` is what it keeps its order in; `thin` is the message that is made of it.
    `former_labels` are the customer's from before a change of them.
    """

    position: int
    digest: bytes
    type: str
    lane: str
    customer_id: int | None
    former_customer_id: int | None
    thin: bytes
    former_labels: tuple[int, ...] = ()

    @property
    def customers(self) -> set[int]:
        """Whom it names."""
        return {id_ for id_ in (self.customer_id, self.former_customer_id) if id_ is not None}


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """What comes after `after` is to be sent. What was sent and failed ended at `until`, where `failures` is not 0."""

    after: int
    until: int
    failures: int
    next_at: datetime


class Flight(NamedTuple):
    """Messages of a lane to send as one; without messages it is the lane's retry, which is read from the log first."""

    lane: str
    messages: list[WebhookMessage]
    retry: Retry | None = None


class Progress:
    """`position` and `digest` are of the last event up to which all is delivered or waits; `read` is how far the log
    was read. `changed` are lanes whose retries differ from what was saved; who saves them clears it.
    """

    def __init__(
        self, position: int, digest: bytes, retries: Mapping[str, Retry], *, in_store_order: bool = False
    ) -> None:
        self.position = self.read = position
        self.digest = digest
        self.in_store_order = in_store_order
        self.retries = dict(retries)
        self.changed: set[str] = set()
        self._waiting: dict[str, deque[WebhookMessage]] = {}
        self._ready: deque[str] = deque()
        self._due: list[tuple[datetime, str]] = [(retry.next_at, lane) for lane, retry in retries.items()]
        heapify(self._due)
        self._open: set[int] = set()
        self._passed: deque[tuple[int, bytes]] = deque()  # what was read after `position`

    @property
    def may_read(self) -> bool:
        """Whether memory has room. In the order of the store what fails holds up all that follows, also if it has
        failed when the order was another.
        """
        is_held_up = bool(self.retries) if self.in_store_order else STORE in self.retries
        return len(self._open) < BACKLOG and len(self.retries) < MOST_RETRIES and not is_held_up

    @property
    def next_due(self) -> datetime | None:
        return self._due[0][0] if self._due else None

    @property
    def is_idle(self) -> bool:
        return not self._open and not self.retries

    def add(self, message: WebhookMessage) -> None:
        """The next event of the log, which is to be sent."""
        lane = STORE if self.in_store_order else message.lane
        if lane in self.retries:
            self.skip(message.position, message.digest)
            return
        self.read = message.position
        self._passed.append((message.position, message.digest))
        self._open.add(message.position)
        waiting = self._waiting.get(lane)
        if waiting is None:
            self._waiting[lane] = deque([message])
            self._ready.append(lane)
        else:
            waiting.append(message)

    def skip(self, position: int, digest: bytes) -> None:
        """The next event of the log, which is not to be sent, or not now."""
        self.read = position
        if self._passed and self._passed[-1][0] not in self._open:
            self._passed.pop()
        self._passed.append((position, digest))
        self._advance()

    def take(self, now: datetime, busy: Container[str]) -> Flight | None:
        """What may be sent next, whose lane is not busy. `delivered`, `failed` or `give_back` must follow."""
        for _ in range(len(self._due)):
            if self._due[0][0] > now:
                break
            at, lane = heappop(self._due)
            retry = self.retries.get(lane)
            if retry is None or retry.next_at != at:
                continue  # it was due at another time, too
            if lane not in busy:
                return Flight(lane, [], retry)
            heappush(self._due, (at, lane))
            break
        for _ in range(len(self._ready)):
            lane = self._ready.popleft()
            if lane not in busy:
                return Flight(lane, self._batch(lane))
            self._ready.append(lane)
        return None

    def _batch(self, lane: str) -> list[WebhookMessage]:
        return fitting(self._waiting[lane]) if self.in_store_order else [self._waiting[lane][0]]

    def delivered(self, flight: Flight, messages: list[WebhookMessage], now: datetime) -> None:
        """These of the flight's messages, which may be fewer, were delivered."""
        if flight.retry is not None:
            last = messages[-1].position
            self._retry(flight.lane, Retry(after=last, until=last, failures=0, next_at=now))
            return
        waiting = self._waiting[flight.lane]
        for message in messages:
            assert waiting.popleft().position == message.position, "a lane has one flight at a time"
            self._open.discard(message.position)
        self.give_back(flight)
        self._advance()

    def give_back(self, flight: Flight) -> None:
        """It was not sent, or not all of it: the rest may go next."""
        if flight.retry is not None:
            heappush(self._due, (flight.retry.next_at, flight.lane))
        elif self._waiting[flight.lane]:
            self._ready.append(flight.lane)
        else:
            del self._waiting[flight.lane]

    def failed(self, flight: Flight, messages: list[WebhookMessage], next_at: datetime) -> None:
        """These were sent, and are sent again at that time, as they were."""
        failures = flight.retry.failures + 1 if flight.retry else 1
        after, until = messages[0].position - 1, messages[-1].position
        if flight.retry is None:
            self._open.difference_update(message.position for message in self._waiting.pop(flight.lane))
        self._retry(flight.lane, Retry(after=after, until=until, failures=failures, next_at=next_at))
        self._advance()

    def looked(self, lane: str, after: int, now: datetime) -> None:
        """A lane's events were looked through up to a position, and none is to be sent. At the end it is free again."""
        if after < self.read:
            self._retry(lane, Retry(after=after, until=after, failures=0, next_at=now))
            return
        del self.retries[lane]
        self.changed.add(lane)

    def wake(self, now: datetime) -> None:
        """The endpoint answers again: what waits is due."""
        for lane, retry in self.retries.items():
            if retry.next_at > now:
                self._retry(lane, msgspec.structs.replace(retry, next_at=now))

    def _retry(self, lane: str, retry: Retry) -> None:
        self.retries[lane] = retry
        self.changed.add(lane)
        heappush(self._due, (retry.next_at, lane))

    def _advance(self) -> None:
        while self._passed and self._passed[0][0] not in self._open:
            self.position, self.digest = self._passed.popleft()


def fitting(messages: Any) -> list[WebhookMessage]:
    """The first ones, as many as a batch may have; at least one. There are brackets around, and commas between."""
    chosen: list[WebhookMessage] = []
    size = 1
    for message in messages:
        size += len(message.thin) + 1
        if chosen and (size > MAX_BYTES or len(chosen) == MAX_EVENTS):
            break
        chosen.append(message)
    return chosen


def lane_of(stream: Stream, customer_id: int | None) -> str:
    if customer_id is not None:
        return f"{CUSTOMERS}/{customer_id}"
    return f"{stream.category}s/{stream.id}" if stream.category in CODES else OTHERS


def stream_of(lane: str) -> Stream | None:
    """The stream of a lane that is no customer's; None if this version does not know it."""
    category, _, id_ = lane.partition("/")
    return Stream(category.removesuffix("s"), int(id_)) if id_ else None
