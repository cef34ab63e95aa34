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
from eventstore.postgres.connection import Executor
from eventstore.store import Store, Unit
from projections.models.webhooks import WebhookRow
from projections.queries.lookups import existing_labels
from projections.queries.webhooks import count_wanted, count_webhooks, find_webhook
from service.feed.pages import position_before
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
    """What a replay would send. Raises WebhookNotFound."""
    head = await store.log.head(store.pool)
    after = await position_before(store, wanted.since) if wanted.since else wanted.after or 0
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
