"""An endpoint of somebody else that is sent events: where, which ones, in what form and order, signed by which keys.

Its address may hold a token, and its headers do: all is sealed, and deleting the endpoint destroys the key.
"""

from datetime import datetime
from typing import ClassVar, Literal, TypeAlias, assert_never, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import field
from msgspec.structs import replace

from domain.event import Command, Decider, Event, Value
from domain.refusals import UnknownHeader, WebhookExists, WebhookIsPaused, WebhookNotFound

MessageForm: TypeAlias = Literal["thin", "full"]
# Of each customer's events, so that a customer whose events fail holds up itself alone; or of all events.
DeliveryOrder: TypeAlias = Literal["customer", "store"]
# Somebody asked for it; it answered 410; or it gave nothing but failures for too long.
PauseReason: TypeAlias = Literal["asked", "gone", "failing"]
FORMS: tuple[MessageForm, ...] = get_args(MessageForm)
DELIVERY_ORDERS: tuple[DeliveryOrder, ...] = get_args(DeliveryOrder)
PAUSE_REASONS: tuple[PauseReason, ...] = get_args(PauseReason)


class WebhookSettings(Value, frozen=True, kw_only=True):
    """Empty `types` let all types of events through, empty `labels` all customers, otherwise those who carry one of
    them. `rate` is how many messages a second it is sent at most.
    """

    url: str
    description: str = ""
    types: tuple[str, ...] = ()
    labels: tuple[int, ...] = ()
    form: MessageForm = "thin"
    order: DeliveryOrder = "customer"
    rate: int | None = None

    @property
    def host(self) -> str:
        """What of its address holds no token."""
        return urlsplit(self.url).hostname or ""


class SigningKeys(Value, frozen=True, kw_only=True):
    """The keys that sign each message: one that the receiver has, too, and a pair. `until` is for former ones."""

    symmetric: bytes
    private: bytes  # the seed of ed25519
    public: bytes
    until: datetime | None = None

    def __repr__(self) -> str:
        return "<signing keys>"


class WebhookCreated(Event, frozen=True, kw_only=True, tag="webhook-created"):
    """It is sent what comes after the position `since`."""

    personal = True
    hidden = frozenset({"keys", "headers"})
    settings: WebhookSettings
    keys: SigningKeys
    since: int
    headers: dict[str, str] = field(default_factory=dict)


class WebhookChanged(Event, frozen=True, kw_only=True, tag="webhook-changed"):
    """The settings and headers as they are from now on."""

    personal = True
    hidden = frozenset({"headers"})
    settings: WebhookSettings
    headers: dict[str, str] = field(default_factory=dict)


class WebhookPaused(Event, frozen=True, kw_only=True, tag="webhook-paused"):
    personal = True
    reason: PauseReason


class WebhookResumed(Event, frozen=True, kw_only=True, tag="webhook-resumed"):
    personal = True


class WebhookSecretRotated(Event, frozen=True, kw_only=True, tag="webhook-secret-rotated"):
    """The former keys sign, too, until then."""

    personal = True
    hidden = frozenset({"keys"})
    keys: SigningKeys
    former_until: datetime


class WebhookTested(Event, frozen=True, kw_only=True, tag="webhook-tested"):
    """It is sent this event, whatever its filters."""

    personal = True


class WebhookReplayed(Event, frozen=True, kw_only=True, tag="webhook-replayed"):
    """It is sent the events after a position, up to another, again."""

    personal = True
    after: int
    until: int


class WebhookDeleted(Event, frozen=True, kw_only=True, tag="webhook-deleted"):
    """All else of it is forgotten, but who did what to it when. `host` tells for good where events went."""

    personal = False
    outlives_erasure = True
    host: str = ""


WebhookEvent: TypeAlias = (
    WebhookCreated
    | WebhookChanged
    | WebhookPaused
    | WebhookResumed
    | WebhookSecretRotated
    | WebhookTested
    | WebhookReplayed
    | WebhookDeleted
)


class CreateWebhook(Command, frozen=True, kw_only=True):
    settings: WebhookSettings
    keys: SigningKeys
    since: int
    headers: dict[str, str]


class ChangeWebhook(Command, frozen=True, kw_only=True):
    """Without headers they stay. A header without a value keeps the one that it has."""

    settings: WebhookSettings
    headers: dict[str, str | None] | None = None


class PauseWebhook(Command, frozen=True, kw_only=True):
    reason: PauseReason


class ResumeWebhook(Command, frozen=True, kw_only=True):
    pass


class RotateSecret(Command, frozen=True, kw_only=True):
    keys: SigningKeys
    former_until: datetime


class TestWebhook(Command, frozen=True, kw_only=True):
    __test__: ClassVar[bool] = False  # pytest need not look into it


class ReplayWebhook(Command, frozen=True, kw_only=True):
    after: int
    until: int


class DeleteWebhook(Command, frozen=True, kw_only=True):
    pass


WebhookCommand: TypeAlias = (
    CreateWebhook
    | ChangeWebhook
    | PauseWebhook
    | ResumeWebhook
    | RotateSecret
    | TestWebhook
    | ReplayWebhook
    | DeleteWebhook
)


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`keys` that sign, the newest first: two during a rotation. `paused` is why it is, if it is."""

    settings: WebhookSettings
    keys: tuple[SigningKeys, ...]
    since: int
    headers: dict[str, str]
    paused: PauseReason | None = None
    deleted: bool = False


DELETED = Webhook(settings=WebhookSettings(url=""), keys=(), since=0, headers={}, deleted=True)


def evolve(state: Webhook | None, event: WebhookEvent) -> Webhook | None:
    match event:
        case WebhookCreated(settings=settings, keys=keys, since=since, headers=headers):
            return Webhook(settings=settings, keys=(keys,), since=since, headers=headers)
        case WebhookChanged(settings=settings, headers=headers):
            return state and replace(state, settings=settings, headers=headers)
        case WebhookPaused(reason=reason):
            return state and replace(state, paused=reason)
        case WebhookResumed():
            return state and replace(state, paused=None)
        case WebhookSecretRotated(keys=keys, former_until=until):
            return state and replace(state, keys=(keys, replace(state.keys[0], until=until)))
        case WebhookTested() | WebhookReplayed():
            return state
        case WebhookDeleted():
            return DELETED
        case _:
            assert_never(event)


def decide(command: WebhookCommand, state: Webhook | None) -> list[WebhookEvent]:
    match command:
        case CreateWebhook(settings=settings, keys=keys, since=since, headers=headers):
            if state is not None:
                raise WebhookExists
            return [WebhookCreated(settings=settings, keys=keys, since=since, headers=headers)]
        case ChangeWebhook(settings=settings, headers=sent):
            known = _existing(state)
            headers = known.headers if sent is None else _with_values(sent, known.headers)
            is_same = (settings, headers) == (known.settings, known.headers)
            return [] if is_same else [WebhookChanged(settings=settings, headers=headers)]
        case PauseWebhook(reason=reason):
            return [] if _existing(state).paused else [WebhookPaused(reason=reason)]
        case ResumeWebhook():
            return [WebhookResumed()] if _existing(state).paused else []
        case RotateSecret(keys=keys, former_until=until):
            _existing(state)
            return [WebhookSecretRotated(keys=keys, former_until=until)]
        case TestWebhook():
            if _existing(state).paused:
                raise WebhookIsPaused
            return [WebhookTested()]
        case ReplayWebhook(after=after, until=until):
            _existing(state)
            return [WebhookReplayed(after=after, until=until)] if after < until else []
        case DeleteWebhook():
            return [WebhookDeleted(host=_existing(state).settings.host)]
        case _:
            assert_never(command)


def _existing(state: Webhook | None) -> Webhook:
    if state is None or state.deleted:
        raise WebhookNotFound
    return state


def _with_values(sent: dict[str, str | None], known: dict[str, str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in sent.items():
        if value is None and name not in known:
            raise UnknownHeader(name)
        headers[name] = known[name] if value is None else value
    return headers


WEBHOOK: Decider[Webhook | None] = Decider(
    category="webhook",
    initial=None,
    decide=decide,
    evolve=evolve,
    claims=lambda _state: frozenset(),
    customer_of=lambda _id, _state: None,
)
