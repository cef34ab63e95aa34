"""Delivers to one endpoint, for as long as this process holds its lock: new events, ranges of earlier ones, and what
goes ahead of both. As many messages are on their way at a time as the endpoint answers well, one for each lane.
"""

import asyncio
from collections.abc import Collection, Container, Coroutine, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from msgspec.structs import replace

from domain.event import tag
from domain.webhook import Webhook, WebhookPaused, WebhookReplayed, WebhookSettings
from projections.queries.lookups import carriers
from service.webhooks.delivery import state
from service.webhooks.delivery.dispatch import Dispatcher, Tools
from service.webhooks.delivery.progress import MAX_EVENTS, STORE, Flight, Progress, Retry, WebhookMessage, fitting
from service.webhooks.delivery.recorder import Run
from service.webhooks.delivery.state import Ahead, Cursor, DeliveryState
from service.webhooks.delivery.tail import ERASED, REPLAYED, TESTED

PAUSED = tag(WebhookPaused)
LOOK = 1.0  # seconds after which it looks again, whatever wakes it
Flying: TypeAlias = Coroutine[Any, Any, None]


class Deliverer:
    def __init__(self, id_: int, webhook: Webhook, found: DeliveryState, tools: Tools) -> None:
        self.id = id_
        self._tools = tools
        self.runs = [self._run(cursor, found.retries[cursor.replay], webhook) for cursor in found.cursors]
        self._ahead = {each.id: each for each in found.ahead}
        self._gone_ahead: set[int] = set()  # they are read from the table until that is written
        self._looked = max(found.looked_until, found.cursors[0].position)
        self._dispatcher = Dispatcher(id_, found.failing_since, tools, self._send_what_waits)
        self._busy: set[str] = set()  # lanes whose message is on its way
        self._held: dict[tuple[int, str], list[WebhookMessage]] = {}  # what lanes that catch up send next
        self._woken = asyncio.Event()
        self._own = f"webhooks/{id_}"
        self.use(webhook)

    @property
    def webhook(self) -> Webhook:
        return self._dispatcher.webhook

    def use(self, webhook: Webhook) -> None:
        """Deliver as it says from now on."""
        self._held.clear()
        self._dispatcher.use(webhook)
        self.wake()

    def hold(self) -> None:
        """Send nothing until `use`."""
        self._dispatcher.hold()

    def wake(self) -> None:
        self._woken.set()

    def go_ahead(self, messages: Sequence[Ahead]) -> None:
        """Messages that were asked for."""
        for each in messages:
            if each.id not in self._gone_ahead:
                self._ahead.setdefault(each.id, each)
        self.wake()

    async def deliver(self) -> None:
        """Until it is cancelled, or the endpoint is paused."""
        async with asyncio.TaskGroup() as flights:
            while not self._dispatcher.has_stopped:
                self._woken.clear()
                if self._dispatcher.may_send:
                    await self._look()
                    for run in tuple(self.runs):
                        await self._read(run)
                    for flight in self._flights():
                        flights.create_task(flight)
                await self._wait()

    def _run(self, cursor: Cursor, retries: dict[str, Retry], webhook: Webhook) -> Run:
        is_ordered = webhook.settings.order == STORE
        progress = Progress(cursor.position, cursor.digest, retries, in_store_order=is_ordered)
        run = Run(self.id, cursor.replay, cursor.until, progress)
        self._tools.recorder.follow(run)
        return run

    async def _wait(self) -> None:
        """Until a message has come back, there are new events, or something may be due."""
        now = self._tools.now()
        moments = [run.progress.next_due for run in self.runs] + [each.next_at for each in self._ahead.values()]
        rests = [self._dispatcher.not_before] if self._dispatcher.not_before > now else []
        due = min([*rests, *(max(moment, self._dispatcher.not_before) for moment in moments if moment)], default=now)
        seconds = (due - now).total_seconds()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, LOOK) if seconds > 0 else LOOK):
                await self._woken.wait()

    # WHAT THERE IS TO SEND

    async def _look(self) -> None:
        """Whatever new events have to go ahead, or open a range, is noted before the cursor gets there."""
        tail, end = self._tools.tail, self._tools.tail.end
        if end <= self._looked:
            return
        notable = [
            each for each in await tail.notable_after(self._looked) if each.type == ERASED or each.lane == self._own
        ]
        if notable:
            opened = [await self._opened(each) for each in notable if each.type == REPLAYED]
            async with self._tools.recorder.session() as on:
                for each in notable:
                    if each.type == TESTED:
                        await state.note_tested(on, self.id, each.position)
                    elif each.type == ERASED and each.customer_id is not None:
                        await state.note_erased(on, self.id, each.customer_id, each.position)
                for cursor in opened:
                    await state.open_range(on, self.id, cursor)
                await state.note_looked(on, self.id, end)
                self.go_ahead(await state.ahead_of(on, [self.id]))
            known = {run.replay for run in self.runs}
            self.runs += [self._run(cursor, {}, self.webhook) for cursor in opened if cursor.replay not in known]
        self._looked = end

    async def _opened(self, message: WebhookMessage) -> Cursor:
        event = (await self._tools.tail.recorded(message.position)).event
        assert isinstance(event, WebhookReplayed), "the endpoint is there, so its events can be read"
        return Cursor(message.position, event.after, b"", event.until)

    async def _read(self, run: Run) -> None:
        """Whatever of the log fits into memory, as far as it was looked through; a range ends here."""
        progress = run.progress
        end = self._looked if run.until is None else min(run.until, self._looked)
        is_read = progress.read >= end
        while progress.may_read and not is_read:
            messages = await self._tools.tail.after(progress.read, end)
            chosen = await self._chosen(messages, run)
            for message in messages:
                if message.position in chosen:
                    progress.add(message)
                else:
                    progress.skip(message.position, message.digest)
            is_read = not messages or progress.read >= end
        if end == run.until and progress.is_idle and is_read:
            self.runs.remove(run)
            self._tools.recorder.leave(run, has_ended=True)

    async def _chosen(self, messages: Sequence[WebhookMessage], run: Run) -> set[int]:
        """The positions of those that it is to be sent by this cursor."""
        settings, pool = self.webhook.settings, self._tools.store.pool
        customers = {each.customer_id for each in messages if each.customer_id is not None}
        carrying = await carriers(pool, customers, settings.labels) if settings.labels and customers else set()
        chosen = {each.position for each in messages if wants(self._own, settings, each, carrying)}
        erased = {each.customer_id: each.position for each in messages if each.type == ERASED and each.customer_id}
        if erased and not run.replay:
            chosen -= {erased[id_] for id_ in await state.gone_ahead(pool, self.id, erased)}
        return chosen

    # WHAT MAY GO NOW

    def _flights(self) -> Iterator[Flying]:
        now = self._tools.now()
        blocked = set(map(self._lane, self._ahead.values()))  # who is erased hears nothing else before
        while len(self._busy) < self._dispatcher.may_fly(now):
            flight = self._next_ahead(now) or self._next(now, self._busy | blocked)
            if flight is None:
                return
            if rate := self.webhook.settings.rate:
                self._dispatcher.not_before = now + timedelta(seconds=1 / rate)
            yield flight

    def _next_ahead(self, now: datetime) -> Flying | None:
        for each in self._ahead.values():
            lane = self._lane(each)
            if each.next_at <= now and lane not in self._busy:
                self._busy.add(lane)
                return self._fly_ahead(each, lane)
        return None

    def _lane(self, ahead: Ahead) -> str:
        """An erasure goes before all else about its customer; a test, or what is sent again, waits for nothing."""
        if ahead.customer_id is None:
            return f"ahead/{ahead.id}"
        return STORE if self.webhook.settings.order == STORE else f"customers/{ahead.customer_id}"

    def _next(self, now: datetime, busy: Container[str]) -> Flying | None:
        """New events and ranges take turns."""
        for run in self.runs:
            flight = run.progress.take(now, busy)
            if flight is not None:
                self.runs.append(self.runs.pop(self.runs.index(run)))
                self._busy.add(flight.lane)
                return self._fly(run, flight)
        return None

    # ON THE WAY

    async def _fly_ahead(self, ahead: Ahead, lane: str) -> None:
        try:
            attempt = ahead.failures + 1
            outcome, _ = await self._dispatcher.send(await self._asked_for(ahead), ahead.kind, attempt)
            if outcome is None:
                return
            if outcome.is_success:
                del self._ahead[ahead.id]
                self._gone_ahead.add(ahead.id)
                self._tools.recorder.ahead(ahead.id, None)
                return
            failed = replace(ahead, failures=attempt, next_at=self._dispatcher.next_at(outcome, attempt))
            self._ahead[ahead.id] = failed
            self._tools.recorder.ahead(ahead.id, (failed.failures, failed.next_at))
        finally:
            self._land(lane)

    async def _asked_for(self, ahead: Ahead) -> list[WebhookMessage]:
        return await self._tools.tail.each(ahead.positions or [ahead.position])

    async def _fly(self, run: Run, flight: Flight) -> None:
        progress, retry = run.progress, flight.retry
        try:
            messages = flight.messages if retry is None else await self._again(run, flight.lane, retry)
            if not messages:
                return
            attempt = retry.failures + 1 if retry else 1
            outcome, sent = await self._dispatcher.send(messages, "replayed" if run.replay else "new", attempt)
            if outcome is None:
                progress.give_back(flight)
            elif outcome.is_success:
                progress.delivered(flight, sent, self._tools.now())
            else:
                self._held.pop((run.replay, flight.lane), None)
                progress.failed(flight, sent, self._dispatcher.next_at(outcome, attempt))
        finally:
            self._land(flight.lane)

    def _send_what_waits(self) -> None:
        for run in self.runs:
            run.progress.wake(self._tools.now())

    def _land(self, lane: str) -> None:
        self._busy.discard(lane)
        self.wake()

    async def _again(self, run: Run, lane: str, retry: Retry) -> list[WebhookMessage]:
        """The next messages of a lane, from the log: as they were sent, where they have failed."""
        until = retry.until if retry.failures else run.progress.read
        if lane == STORE:
            found = await self._next_of_all(run, retry.after, until)
        else:
            key = run.replay, lane
            held = [each for each in self._held.pop(key, ()) if retry.after < each.position <= until]
            found = held or await self._next_in_lane(run, lane, retry.after, until)
            self._held[key] = found[1:]
            del found[1:]
        if not found:
            run.progress.looked(lane, until, self._tools.now())
        return fitting(found)

    async def _next_in_lane(self, run: Run, lane: str, after: int, until: int) -> list[WebhookMessage]:
        while messages := await self._tools.tail.in_lane(lane, after, until):
            chosen = await self._chosen(messages, run)
            if found := [each for each in messages if each.position in chosen]:
                return found
            after = messages[-1].position
        return []

    async def _next_of_all(self, run: Run, after: int, until: int) -> list[WebhookMessage]:
        found: list[WebhookMessage] = []
        while after < until and len(found) < MAX_EVENTS:
            messages = await self._tools.tail.between(after + 1, until)
            after = messages[-1].position if messages else until
            chosen = await self._chosen(messages, run)
            found += [each for each in messages if each.position in chosen]
        return found


def wants(own: str, settings: WebhookSettings, message: WebhookMessage, carrying: Collection[int]) -> bool:
    """Whether a cursor sends it to the endpoint of the lane `own`. `carrying` are customers with one of its labels; who
    has lost one is not among them, and that it was taken away is sent, too.

    That another endpoint is paused goes to each, whatever its filters; a test goes ahead of the cursor.
    """
    if message.type == PAUSED:
        return message.lane != own
    if message.type == TESTED and message.lane == own:
        return False
    if settings.types and message.type not in settings.types:
        return False
    has_carried = not frozenset(settings.labels).isdisjoint(message.former_labels)
    return not settings.labels or message.customer_id in carrying or has_carried
