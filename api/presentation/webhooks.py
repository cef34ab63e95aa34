"""Webhooks as clients know them: without any secret, once it was shown, and without the values of headers."""

from base64 import b64encode
from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Struct
from msgspec.structs import asdict

from api.presentation.values import Id, Moment, moved_by, one_of
from domain.webhook import SigningKeys
from projections.models.webhooks import WebhookRow
from projections.tables.projection import utc
from service.fields.choices import DELIVERY_ORDER, MESSAGE_FORM, PAUSE_REASON
from service.values import shown
from service.webhooks.delivery.reading import Delivery, EndpointLag
from service.webhooks.delivery.state import Kind

SYMMETRIC, PUBLIC = "whsec_", "whpk_"

PublicKey: TypeAlias = Annotated[
    str,
    Meta(
        pattern="^whpk_",
        description="Verifies signatures of v1a: ed25519.",
        examples=["whpk_3AwYQkzt7yzt2QkzN1ZmKHGPuqPN7RaLZAkyXWpFbVA="],
    ),
]
Secret: TypeAlias = Annotated[
    str,
    Meta(
        pattern="^whsec_",
        description="Verifies signatures of v1: HMAC-SHA256.",
        examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
    ),
]


class Paused(Struct):
    """`asked` by somebody; `gone`: it answered 410; `failing`: nothing but failures for too long."""

    reason: Annotated[str, one_of(PAUSE_REASON)]
    at: Moment


class OfCustomers(Struct):
    labels: Annotated[list[int], Meta(description="Those who carry one of these; none: everybody.")]


class ShownWebhook(Struct):
    """`headers` have null for each value, which nobody is shown again: sent back, it stays as it is. It is sent what
    comes after the position `since`. Until `former_secret_until` the secret before signs, too.
    """

    id: Id
    url: Annotated[str, Meta(examples=["https://crm.example.com/hooks"])]
    description: str
    types: Annotated[list[str], Meta(description="None: all.", examples=[["customer-renamed"]])]
    customers: OfCustomers
    form: Annotated[str, one_of(MESSAGE_FORM)]
    order: Annotated[str, one_of(DELIVERY_ORDER)]
    rate: Annotated[int | None, Meta(description="Messages a second, at most.")]
    headers: Annotated[dict[str, None], Meta(examples=[{"x-shop": None}])]
    status: Literal["enabled", "paused"]
    paused: Paused | None
    public_key: PublicKey
    former_secret_until: Moment | None
    since: int
    created_at: Moment
    updated_at: Annotated[Moment, moved_by("its settings, its secret, pausing and resuming")]


class ShownDelivery(Struct):
    """An attempt at a message, of one event or of a batch from `position` to `until`. Without an answer `status` is
    null, and `error` says why. `answer` is its first kB, and empty once the customer is erased.
    """

    id: Id
    webhook_id: Id
    position: Id
    until: Id
    events: Annotated[int, Meta(ge=1, examples=[1])]
    type: Annotated[str, Meta(examples=["customer-renamed"], description="Of the last event.")]
    customer_id: int | None
    kind: Kind
    attempt: Annotated[int, Meta(ge=1, examples=[1])]
    at: Moment
    milliseconds: Annotated[int, Meta(ge=0, examples=[31])]
    status: Annotated[int | None, Meta(examples=[204])]
    error: str
    answer: str


class ShownLag(Struct):
    """Events that it is yet to be sent, and the age of the oldest. Those whose messages fail hold up themselves alone;
    since `failing_since` nothing was taken.
    """

    events: Annotated[int, Meta(ge=0, examples=[0])]
    seconds: Annotated[float, Meta(ge=0, examples=[0])]
    customers_held_up: Annotated[int, Meta(ge=0, examples=[0])]
    failing_since: Moment | None
    last_failure: ShownDelivery | None


class FollowingWebhook(ShownWebhook):
    """`lag` is null until a process has begun to deliver to it."""

    lag: ShownLag | None


class WebhookWithSecret(ShownWebhook):
    """`secret` is shown this once, and null in a repetition of the request."""

    secret: Secret | None


def webhook(row: WebhookRow) -> ShownWebhook:
    return ShownWebhook(**_shown(row))


def following_webhook(row: WebhookRow, behind: EndpointLag | None) -> FollowingWebhook:
    return FollowingWebhook(**_shown(row), lag=None if behind is None else _lag(behind))


def _lag(behind: EndpointLag) -> ShownLag:
    failure = behind.last_failure
    return ShownLag(
        events=behind.lag_events,
        seconds=round(behind.lag_seconds, 3),
        customers_held_up=behind.customers_held_up,
        failing_since=shown(behind.failing_since and utc(behind.failing_since)),
        last_failure=None if failure is None else delivery(failure),
    )


def delivery(attempt: Delivery) -> ShownDelivery:
    return ShownDelivery(**asdict(attempt) | {"at": str(utc(attempt.at))})


def webhook_with_secret(row: WebhookRow, keys: SigningKeys) -> WebhookWithSecret:
    return WebhookWithSecret(**_shown(row), secret=SYMMETRIC + b64encode(keys.symmetric).decode())


def _shown(row: WebhookRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "url": row.url,
        "description": row.description,
        "types": list(row.types),
        "customers": OfCustomers(list(row.labels)),
        "form": row.form,
        "order": row.delivery_order,
        "rate": row.rate,
        "headers": dict.fromkeys(row.headers),
        "status": "paused" if row.paused else "enabled",
        "paused": Paused(row.paused, str(row.paused_at)) if row.paused else None,
        "public_key": PUBLIC + row.public_key,
        "former_secret_until": shown(row.former_keys_until),
        "since": row.since,
        "created_at": str(row.created_at),
        "updated_at": str(row.updated_at),
    }
