"""Which events an endpoint is sent."""

from collections.abc import Collection

from domain.event import tag
from domain.webhook import WebhookPaused, WebhookSettings, WebhookTested
from service.webhooks.delivery.progress import WebhookMessage

PAUSED, TESTED = tag(WebhookPaused), tag(WebhookTested)


def wants(own: str, settings: WebhookSettings, message: WebhookMessage, carrying: Collection[int]) -> bool:
    """Whether a cursor sends it to the endpoint of the lane `own`. `carrying` are customers with one of its labels.

    That another endpoint is paused goes to each, whatever its filters; a test goes ahead of the cursor.
    """
    if message.type == PAUSED:
        return message.lane != own
    if message.type == TESTED and message.lane == own:
        return False
    if settings.types and message.type not in settings.types:
        return False
    return not settings.labels or message.customer_id in carrying
