"""Webhooks, as people list them: with the names of their headers and the public key, and without any secret."""

from binascii import b2a_base64
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from domain.webhook import (
    WebhookChanged,
    WebhookCreated,
    WebhookDeleted,
    WebhookPaused,
    WebhookReplayed,
    WebhookResumed,
    WebhookSecretRotated,
    WebhookSettings,
    WebhookTested,
)
from projections.tables.projection import Change, Envelope, Projection, gone, of_stream, utc
from projections.tables.table import Table


class WebhookRow(msgspec.Struct, frozen=True, gc=False):
    """`delivery_order` is the settings' `order`, which SQL has another meaning for. `version` counts its events."""

    id: int
    url: str
    description: str
    types: tuple[str, ...]
    labels: tuple[int, ...]
    form: str
    delivery_order: str
    rate: int | None
    headers: tuple[str, ...]
    public_key: str
    former_keys_until: datetime | None
    since: int
    paused: str | None
    paused_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


def _created(id_: int, _row: WebhookRow | None, event: WebhookCreated, envelope: Envelope) -> WebhookRow:
    return WebhookRow(
        id=id_,
        **_settings(event.settings),
        headers=(*event.headers,),
        public_key=_key(event),
        former_keys_until=None,
        since=event.since,
        paused=None,
        paused_at=None,
        created_at=envelope.at,
        updated_at=envelope.at,
        version=1,
    )


def _changed(_id: int, row: WebhookRow | None, event: WebhookChanged, envelope: Envelope) -> WebhookRow | None:
    return row and _next(row, envelope, **_settings(event.settings), headers=(*event.headers,))


def _settings(settings: WebhookSettings) -> dict[str, Any]:
    columns = asdict(settings)
    return columns | {"delivery_order": columns.pop("order")}


def _key(event: WebhookCreated | WebhookSecretRotated) -> str:
    return b2a_base64(event.keys.public, newline=False).decode()


def _rotated(_id: int, row: WebhookRow | None, event: WebhookSecretRotated, envelope: Envelope) -> WebhookRow | None:
    return row and _next(row, envelope, public_key=_key(event), former_keys_until=utc(event.former_until))


def _paused(_id: int, row: WebhookRow | None, event: WebhookPaused, envelope: Envelope) -> WebhookRow | None:
    return row and _next(row, envelope, paused=event.reason, paused_at=envelope.at)


def _resumed(_id: int, row: WebhookRow | None, _event: WebhookResumed, envelope: Envelope) -> WebhookRow | None:
    return row and _next(row, envelope, paused=None, paused_at=None)


def _sent(
    _id: int, row: WebhookRow | None, _event: WebhookTested | WebhookReplayed, _envelope: Envelope
) -> WebhookRow | None:
    return row and replace(row, version=row.version + 1)


def _next(row: WebhookRow, envelope: Envelope, **columns: Any) -> WebhookRow:
    return replace(row, **columns, updated_at=envelope.at, version=row.version + 1)


WEBHOOKS: Projection[WebhookRow] = Projection(
    Table("webhooks", WebhookRow),
    {
        WebhookCreated: Change(of_stream, _created, makes=True),
        WebhookChanged: Change(of_stream, _changed),
        WebhookPaused: Change(of_stream, _paused),
        WebhookResumed: Change(of_stream, _resumed),
        WebhookSecretRotated: Change(of_stream, _rotated),
        WebhookTested: Change(of_stream, _sent),
        WebhookReplayed: Change(of_stream, _sent),
        WebhookDeleted: Change(of_stream, gone),
    },
    erased=None,
    part="webhook",
)
