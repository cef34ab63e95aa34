"""Who was told that a customer is erased: each webhook that was ever sent anything about it."""

from urllib.parse import urlsplit

from msgspec.structs import replace

from domain.event import Stream
from domain.webhook import WebhookDeleted
from eventstore.store import Store
from projections.history.receipt import Receipt, Told
from projections.queries.webhooks import find_webhook
from service import privacy
from service.webhooks.delivery.reading import notices


async def find_receipt(store: Store, customer_id: int) -> Receipt:
    """The receipt of an erasure, with who was told. Raises as `privacy.find_receipt`."""
    found = await privacy.find_receipt(store, customer_id)
    told = [
        Told(each.webhook_id, await _host(store, each.webhook_id), each.sent_at, each.acknowledged_at)
        for each in await notices(store.pool, customer_id)
    ]
    return replace(found, told=(*told,))


async def _host(store: Store, webhook_id: int) -> str:
    """Where a webhook leads to, or led to when it was deleted."""
    if row := await find_webhook(store.pool, webhook_id):
        return urlsplit(row.url).hostname or ""
    events = [recorded.event for recorded in await store.log.stream(store.pool, Stream("webhook", webhook_id))]
    return next((event.host for event in events if isinstance(event, WebhookDeleted)), "")
