"""Delivers to one endpoint, for as long as this process holds its lock: new events, ranges of earlier ones, and what
goes ahead of both. As many messages are on their way at a time as the endpoint answers well, one for each lane.
"""

import asyncio
from collections.abc import Callable, Container, Coroutine, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from msgspec.structs import replace

from domain.refusals import Refusal
from domain.webhook import WEBHOOK, PauseReason, PauseWebhook, Webhook, WebhookReplayed
from eventstore.store import By, Store, Unit
from projections.queries.lookups import carriers
from service.webhooks.delivery import filters, state
from service.webhooks.delivery.progress import MAX_EVENTS, STORE, Flight, Progress, Retry, WebhookMessage, fitting
from service.webhooks.delivery.recorder import Attempt, Recorder, Run
from service.webhooks.delivery.schedule import retry_after, wait
from service.webhooks.delivery.sender import GONE, PostOutcome, WebhookSender
from service.webhooks.delivery.signing import Signer
from service.webhooks.delivery.state import Ahead, Cursor, DeliveryState, Kind
from service.webhooks.delivery.tail import ERASED, REPLAYED, TESTED, Tail

ACTOR = "custodiary"  # who pauses an endpoint that does not answer well
MOST_AT_ONCE = 16  # messages on their way
LOOK = 1.0  # seconds after which it looks again, whatever wakes it
BUSY_SECONDS = 5  # that an endpoint rests which is overrun and does not say for how long
SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
RECOVERY = timedelta(minutes=1)  # an endpoint that failed for longer is asked for all that waits when it answers again

Flying: TypeAlias = Coroutine[Any, Any, None]


class Tools(NamedTuple):
    """What all endpoints of a process share. `may_send` is false once the session that holds the locks is lost."""

    store: Store
    tail: Tail
    recorder: Recorder
    sender: WebhookSender
    now: Callable[[], datetime]
    patience: timedelta
    may_send: Callable[[], bool]


class Deliverer:
    def __init__(self, id_: int, webhook: Webhook, found: DeliveryState, tools: Tools) -> None:
        self.id = id_
        self._tools = tools
        self.runs = [self._run(cursor, found.retries[cursor.replay], webhook) for cursor in found.cursors]
        self._ahead = {each.id: each for each in found.ahead}
        self._gone_ahead: set[int] = set()  # they are read from the table until that is written
        self._looked = max(found.looked_until, found.cursors[0].position)
        self._failing_since = found.failing_since
        self._busy: set[str] = set()  # lanes whose message is on its way
        self._window = MOST_AT_ONCE
        self._not_before = tools.now()
        self._woken = asyncio.Event()
        self._has_stopped = False
        self._own = f"webhooks/{id_}"
        self.use(webhook)

    def use(self, webhook: Webhook) -> None:
        """Deliver as it says from now on."""
        self.webhook = webhook
        self._signer = Signer(webhook.keys)
        self._is_outdated = False
        self.wake()

    def hold(self) -> None:
        """Send nothing until `use`: the endpoint has changed, and what comes after that is not for its former self."""
        self._is_outdated = True

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
            while not self._has_stopped:
                self._woken.clear()
                if not self._is_outdated:
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
        rests = [self._not_before] if self._not_before > now else []
        due = min([*rests, *(max(moment, self._not_before) for moment in moments if moment)], default=now)
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
        chosen = {each.position for each in messages if filters.wants(self._own, settings, each, carrying)}
        erased = {each.customer_id: each.position for each in messages if each.type == ERASED and each.customer_id}
        if erased and not run.replay:
            chosen -= {erased[id_] for id_ in await state.gone_ahead(pool, self.id, erased)}
        return chosen

    # WHAT MAY GO NOW

    def _flights(self) -> Iterator[Flying]:
        now = self._tools.now()
        blocked = set(map(self._lane, self._ahead.values()))  # who is erased hears nothing else before
        while len(self._busy) < self._window and now >= self._not_before and self._may_send():
            flight = self._next_ahead(now) or self._next(now, self._busy | blocked)
            if flight is None:
                return
            if rate := self.webhook.settings.rate:
                self._not_before = now + timedelta(seconds=1 / rate)
            yield flight

    def _may_send(self) -> bool:
        return not (self._has_stopped or self._is_outdated) and self._tools.may_send()

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
            outcome, _ = await self._send(await self._asked_for(ahead), ahead.kind, attempt)
            if outcome is None:
                return
            if outcome.is_success:
                del self._ahead[ahead.id]
                self._gone_ahead.add(ahead.id)
                self._tools.recorder.ahead(ahead.id, None)
                return
            failed = replace(ahead, failures=attempt, next_at=self._next_at(outcome, attempt))
            self._ahead[ahead.id] = failed
            self._tools.recorder.ahead(ahead.id, (failed.failures, failed.next_at))
        finally:
            self._land(lane)

    async def _asked_for(self, ahead: Ahead) -> list[WebhookMessage]:
        """The event; of a batch that is sent again, what the filters let through."""
        found: list[WebhookMessage] = []
        after = ahead.position - 1
        while after < ahead.until:
            messages = await self._tools.tail.between(after + 1, ahead.until)
            after = messages[-1].position
            found += messages
        chosen = await self._chosen(found, self.runs[0]) if len(found) > 1 else set()
        return [each for each in found if each.position in chosen] or found[:1]

    async def _fly(self, run: Run, flight: Flight) -> None:
        progress, retry = run.progress, flight.retry
        try:
            messages = flight.messages if retry is None else await self._again(run, flight.lane, retry)
            if not messages:
                return
            attempt = retry.failures + 1 if retry else 1
            outcome, sent = await self._send(messages, "replayed" if run.replay else "new", attempt)
            if outcome is None:
                progress.give_back(flight)
            elif outcome.is_success:
                progress.delivered(flight, sent, self._tools.now())
            else:
                progress.failed(flight, sent, self._next_at(outcome, attempt))
        finally:
            self._land(flight.lane)

    def _land(self, lane: str) -> None:
        self._busy.discard(lane)
        self.wake()

    async def _again(self, run: Run, lane: str, retry: Retry) -> list[WebhookMessage]:
        """The next messages of a lane, from the log: as they were sent, where they have failed."""
        tail, after = self._tools.tail, retry.after
        until = retry.until if retry.failures else run.progress.read
        found: list[WebhookMessage] = []
        while after < until and len(found) < MAX_EVENTS:
            if lane == STORE:
                messages = await tail.between(after + 1, until)
            else:
                positions = await tail.in_lane(lane, after, until, 1)
                messages = [message for at in positions for message in await tail.between(at, at)]
            after = messages[-1].position if messages else until
            chosen = await self._chosen(messages, run)
            found += [each for each in messages if each.position in chosen]
            if found and lane != STORE:
                break
        if not found:
            run.progress.looked(lane, after, self._tools.now())
        return fitting(found)

    async def _send(
        self, messages: list[WebhookMessage], kind: Kind, attempt: int
    ) -> tuple[PostOutcome | None, list[WebhookMessage]]:
        """How it went, and what of the messages was sent; None where this process may not send any more."""
        body, messages = await self._body(messages)
        if not self._may_send():
            return None, []
        now, last, settings = self._tools.now(), messages[-1], self.webhook.settings
        headers = {
            **self.webhook.headers,
            "content-type": BATCH if self._is_batch(messages) else SINGLE,
            **self._signer.headers(f"{self.id}-{last.position}", body, now),
        }
        outcome = await self._tools.sender.post(settings.url, headers, body)
        self._note(messages, kind, attempt, now, outcome)
        await self._judge(outcome)
        return outcome, messages

    async def _body(self, messages: list[WebhookMessage]) -> tuple[bytes, list[WebhookMessage]]:
        """What is sent, made now, and of how many of the messages: no more than a body may have."""
        if self.webhook.settings.form == "full":
            opened = await self._tools.tail.full([each.position for each in messages])
            messages = fitting(replace(each, thin=opened[each.position]) for each in messages)
        if not self._is_batch(messages):
            return messages[0].thin, messages
        return b"[" + b",".join(each.thin for each in messages) + b"]", messages

    def _is_batch(self, messages: list[WebhookMessage]) -> bool:
        """Also what failed as a batch, when the order has been changed since: it is sent again as it was."""
        return self.webhook.settings.order == STORE or len(messages) > 1

    def _note(
        self, messages: list[WebhookMessage], kind: Kind, attempt: int, at: datetime, outcome: PostOutcome
    ) -> None:
        recorder, last = self._tools.recorder, messages[-1]
        noted = Attempt(
            webhook_id=self.id,
            position=messages[0].position,
            until=last.position,
            events=len(messages),
            digest=last.digest,
            type=last.type,
            customer_id=last.customer_id if len(messages) == 1 else None,
            kind=kind,
            attempt=attempt,
            at=at,
            milliseconds=outcome.milliseconds,
            status=outcome.status,
            error=outcome.error,
            answer=outcome.answer,
        )
        recorder.attempted(noted, messages)
        for each in messages:
            if each.type == ERASED:
                recorder.erasure(self.id, each, at, self._tools.now() if outcome.is_success else None)

    # WHAT FOLLOWS FROM AN ANSWER

    async def _judge(self, outcome: PostOutcome) -> None:
        """More at a time for who answers well, half as many for who does not; a pause for who never does."""
        now = self._tools.now()
        if outcome.is_success:
            self._window = min(MOST_AT_ONCE, self._window + 1)
            if self._failing_since is not None:
                self._recover(now)
            return
        self._window = max(1, self._window // 2)
        rest = retry_after(outcome.retry_after, now)
        if outcome.is_busy or rest is not None:
            self._not_before = max(self._not_before, now + timedelta(seconds=BUSY_SECONDS if rest is None else rest))
        if self._failing_since is None:
            self._failing_since = now
            self._tools.recorder.failing(self.id, now)
        if outcome.status == GONE:
            await self._pause("gone")
        elif now - self._failing_since >= self._tools.patience:
            await self._pause("failing")

    def _recover(self, now: datetime) -> None:
        if self._failing_since is not None and now - self._failing_since > RECOVERY:
            for run in self.runs:
                run.progress.wake(now)
        self._failing_since = None
        self._tools.recorder.failing(self.id, None)

    def _next_at(self, outcome: PostOutcome, failures: int) -> datetime:
        now = self._tools.now()
        return now + timedelta(seconds=max(wait(failures), retry_after(outcome.retry_after, now) or 0))

    async def _pause(self, reason: PauseReason) -> None:
        """With its cursor as it is. Somebody may have deleted it meanwhile."""

        async def pause(unit: Unit) -> None:
            await unit.decide(WEBHOOK, self.id, PauseWebhook(reason=reason))

        with suppress(Refusal):
            await self._tools.store.transact(By(actor=ACTOR, at=self._tools.now()), pause)
        self._has_stopped = True
