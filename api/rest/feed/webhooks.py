"""Webhooks: endpoints of others, which are sent events."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from litestar.params import FromPath
from msgspec import Meta, Struct
from msgspec.structs import replace

from api.handling.idempotency import read_key
from api.handling.if_match import OF_WEBHOOK, read_if_match
from api.handling.serving import AnyRequest, id_in_path, serving
from api.handling.writes import Conditions, Outcome, carry_out, just
from api.http.answer import Answer, answer
from api.http.request import read
from api.openapi.operation import delete, get, post, put
from api.presentation.values import Done
from api.presentation.webhooks import (
    FollowingWebhook,
    ShownWebhook,
    WebhookWithSecret,
    following_webhook,
    webhook,
    webhook_with_secret,
)
from domain.refusals import UnknownHeader, WebhookIsPaused, WebhookNotFound
from domain.webhook import (
    ChangeWebhook,
    DeleteWebhook,
    PauseWebhook,
    ReplayWebhook,
    ResumeWebhook,
    TestWebhook,
    WebhookCommand,
)
from eventstore.postgres.connection import Session
from eventstore.store import Unit
from service.credentials.auth import Principal
from service.feed.pages import AheadOfTheLog
from service.fields.input import Nothing
from service.webhooks import endpoints
from service.webhooks.endpoints import Replayable, TooManyWebhooks, UnknownLabelOfWebhook, WithNewKeys
from service.webhooks.fields import ChangedWebhook, NewWebhook, ReplayRange, WebhookFields

GROUP = "Webhooks"
PATH = "/webhooks/{webhook_id:str}"


class WebhooksListed(Struct):
    webhooks: list[FollowingWebhook]


class OneWebhook(Struct):
    webhook: FollowingWebhook


class WebhookSaved(Struct):
    message: str
    data: ShownWebhook


class WebhookSigned(Struct):
    message: str
    data: WebhookWithSecret


class WhatIsReplayed(Struct):
    """`events` that the webhook lets through, of those after one position and up to the other."""

    after: int
    until: int
    events: Annotated[int, Meta(ge=0, examples=[1204])]


class ReplayAnswered(Struct):
    message: str
    data: WhatIsReplayed


@get("/webhooks", "List webhooks", GROUP, "feeds/manage", answers=WebhooksListed)
async def list_webhooks(request: AnyRequest) -> Answer:
    """All webhooks of the store, by id, with how far behind each is."""
    found = await endpoints.listed(serving(request).store)
    return answer(WebhooksListed([following_webhook(*each) for each in found]))


@get(PATH, "Get a webhook", GROUP, "feeds/manage", answers=OneWebhook, refuses=WebhookNotFound, versioned=True)
async def get_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Its settings, whether it is paused and why, the public key, and how far behind it is."""
    row, behind = await endpoints.find_with_lag(serving(request).store, id_in_path(webhook_id))
    return answer(OneWebhook(following_webhook(row, behind)), version=row.version)


@post(
    "/webhooks", "Create a webhook", GROUP, "feeds/manage", takes=NewWebhook, answers=WebhookSigned,
    refuses=(UnknownLabelOfWebhook(7), TooManyWebhooks), versioned="new",
)  # fmt: skip
async def create_webhook(request: AnyRequest) -> Answer:
    """It is sent what happens from now on; replay what was before. The secret is shown this once."""
    new = await read(request, NewWebhook)
    require_full(request, new)
    show = signed("Webhook created successfully! Its secret is shown this once.")
    return await carry_out(request, lambda unit: endpoints.create(unit, new.settings, new.headers), show)


@put(
    PATH, "Change a webhook", GROUP, "feeds/manage", takes=ChangedWebhook, answers=WebhookSaved, versioned=True,
    refuses=(WebhookNotFound, UnknownLabelOfWebhook(7), UnknownHeader("x-shop")),
)  # fmt: skip
async def change_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """To exactly these settings: what is not sent is as in a new webhook, except that headers stay. What has not been
    delivered yet goes by the new settings.
    """
    id_, changed = id_in_path(webhook_id), await read(request, ChangedWebhook)
    require_full(request, changed)
    command = ChangeWebhook(settings=changed.settings, headers=changed.headers)
    return await _save(request, id_, "Webhook updated successfully!", lambda unit: endpoints.change(unit, id_, command))


@delete(
    PATH, "Delete a webhook", GROUP, "feeds/manage", takes=Nothing, answers=Done, refuses=WebhookNotFound,
    versioned="unless erased",
)  # fmt: skip
async def delete_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Nothing is sent to it any more. Its secret, its headers and all of its address but the host are forgotten."""
    id_ = id_in_path(webhook_id)
    await read(request, Nothing)
    done, conditions = just(Done("Webhook deleted successfully!")), await _conditions(request, id_)
    return await carry_out(
        request, lambda unit: endpoints.act(unit, id_, DeleteWebhook()), done, conditions=conditions
    )  # fmt: skip


@post(
    f"{PATH}/pause", "Pause a webhook", GROUP, "feeds/manage", takes=Nothing, answers=WebhookSaved,
    refuses=WebhookNotFound, versioned=True,
)  # fmt: skip
async def pause_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Nothing is sent to it until it is resumed, and nothing is lost."""
    return await _act(request, webhook_id, "Webhook paused.", PauseWebhook(reason="asked"))


@post(
    f"{PATH}/resume", "Resume a webhook", GROUP, "feeds/manage", takes=Nothing, answers=WebhookSaved,
    refuses=WebhookNotFound, versioned=True,
)  # fmt: skip
async def resume_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """It goes on where it was when it was paused."""
    return await _act(request, webhook_id, "Webhook resumed.", ResumeWebhook())


@post(
    f"{PATH}/test", "Test a webhook", GROUP, "feeds/manage", takes=Nothing, answers=WebhookSaved,
    refuses=(WebhookNotFound, WebhookIsPaused), versioned=True,
)  # fmt: skip
async def test_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Sends it an event `webhook-tested`, whatever its filters. Its deliveries have the outcome."""
    return await _act(request, webhook_id, "A test is on its way.", TestWebhook())


@post(
    f"{PATH}/rotate-secret", "Rotate a webhook's secret", GROUP, "feeds/manage", takes=Nothing, answers=WebhookSigned,
    refuses=WebhookNotFound, versioned=True,
)  # fmt: skip
async def rotate_secret(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Another secret and key pair, shown this once. For a day the former ones sign, too; who rotates twice ends them at
    once.
    """
    id_ = id_in_path(webhook_id)
    await read(request, Nothing)
    show = signed("The secret is another one. It is shown this once.")
    conditions = await _conditions(request, id_)
    return await carry_out(request, lambda unit: endpoints.rotate(unit, id_), show, conditions=conditions)


@post(
    f"{PATH}/replay", "Replay events to a webhook", GROUP, "feeds/manage", takes=ReplayRange, answers=ReplayAnswered,
    refuses=(WebhookNotFound, AheadOfTheLog(0)), versioned=True,
)  # fmt: skip
async def replay_to_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Sends it a range of the log again, with the same ids, beside what happens now. With `dry_run`, says how many
    events that would be, and sends nothing.
    """
    id_, wanted = id_in_path(webhook_id), await read(request, ReplayRange)
    counted = await endpoints.replayable(serving(request).store, id_, wanted)
    command = ReplayWebhook(after=counted.after, until=counted.until)

    async def work(unit: Unit) -> int:
        return id_ if wanted.dry_run else await endpoints.act(unit, id_, command)

    return await carry_out(request, work, _replayed(counted, wanted), conditions=await _conditions(request, id_))


def require_full(request: AnyRequest, wanted: WebhookFields) -> None:
    """Raises PermissionMissing for who may not send values to others, and would."""
    asking: Principal = request.user
    if wanted.form == "full":
        asking.require("feeds/full")


def signed(message: str) -> Callable[[Session, WithNewKeys], Awaitable[Outcome]]:
    async def show(session: Session, made: WithNewKeys) -> Outcome:
        row = await endpoints.find(session, made.id)
        body = WebhookSigned(message, webhook_with_secret(row, made.keys))
        return Outcome(body, version=row.version, kept=replace(body, data=replace(body.data, secret=None)))

    return show


def _replayed(counted: Replayable, wanted: ReplayRange) -> Callable[[Session, int], Awaitable[Outcome]]:
    message = "Nothing is sent: this is what would be." if wanted.dry_run else "The events are on their way."

    async def show(session: Session, id_: int) -> Outcome:
        row = await endpoints.find(session, id_)
        return Outcome(ReplayAnswered(message, WhatIsReplayed(*counted)), version=row.version)

    return show


async def _act(request: AnyRequest, webhook_id: str, message: str, command: WebhookCommand) -> Answer:
    id_ = id_in_path(webhook_id)
    await read(request, Nothing)
    return await _save(request, id_, message, lambda unit: endpoints.act(unit, id_, command))


async def _save(request: AnyRequest, id_: int, message: str, work: Callable[[Unit], Awaitable[int]]) -> Answer:
    async def show(session: Session, id_: int) -> Outcome:
        row = await endpoints.find(session, id_)
        return Outcome(WebhookSaved(message, webhook(row)), version=row.version)

    return await carry_out(request, work, show, conditions=await _conditions(request, id_))


async def _conditions(request: AnyRequest, id_: int) -> Conditions:
    return Conditions(read_if_match(request, id_, OF_WEBHOOK), await read_key(request))


HANDLERS = [
    list_webhooks, get_webhook, create_webhook, change_webhook, delete_webhook, pause_webhook, resume_webhook,
    test_webhook, rotate_secret, replay_to_webhook,
]  # fmt: skip
