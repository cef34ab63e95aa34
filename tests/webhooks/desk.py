"""Endpoints, and a process that delivers to them, in one line each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.webhook import (
    WEBHOOK,
    ChangeWebhook,
    CreateWebhook,
    PauseWebhook,
    ReplayWebhook,
    ResumeWebhook,
    TestWebhook,
    Webhook,
    WebhookCommand,
    WebhookSettings,
)
from eventstore.postgres.servers import Servers
from eventstore.store import Store, Unit
from service.webhooks.delivery.engine import DeliverySettings, delivering
from tests.eventstore.acts import BY, PATIENCE, do
from tests.webhooks.receiver import Receiver
from tests.webhooks.test_signing import keys

STORE_URL = "https://store.example"


class Clock:
    """One that tests put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def go_on(self, store: Store, receiver: Receiver, by: timedelta) -> None:
        """When all that was answered is known: the next attempts are counted from then."""
        await until(store, "SELECT count(*) >= $1 FROM webhook_attempts", len(receiver.received))
        self.ahead += by


@asynccontextmanager
async def deliveries(store: Store, servers: Servers, **settings: Any) -> AsyncIterator[None]:
    common: dict[str, Any] = {"store_url": STORE_URL, "allowed": ("127.0.0.0/8",), "timeout": 5.0}
    async with delivering(store, servers, DeliverySettings(**common | settings)):
        yield


async def endpoint(store: Store, receiver: Receiver | str, *, since: int | None = None, **settings: Any) -> int:
    """A new one, of what comes after a position, or from now on."""
    url = receiver if isinstance(receiver, str) else receiver.url()
    headers = settings.pop("headers", {})
    after = await store.log.head(store.pool) if since is None else since

    async def create(unit: Unit) -> int:
        id_ = await unit.new_id(WEBHOOK)
        command = CreateWebhook(
            settings=WebhookSettings(url=url, **settings), keys=keys(1), since=after, headers=headers
        )
        await unit.decide(WEBHOOK, id_, command)
        return id_

    return await store.transact(BY, create)


async def tell(store: Store, webhook_id: int, command: WebhookCommand) -> int:
    """Returns the position of what came of it."""
    await do(store, WEBHOOK, webhook_id, command)
    return await store.log.head(store.pool)


async def pause(store: Store, webhook_id: int) -> int:
    return await tell(store, webhook_id, PauseWebhook(reason="asked"))


async def resume(store: Store, webhook_id: int) -> int:
    return await tell(store, webhook_id, ResumeWebhook())


async def test(store: Store, webhook_id: int) -> int:
    return await tell(store, webhook_id, TestWebhook())


async def replay(store: Store, webhook_id: int, after: int, until: int) -> int:
    return await tell(store, webhook_id, ReplayWebhook(after=after, until=until))


async def change(store: Store, webhook_id: int, url: str, **settings: Any) -> int:
    return await tell(store, webhook_id, ChangeWebhook(settings=WebhookSettings(url=url, **settings)))


async def webhook(store: Store, webhook_id: int) -> Webhook:
    loaded: list[Webhook | None] = []

    async def load(unit: Unit) -> None:
        loaded.append(await unit.load(WEBHOOK, webhook_id))

    await store.transact(BY, load)
    assert loaded[0] is not None
    return loaded[0]


async def positions(store: Store, customer_id: int) -> list[int]:
    rows = await store.pool.fetch(
        "SELECT notification_id FROM stored_events WHERE customer_id = $1 ORDER BY 1", customer_id
    )
    return [row[0] for row in rows]


async def until(store: Store, query: str, *arguments: Any) -> None:
    """Waits until a query gives true."""
    async with asyncio.timeout(PATIENCE):
        while not await store.pool.fetchval(query, *arguments):  # noqa: ASYNC110 - what moves is in the database
            await asyncio.sleep(0.05)
