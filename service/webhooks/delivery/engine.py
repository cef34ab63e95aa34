"""Delivers webhooks in the background of the service. Of all processes that share the store, one delivers for an
endpoint at a time: it holds a lock in a session of PostgreSQL, which ends with the process.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from domain.event import Stream
from domain.webhook import WEBHOOK, Webhook
from eventstore.postgres.servers import Servers
from eventstore.postgres.sessions import SESSION
from eventstore.postgres.stream_ids import MAX_ID, from_uuid, to_uuid
from eventstore.reading.stream_cache import beginning
from eventstore.store import Store
from service.background.every import attempt, regularly
from service.webhooks.delivery import state
from service.webhooks.delivery.dispatch import Tools
from service.webhooks.delivery.endpoint import Deliverer
from service.webhooks.delivery.guard import Guard
from service.webhooks.delivery.progress import WebhookMessage
from service.webhooks.delivery.recorder import Recorder
from service.webhooks.delivery.sender import TIMEOUT, WebhookSender, open_sender
from service.webhooks.delivery.tail import Tail

logger = logging.getLogger("custodiary.webhooks")

KEPT = timedelta(days=30)  # attempts
HOUR = 3_600.0
EVERY = 0.4  # seconds between two looks for endpoints that nobody delivers for
TAKEN_AT_ONCE = 20  # so that processes that start together share them
# PostgreSQL ends the session, and so frees the locks, of a process that hangs or whose machine is gone. What is written
# of deliveries may be lost in a crash: then they are repeated.
LEASE = SESSION | {
    "idle_session_timeout": "8s",
    "idle_in_transaction_session_timeout": "8s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "statement_timeout": "7s",
    "synchronous_commit": "off",
}
HEARD = 7.0  # seconds since the session answered, after which its locks may be lost
KNOWN = "SELECT DISTINCT originator_id FROM stored_events WHERE originator_id BETWEEN $1 AND $2"
TAKE = """
    SELECT id FROM unnest($1::bigint[]) AS id
    WHERE pg_try_advisory_lock(hashtextextended('custodiary webhook', id))"""
FREE = "SELECT pg_advisory_unlock(hashtextextended('custodiary webhook', $1))"


class DeliverySettings(msgspec.Struct, frozen=True, kw_only=True):
    """`allowed` are networks besides the internet that webhooks may go to. `now` is a clock, and `timeout` seconds."""

    store_url: str
    allowed: tuple[str, ...] = ()
    patience: timedelta = timedelta(days=5)
    timeout: float = TIMEOUT
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@asynccontextmanager
async def delivering(store: Store, servers: Servers, settings: DeliverySettings) -> AsyncIterator[None]:
    """Delivers in the background, until the end of the block."""
    async with (
        open_sender(Guard(settings.allowed), settings.timeout) as sender,
        regularly(HOUR, lambda: state.forget(store.pool, settings.now() - KEPT), logger, "attempts stay in the log"),
    ):
        task = asyncio.create_task(_go_on(store, servers, settings, sender))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _go_on(store: Store, servers: Servers, settings: DeliverySettings, sender: WebhookSender) -> None:
    async def lead() -> None:
        connection = await servers.connect(LEASE)
        try:
            end = (await store.reach()).durable
            await Leader(store, connection, end, settings, sender).lead()
        finally:
            connection.terminate()

    while True:
        await attempt(lead, logger, "webhooks could not be delivered")
        await asyncio.sleep(EVERY)


class Leader:
    """Delivers for the endpoints whose locks its connection holds. Once that is lost, it ends."""

    def __init__(
        self, store: Store, connection: asyncpg.Connection, end: int, settings: DeliverySettings, sender: WebhookSender
    ) -> None:
        self._store = store
        self._connection = connection
        self._heard = time.monotonic()
        self._webhooks: dict[int, Webhook] = {}
        self._moved: set[int] = set()  # those that have changed
        self._woken = asyncio.Event()
        self._lost = asyncio.Event()
        self._led: dict[int, tuple[Deliverer, asyncio.Task[None]]] = {}
        self._recorder = Recorder(connection)
        self._tail = Tail(store, settings.store_url, end, self._wake)
        self._tools = Tools(store, self._tail, self._recorder, sender, settings.now, settings.patience, self._may_send)

    async def lead(self) -> None:
        """Until the connection is lost, or something else goes wrong."""
        self._connection.add_termination_listener(self._lose)
        ids = [to_uuid(Stream(WEBHOOK.category, id_)) for id_ in (0, MAX_ID)]
        self._moved.update(from_uuid(row[0]).id for row in await self._store.pool.fetch(KNOWN, *ids))
        work = [
            asyncio.create_task(each)
            for each in (self._lost.wait(), self._tail.follow(), self._recorder.go_on(), self._go_on())
        ]
        try:
            done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            work += [task for _, task in self._led.values()]
            for each in work:
                each.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            if not self._connection.is_closed():
                with suppress(ConnectionError):
                    await self._recorder.flush()

    def _lose(self, _connection: object) -> None:
        self._lost.set()

    def _may_send(self) -> bool:
        return not self._connection.is_closed() and time.monotonic() - self._heard < HEARD

    def _wake(self, message: WebhookMessage) -> None:
        category, _, id_ = message.lane.partition("/")
        if category == "webhooks":
            self._moved.add(int(id_))
            self._woken.set()
            if led := self._led.get(int(id_)):
                led[0].hold()
        for endpoint, _ in self._led.values():
            endpoint.wake()

    async def _go_on(self) -> None:
        while True:
            self._woken.clear()
            self._moved.update(id_ for id_, (_, task) in self._led.items() if task.done())
            moved, self._moved = self._moved, set()
            for id_, webhook in (await self._read(moved)).items():
                await self._use(id_, webhook)
            await self._take()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await self._woken.wait()

    async def _read(self, ids: Collection[int]) -> dict[int, Webhook]:
        """Endpoints as they are now."""
        streams = [Stream(WEBHOOK.category, id_) for id_ in ids]
        events = (await self._store.log.streams(self._store.pool, streams)).by_stream() if streams else {}
        found: dict[int, Webhook] = {}
        for stream in streams:
            own = events.get(stream, [])
            webhook: Webhook | None = beginning(WEBHOOK).after(WEBHOOK, own, None).state
            if webhook is not None:  # a failover may have taken what was the log's end when it was made
                found[stream.id] = msgspec.structs.replace(webhook, since=min(webhook.since, own[0].position - 1))
        return found

    async def _use(self, id_: int, webhook: Webhook) -> None:
        """Go on as it says now; or do not, where it is paused or deleted, has ended, or has another order."""
        self._webhooks[id_] = webhook
        if led := self._led.get(id_):
            endpoint, task = led
            is_same = webhook.settings.order == endpoint.webhook.settings.order
            if is_same and not (webhook.paused or webhook.deleted or task.done()):
                if id_ not in self._moved:  # else it has changed again, and stays held
                    endpoint.use(webhook)
            else:
                await self._leave(id_, endpoint, task)
        elif webhook.paused:  # whoever delivers for it may have ended before it could note that
            async with self._recorder.session() as on:
                await state.rest(on, id_)
        if webhook.deleted:
            del self._webhooks[id_]
            async with self._recorder.session() as on:
                await state.end(on, [id_])

    async def _leave(self, id_: int, endpoint: Deliverer, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        del self._led[id_]
        async with self._recorder.session() as on:
            for run in endpoint.runs:
                self._recorder.leave(run)
            if self._webhooks[id_].paused:
                await state.rest(on, id_)
        async with self._recorder.session() as on:  # only now, when another process can read how far this one was
            await on.execute(FREE, id_)

    async def _take(self) -> None:
        """Some of the endpoints that nobody delivers for. Also what other processes were asked to send again."""
        free = [id_ for id_, webhook in self._webhooks.items() if id_ not in self._led and not webhook.paused]
        async with self._recorder.session() as on:
            taken = await on.fetch(TAKE, random.sample(free, min(len(free), TAKEN_AT_ONCE)))
            found = {id_: await state.load(on, id_, self._webhooks[id_].since) for (id_,) in taken}
            for ahead in await state.ahead_of(on, self._led):
                self._led[ahead.webhook_id][0].go_ahead([ahead])
        self._heard = time.monotonic()
        for id_, loaded in found.items():
            endpoint = Deliverer(id_, self._webhooks[id_], loaded, self._tools)
            if id_ in self._moved:  # it has changed since it was read
                endpoint.hold()
            work = attempt(endpoint.deliver, logger, "webhooks of an endpoint could not be delivered")
            self._led[id_] = endpoint, asyncio.create_task(work)
