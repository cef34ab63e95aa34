"""Sends messages to one endpoint as it is configured now, and learns from its answers how many it takes, and when."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from domain.refusals import Refusal
from domain.webhook import WEBHOOK, PauseReason, PauseWebhook, Webhook
from eventstore.store import By, Store, Unit
from service.webhooks.delivery.progress import STORE, WebhookMessage, fitting
from service.webhooks.delivery.recorder import Attempt, Recorder
from service.webhooks.delivery.schedule import retry_after, wait
from service.webhooks.delivery.sender import GONE, PostOutcome, WebhookSender
from service.webhooks.delivery.signing import Signer
from service.webhooks.delivery.state import Kind
from service.webhooks.delivery.tail import ERASED, Tail

ACTOR = "custodiary"  # who pauses an endpoint that does not answer well
MOST_AT_ONCE = 16  # messages on their way
BUSY_SECONDS = 5  # that an endpoint rests which is overrun and does not say for how long
SINGLE, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
RECOVERY = timedelta(minutes=1)  # an endpoint that failed for longer is asked for all that waits when it answers again


class Tools(NamedTuple):
    """What all endpoints of a process share. `may_send` is false once the session that holds the locks is lost."""

    store: Store
    tail: Tail
    recorder: Recorder
    sender: WebhookSender
    now: Callable[[], datetime]
    patience: timedelta
    may_send: Callable[[], bool]


class Dispatcher:
    """Nothing goes before `not_before`. `recovered` is called when an endpoint that has
    failed for long answers again.
    """

    def __init__(self, id_: int, failing_since: datetime | None, tools: Tools, recovered: Callable[[], None]) -> None:
        self.id = id_
        self._window = 1  # more once it has answered: one that hangs would hold as many as it may have
        self.not_before = tools.now()
        self.has_stopped = False
        self._failing_since = failing_since
        self._tools = tools
        self._recovered = recovered
        self._is_outdated = True

    def use(self, webhook: Webhook) -> None:
        """Send as it says from now on."""
        self.webhook = webhook
        self._signer = Signer(webhook.keys)
        self._is_outdated = False

    def hold(self) -> None:
        """Send nothing until `use`: the endpoint has changed, and what comes after that is not for its former self."""
        self._is_outdated = True

    def may_fly(self, now: datetime) -> int:
        """How many messages may be on their way."""
        return self._window if self.may_send and now >= self.not_before else 0

    @property
    def may_send(self) -> bool:
        return not (self.has_stopped or self._is_outdated) and self._tools.may_send()

    async def send(
        self, messages: list[WebhookMessage], kind: Kind, attempt: int
    ) -> tuple[PostOutcome | None, list[WebhookMessage]]:
        """How it went, and what of the messages was sent; None where this process may not send any more."""
        body, messages = await self._body(messages)
        if not self.may_send:
            return None, []
        now, last = self._tools.now(), messages[-1]
        headers = {
            **self.webhook.headers,
            "content-type": BATCH if self._is_batch(messages) else SINGLE,
            **self._signer.headers(f"{self.id}-{last.position}", body, now),
        }
        outcome = await self._tools.sender.post(self.webhook.settings.url, headers, body)
        self._note(messages, kind, attempt, now, outcome)
        await self._judge(outcome)
        return outcome, messages

    def next_at(self, outcome: PostOutcome, failures: int) -> datetime:
        """When to send again what has failed so often."""
        now = self._tools.now()
        return now + timedelta(seconds=max(wait(failures), retry_after(outcome.retry_after, now) or 0))

    async def _body(self, messages: list[WebhookMessage]) -> tuple[bytes, list[WebhookMessage]]:
        """What is sent, made now, and of how many of the messages: no more than a body may have."""
        if self.webhook.settings.form == "full":
            opened = await self._tools.tail.full([each.position for each in messages])
            messages = fitting(replace(each, thin=opened[each.position]) for each in messages)
        else:
            messages = [await self._tools.tail.current(each) for each in messages]
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
            positions=[each.position for each in messages] if len(messages) > 1 else None,
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

    async def _judge(self, outcome: PostOutcome) -> None:
        """More at a time for who answers well, half as many for who does not; a pause for who never does."""
        now = self._tools.now()
        if outcome.is_success:
            self._window = min(MOST_AT_ONCE, self._window + 1)
            self._recover(now)
            return
        self._window = max(1, self._window // 2)
        rest = retry_after(outcome.retry_after, now)
        if outcome.is_busy or rest is not None:
            self.not_before = max(self.not_before, now + timedelta(seconds=BUSY_SECONDS if rest is None else rest))
        if self._failing_since is None:
            self._failing_since = now
            self._tools.recorder.failing(self.id, now)
        if outcome.status == GONE:
            await self._pause("gone")
        elif now - self._failing_since >= self._tools.patience:
            await self._pause("failing")

    def _recover(self, now: datetime) -> None:
        if self._failing_since is None:
            return
        if now - self._failing_since > RECOVERY:
            self._recovered()
        self._failing_since = None
        self._tools.recorder.failing(self.id, None)

    async def _pause(self, reason: PauseReason) -> None:
        """With its cursor as it is. Somebody may have deleted it meanwhile."""

        async def pause(unit: Unit) -> None:
            await unit.decide(WEBHOOK, self.id, PauseWebhook(reason=reason))

        with suppress(Refusal):
            await self._tools.store.transact(By(actor=ACTOR, at=self._tools.now()), pause)
        self.has_stopped = True
