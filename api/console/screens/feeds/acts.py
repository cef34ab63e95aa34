"""What is done with a webhook: paused, resumed, tested, replayed to, given another secret, deleted."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import post
from litestar.params import FromPath
from msgspec import json

from api.console.door import needs
from api.console.forms import read_form, refused_form, submit
from api.console.screens.feeds.edit import PATH, secret_page
from api.console.screens.feeds.page import feed_page
from api.handling.serving import AnyRequest, id_in_path, serving
from api.handling.writes import nothing
from api.http.html import Html, see_other
from api.rest.feed.deliveries import resending
from api.rest.feed.webhooks import WebhookSigned, signed
from domain.webhook import DeleteWebhook, PauseWebhook, ReplayWebhook, ResumeWebhook, TestWebhook, WebhookCommand
from service.webhooks import endpoints
from service.webhooks.fields import ReplayRange


@post("/feeds/{webhook_id:str}/pause", status_code=303, opt=needs("feeds/manage"))
async def pause_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    return await _act(request, webhook_id, PauseWebhook(reason="asked"))


@post("/feeds/{webhook_id:str}/resume", status_code=303, opt=needs("feeds/manage"))
async def resume_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    return await _act(request, webhook_id, ResumeWebhook())


@post("/feeds/{webhook_id:str}/test", status_code=303, opt=needs("feeds/manage"))
async def test_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    return await _act(request, webhook_id, TestWebhook())


@post("/feeds/{webhook_id:str}/delete", status_code=303, opt=needs("feeds/manage"))
async def delete_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    return await _act(request, webhook_id, DeleteWebhook(), then=PATH)


@post("/feeds/{webhook_id:str}/rotate-secret", status_code=200, opt=needs("feeds/manage"))
async def rotate_secret(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    """The page that shows the secret: it can't be gone to a second time."""
    id_, made = id_in_path(webhook_id), list[WebhookSigned]()

    async def rotate() -> None:
        answered = await submit(request, lambda unit: endpoints.rotate(unit, id_), signed(""))
        made.append(json.decode(answered.body, type=WebhookSigned))

    form = await refused_form(request, rotate)
    return await feed_page(request, id_, form) if form else secret_page(request, made[0])


@post("/feeds/{webhook_id:str}/replay", status_code=303, opt=needs("feeds/manage"))
async def replay_to_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    id_ = id_in_path(webhook_id)

    async def replay() -> None:
        wanted = await read_form(request, ReplayRange)
        counted = await endpoints.replayable(serving(request).store, id_, wanted)
        command = ReplayWebhook(after=counted.after, until=counted.until)
        await submit(request, lambda unit: endpoints.act(unit, id_, command))

    return await _done(request, id_, replay)


@post("/feeds/{webhook_id:str}/deliveries/{delivery_id:str}/resend", status_code=303, opt=needs("feeds/manage"))
async def resend_delivery(request: AnyRequest, webhook_id: FromPath[str], delivery_id: FromPath[str]) -> Html:
    id_, work = id_in_path(webhook_id), resending(id_in_path(webhook_id), id_in_path(delivery_id))
    return await _done(request, id_, lambda: submit(request, nothing, work))


async def _act(request: AnyRequest, webhook_id: str, command: WebhookCommand, *, then: str = "") -> Html:
    id_ = id_in_path(webhook_id)
    return await _done(
        request, id_, lambda: submit(request, lambda unit: endpoints.act(unit, id_, command)), then=then
    )  # fmt: skip


async def _done(request: AnyRequest, id_: int, act: Callable[[], Awaitable[object]], *, then: str = "") -> Html:
    form = await refused_form(request, act)
    return see_other(then or f"{PATH}/{id_}") if form is None else await feed_page(request, id_, form)


ROUTES: list[Any] = [
    pause_webhook, resume_webhook, test_webhook, delete_webhook, rotate_secret, replay_to_webhook,
    resend_delivery,
]  # fmt: skip
