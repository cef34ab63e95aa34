"""A cursor goes on without the lanes that fail, and passes nothing that was not delivered or waits in one of them."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.webhooks.delivery.progress import (
    BACKLOG,
    MAX_BYTES,
    MAX_EVENTS,
    MOST_RETRIES,
    STORE,
    Flight,
    Progress,
    Retry,
    WebhookMessage,
    fitting,
)

NOW = datetime(2026, 3, 4, tzinfo=UTC)
WAIT = timedelta(seconds=5)


def message(position: int, lane: str = "customers/1", size: int = 400) -> WebhookMessage:
    return WebhookMessage(position, bytes([position % 256]), "order-paid", lane, 1, None, b"x" * size)


def begin(*messages: WebhookMessage, in_store_order: bool = False) -> Progress:
    progress = Progress(0, b"", {}, in_store_order=in_store_order)
    for each in messages:
        progress.add(each)
    return progress


def taken(progress: Progress, busy: Sequence[str] = (), now: datetime = NOW) -> Flight:
    flight = progress.take(now, busy)
    assert flight is not None
    return flight


def test_one_message_of_a_lane_is_on_its_way_at_a_time() -> None:
    progress = begin(message(1, "a"), message(2, "a"), message(3, "b"))
    first, second = taken(progress), taken(progress)
    assert (first.messages[0].position, second.messages[0].position) == (1, 3)
    assert progress.take(NOW, ()) is None
    progress.delivered(first, first.messages, NOW)
    assert taken(progress).messages[0].position == 2


def test_the_cursor_stands_before_what_is_on_its_way() -> None:
    progress = begin(message(1, "a"), message(2, "b"), message(3, "c"))
    flights = [taken(progress) for _ in range(3)]
    for index, position in ((2, 0), (1, 0), (0, 3)):
        progress.delivered(flights[index], flights[index].messages, NOW)
        assert progress.position == position
    assert progress.digest == bytes([3])


def test_what_is_not_sent_moves_the_cursor_too() -> None:
    progress = begin(message(1, "a"))
    progress.skip(2, b"two")
    progress.skip(3, b"three")
    assert progress.position == 0
    flight = taken(progress)
    progress.delivered(flight, flight.messages, NOW)
    assert (progress.position, progress.digest) == (3, b"three")


def test_a_failing_lane_waits_alone() -> None:
    progress = begin(message(1, "a"), message(2, "b"), message(3, "a"))
    first, second = taken(progress), taken(progress)
    progress.failed(first, first.messages, NOW + WAIT)
    progress.delivered(second, second.messages, NOW)
    progress.add(message(4, "a"))
    assert progress.position == 4
    assert progress.retries == {"a": Retry(after=0, until=1, failures=1, next_at=NOW + WAIT)}
    assert progress.take(NOW, ()) is None
    again = taken(progress, now=NOW + WAIT)
    assert (again.lane, again.messages, again.retry) == ("a", [], progress.retries["a"])
    progress.delivered(again, [message(1, "a")], NOW + WAIT)
    assert progress.retries["a"] == Retry(after=1, until=1, failures=0, next_at=NOW + WAIT)


def test_failures_of_a_lane_are_counted_until_something_of_it_is_delivered() -> None:
    progress = begin(message(1, "a"), message(2, "a"))
    flight = taken(progress)
    for failures in (1, 2, 3):
        progress.failed(flight, [message(1, "a")], NOW)
        assert progress.retries["a"].failures == failures
        flight = taken(progress)
    progress.delivered(flight, [message(1, "a")], NOW)
    flight = taken(progress)
    progress.failed(flight, [message(2, "a")], NOW)
    assert progress.retries["a"] == Retry(after=1, until=2, failures=1, next_at=NOW)


def test_a_lane_is_free_again_once_all_that_was_read_of_it_is_delivered() -> None:
    progress = begin(message(1, "a"))
    flight = taken(progress)
    progress.failed(flight, flight.messages, NOW)
    flight = taken(progress)
    progress.delivered(flight, flight.messages or [message(1, "a")], NOW)
    flight = taken(progress)
    progress.add(message(2, "a"))  # while it is being looked for
    progress.looked("a", 1, NOW)
    assert "a" in progress.retries
    taken(progress)
    progress.looked("a", 2, NOW)
    assert progress.retries == {}
    progress.add(message(3, "a"))
    assert taken(progress).messages[0].position == 3


def test_in_the_order_of_the_store_a_batch_goes_and_nothing_passes_it() -> None:
    progress = begin(*(message(n, f"customers/{n}", 10) for n in range(1, 151)), in_store_order=True)
    flight = taken(progress)
    assert [each.position for each in flight.messages] == list(range(1, MAX_EVENTS + 1))
    assert progress.take(NOW, ()) is None
    progress.failed(flight, flight.messages, NOW + WAIT)
    assert progress.retries == {STORE: Retry(after=0, until=100, failures=1, next_at=NOW + WAIT)}
    assert not progress.may_read


def test_a_batch_is_no_larger_than_a_body_may_be() -> None:
    messages = [message(n, size=450) for n in range(1, 101)]
    chosen = fitting(messages)
    assert len(b"[" + b",".join(each.thin for each in chosen) + b"]") <= MAX_BYTES
    assert len(b"[" + b",".join(each.thin for each in messages[: len(chosen) + 1]) + b"]") > MAX_BYTES
    assert len(fitting([message(1, size=MAX_BYTES * 2), message(2)])) == 1


def test_a_busy_lane_is_left_for_later() -> None:
    progress = begin(message(1, "a"), message(2, "b"))
    assert taken(progress, busy=("a",)).messages[0].position == 2
    assert progress.take(NOW, ("a",)) is None
    assert taken(progress).messages[0].position == 1


def test_memory_is_bounded() -> None:
    progress = begin(*(message(n, str(n)) for n in range(1, BACKLOG + 1)))
    assert not progress.may_read
    waiting = {str(n): Retry(after=n, until=n, failures=1, next_at=NOW) for n in range(MOST_RETRIES)}
    assert not Progress(MOST_RETRIES, b"", waiting).may_read


def test_what_waits_is_due_when_the_endpoint_answers_again() -> None:
    progress = Progress(9, b"", {"a": Retry(after=1, until=2, failures=7, next_at=NOW + timedelta(hours=14))})
    assert progress.take(NOW, ()) is None
    progress.wake(NOW)
    assert taken(progress).lane == "a"


class Saved(NamedTuple):
    position: int
    digest: bytes
    retries: dict[str, Retry]


class Simulated:
    """A process that delivers a log, and is killed now and then; state is saved now and then, too."""

    def __init__(self, log: Sequence[WebhookMessage], *, in_store_order: bool, seed: int) -> None:
        self.log = log
        self.in_store_order = in_store_order
        self.random = random.Random(seed)
        self.delivered: list[int] = []
        self.now = NOW
        self.saved = Saved(0, b"", {})
        self.begin()

    def begin(self) -> None:
        self.progress = Progress(*self.saved, in_store_order=self.in_store_order)
        self.flying: list[Flight] = []

    def lane(self, each: WebhookMessage) -> str:
        return STORE if self.in_store_order else each.lane

    def step(self, failing: float) -> None:
        progress = self.progress
        match self.random.randrange(8):
            case 0:
                self.saved = Saved(progress.position, progress.digest, dict(progress.retries))
            case 1 | 2 if progress.may_read and progress.read < len(self.log):
                progress.add(self.log[progress.read])
            case 3 if self.random.random() < failing / 10:
                self.begin()
            case 4 | 5 if (flight := progress.take(self.now, {each.lane for each in self.flying})) is not None:
                self.flying.append(flight)
            case _ if self.flying:
                self.land(self.flying.pop(self.random.randrange(len(self.flying))), failing)
            case _:
                self.now += timedelta(seconds=1)

    def land(self, flight: Flight, failing: float) -> None:
        progress, messages = self.progress, flight.messages
        if flight.retry:
            until = flight.retry.until if flight.retry.failures else progress.read
            messages = [m for m in self.log if flight.retry.after < m.position <= until and self.lane(m) == flight.lane]
            messages = fitting(messages) if self.in_store_order else messages[:1]
            if not messages:
                progress.looked(flight.lane, until, self.now)
                return
        if self.random.random() < failing:
            progress.failed(flight, messages, self.now + timedelta(seconds=self.random.randrange(9)))
        else:
            self.delivered += [each.position for each in messages]
            progress.delivered(flight, messages, self.now)


@pytest.mark.parametrize("in_store_order", [False, True])
@given(lanes=st.lists(st.integers(1, 4), max_size=60), seed=st.integers(0, 2**32))
def test_whatever_fails_and_dies_each_event_arrives_in_order_and_none_is_skipped(
    in_store_order: bool, lanes: list[int], seed: int
) -> None:
    log = [message(position, f"customers/{lane}") for position, lane in enumerate(lanes, 1)]
    simulated = Simulated(log, in_store_order=in_store_order, seed=seed)
    for _ in range(500):
        simulated.step(failing=0.4)
    steps = 0
    while not (simulated.progress.is_idle and simulated.progress.read == len(log)):
        simulated.step(failing=0)
        steps += 1
        assert steps < 20_000, "it comes to an end"
    assert set(simulated.delivered) == set(range(1, len(log) + 1))
    assert simulated.progress.position == len(log)
    for lane in {simulated.lane(each) for each in log}:
        own = [position for position in simulated.delivered if simulated.lane(log[position - 1]) == lane]
        first = list(dict.fromkeys(own))
        assert first == sorted(first)
