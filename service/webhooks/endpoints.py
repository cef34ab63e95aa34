"""Webhooks: create, change, pause, resume, test, replay, rotate the secret, delete."""

import secrets
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.refusals import Refusal, WebhookNotFound
from domain.webhook import (
    WEBHOOK,
    ChangeWebhook,
    CreateWebhook,
    RotateSecret,
    SigningKeys,
    WebhookCommand,
    WebhookSettings,
)
from eventstore.log.log import HEAD
from eventstore.postgres.connection import Executor, Session
from eventstore.store import Store, Unit
from projections.models.webhooks import WebhookRow
from projections.queries.lookups import existing_labels
from projections.queries.webhooks import count_wanted, count_webhooks, every_webhook, find_webhook
from service.feed.pages import AheadOfTheLog, position_before
from service.webhooks.delivery.reading import Delivery, EndpointLag, deliveries, lags
from service.webhooks.delivery.reading import resend as send_again
from service.webhooks.fields import ReplayRange

MOST = 200  # webhooks of a store
OVERLAP = timedelta(days=1)  # in which the former keys sign, too


class TooManyWebhooks(Refusal):
    """No more are made."""


class UnknownLabelOfWebhook(Refusal):
    """label_id: a webhook is about customers who carry a label that is not there."""


class WithNewKeys(NamedTuple):
    """A webhook, with keys that are new."""

    id: int
    keys: SigningKeys


class AttemptPage(NamedTuple):
    """`before` is where the next page begins; None when there is nothing before this one."""

    attempts: list[Delivery]
    before: int | None


class Replayable(NamedTuple):
    """A range of the log, and how many of its events a webhook is sent."""

    after: int
    until: int
    events: int


async def find(on: Executor, id_: int) -> WebhookRow:
    """Raises WebhookNotFound."""
    row = await find_webhook(on, id_)
    if row is None:
        raise WebhookNotFound
    return row


async def listed(store: Store) -> list[tuple[WebhookRow, EndpointLag | None]]:
    """All, each with how far behind it is, where a process has begun with it."""
    rows = await every_webhook(store.pool)
    behind = await lags(store, {row.id: row.types for row in rows})
    return [(row, behind.get(row.id)) for row in rows]


async def find_with_lag(store: Store, id_: int) -> tuple[WebhookRow, EndpointLag | None]:
    """Raises WebhookNotFound."""
    row = await find(store.pool, id_)
    return row, (await lags(store, {id_: row.types})).get(id_)


async def attempts(store: Store, id_: int, before: int | None, limit: int) -> AttemptPage:
    """What it was sent, the newest first. Raises WebhookNotFound."""
    await find(store.pool, id_)
    found = await deliveries(store.pool, id_, before=before, limit=limit + 1)
    return AttemptPage(found[:limit], found[limit - 1].id if len(found) > limit else None)


async def resend(on: Session, id_: int, delivery_id: int) -> None:
    """Raises WebhookNotFound, DeliveryNotFound."""
    await find(on, id_)
    await send_again(on, id_, delivery_id)


async def create(unit: Unit, settings: WebhookSettings, headers: Mapping[str, str]) -> WithNewKeys:
    """It is sent what happens from now on. Raises UnknownLabelOfWebhook, TooManyWebhooks."""
    if await count_webhooks(unit.on) >= MOST:
        raise TooManyWebhooks
    await _require_labels(unit, settings.labels)
    id_, keys = await unit.new_id(WEBHOOK), _new_keys()
    since = await unit.on.fetchval(HEAD) or 0
    await unit.decide(WEBHOOK, id_, CreateWebhook(settings=settings, keys=keys, since=since, headers=dict(headers)))
    return WithNewKeys(id_, keys)


async def change(unit: Unit, id_: int, command: ChangeWebhook) -> int:
    """The webhook's id. A label that it has already may be gone by now. Raises UnknownLabelOfWebhook."""
    known = await unit.load(WEBHOOK, id_)
    await _require_labels(unit, set(command.settings.labels).difference(known.settings.labels if known else ()))
    return await act(unit, id_, command)


async def rotate(unit: Unit, id_: int) -> WithNewKeys:
    """For a while the former keys sign, too; those before them no longer do."""
    keys = _new_keys()
    return WithNewKeys(await act(unit, id_, RotateSecret(keys=keys, former_until=unit.by.at + OVERLAP)), keys)


async def act(unit: Unit, id_: int, command: WebhookCommand) -> int:
    """The webhook's id."""
    await unit.decide(WEBHOOK, id_, command)
    return id_


async def replayable(store: Store, id_: int, wanted: ReplayRange) -> Replayable:
    """What a replay would send. Raises WebhookNotFound, AheadOfTheLog."""
    head = await store.log.head(store.pool)
    after = await position_before(store, wanted.since) if wanted.since else wanted.after or 0
    if after > head:
        raise AheadOfTheLog(head)
    until = min(wanted.until or head, head)
    events = await count_wanted(store.pool, id_, after, until)
    if events is None:
        raise WebhookNotFound
    return Replayable(after, until, events)


async def _require_labels(unit: Unit, labels: Collection[int]) -> None:
    if unknown := set(labels).difference(await existing_labels(unit.on, labels)):
        raise UnknownLabelOfWebhook(min(unknown))


def _new_keys() -> SigningKeys:
    private = Ed25519PrivateKey.generate()
    return SigningKeys(
        symmetric=secrets.token_bytes(32),
        private=private.private_bytes_raw(),
        public=private.public_key().public_bytes_raw(),
    )
