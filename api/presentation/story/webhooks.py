"""Webhooks. A sentence names the host alone: the rest of an address may hold a token."""

from api.presentation.story.words import listed, moved, one_line, otherwise
from domain.event import Event
from domain.webhook import (
    PauseReason,
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookPaused,
    WebhookReplayed,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookTested,
)
from projections.history.changes import Changes

BECAUSE: dict[PauseReason, str] = {
    "asked": "",
    "gone": ": it answered that it is gone for good",
    "failing": ": it gave nothing but failures for too long",
}


def webhook_sentence(id_: int, event: Event, changes: Changes) -> str:
    match event:
        case WebhookCreated(settings=settings):
            return f"Webhook {id_} to {one_line(settings.host)} was created."
        case WebhookChanged(settings=settings):
            new = [f"its address, now at {one_line(settings.host)}"] if "url" in changes else []
            others = [name for name in changes if name != "url"]
            return f"Webhook {id_} changed: {listed([*new, *([moved(changes, others)] if others else [])])}."
        case WebhookPaused(reason=reason):
            return f"Webhook {id_} was paused{BECAUSE[reason]}."
        case WebhookResumed():
            return f"Webhook {id_} was resumed."
        case WebhookSecretRotated(former_until=until):
            return f"Webhook {id_} got another secret; the former one signs until {until:%Y-%m-%d %H:%M:%S}."
        case WebhookTested():
            return f"Webhook {id_} was sent a test."
        case WebhookReplayed(after=after, until=until):
            return f"Webhook {id_} was sent the events after {after}, up to {until}, again."
        case WebhookDeleted(host=host):
            return f"Webhook {id_}{f' to {one_line(host)}' if host else ''} was deleted."
        case _:
            return otherwise(event, changes)
