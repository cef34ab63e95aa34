"""The form of a webhook: a new one, whose secret is shown once, or one that is changed."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from litestar import get, post
from litestar.params import FromPath
from msgspec import json

from api.console.door import needs
from api.console.forms import NEW, FilledForm, read_form, read_sent, refused_form, submit
from api.console.pages import page
from api.console.timeline import TITLES
from api.handling.serving import AnyRequest, id_in_path, serving
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.rest.feed.webhooks import WebhookSigned, require_full, signed
from domain.webhook import ChangeWebhook
from projections.models.webhooks import WebhookRow
from projections.queries.lookups import label_values
from service.webhooks import endpoints
from service.webhooks.fields import ChangedWebhook, NewWebhook

PATH = f"{CONSOLE}/feeds"
FORMS = [("thin", "thin: names of the fields that changed"), ("full", "full: with their values")]
ORDERS = [("customer", "each customer's by itself"), ("store", "all of the store, in batches")]


class WebhookForm(NamedTuple):
    """`webhook` is None for a new one. Of headers that stay there are names, one in a line, without values."""

    form: FilledForm
    webhook: WebhookRow | None
    types: list[tuple[str, str]]
    labels: list[tuple[int, str]]
    forms: list[tuple[str, str]]
    orders: list[tuple[str, str]]

    def chosen(self, name: str) -> list[str]:
        """The boxes that are ticked: `types`, or `labels` of customers."""
        if self.form.refusal:
            values = self.form.values if name == "types" else self.form.values.get("customers", {})
            return [str(each) for each in values.get(name, [])]
        return [] if self.webhook is None else [str(each) for each in getattr(self.webhook, name)]

    @property
    def headers(self) -> str:
        known = self.webhook.headers if self.webhook else ()
        return str(self.form.value("headers", "\n".join(f"{name}:" for name in known)))

    def problems(self, field: str) -> list[str]:
        """What is wrong with the field, and with what is within it."""
        within = [name for name in self.form.errors if name == field or name.startswith(f"{field}.")]
        return [problem for name in within for problem in self.form.problems(name)]


class SecretView(NamedTuple):
    """The secret is None where the form was sent again: it is shown once."""

    id: int
    secret: str | None
    public_key: str


@get("/feeds/new", opt=needs("feeds/manage"))
async def show_new_webhook(request: AnyRequest) -> Html:
    return await _form(request, NEW, None)


@post("/feeds", status_code=200, opt=needs("feeds/manage"))
async def make_webhook(request: AnyRequest) -> Html:
    """The page that shows its secret: it can't be gone to a second time."""
    made: list[WebhookSigned] = []
    form = await refused_form(request, lambda: _make(request, made))
    return await _form(request, form, None) if form else secret_page(request, made[0])


async def _make(request: AnyRequest, made: list[WebhookSigned]) -> None:
    sent = await read_sent(request)
    new = await read_form(request, NewWebhook, headers=headers_in(str(sent.get("headers", "")), blank=""))
    require_full(request, new)
    answered = await submit(request, lambda unit: endpoints.create(unit, new.settings, new.headers), signed(""))
    made.append(json.decode(answered.body, type=WebhookSigned))


@get("/feeds/{webhook_id:str}/edit", opt=needs("feeds/manage"))
async def show_webhook_form(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    return await _form(request, NEW, await endpoints.find(serving(request).store.pool, id_in_path(webhook_id)))


@post("/feeds/{webhook_id:str}/edit", status_code=303, opt=needs("feeds/manage"))
async def change_webhook(request: AnyRequest, webhook_id: FromPath[str]) -> Html:
    id_ = id_in_path(webhook_id)
    form = await refused_form(request, lambda: _change(request, id_))
    if form is None:
        return see_other(f"{PATH}/{id_}")
    return await _form(request, form, await endpoints.find(serving(request).store.pool, id_))


async def _change(request: AnyRequest, id_: int) -> None:
    sent = await read_sent(request)
    changed = await read_form(request, ChangedWebhook, headers=headers_in(str(sent.get("headers", "")), blank=None))
    require_full(request, changed)
    command = ChangeWebhook(settings=changed.settings, headers=changed.headers)
    await submit(request, lambda unit: endpoints.change(unit, id_, command), webhook_id=id_)


def headers_in(text: str, *, blank: str | None) -> dict[str, str | None]:
    """A header for each line, `name: value`; `blank` is what stands for none."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip())
    return {name.strip(): value.strip() or blank for name, _, value in pairs}


async def _form(request: AnyRequest, form: FilledForm, webhook: WebhookRow | None) -> Html:
    labels = await label_values(serving(request).store.pool)
    known = sorted(labels.items(), key=lambda each: each[1])
    gone: Iterable[int] = set(webhook.labels).difference(labels) if webhook else ()
    shown = [*known, *((id_, f"label {id_}, which was deleted") for id_ in sorted(gone))]
    view = WebhookForm(form, webhook, TITLES, shown, FORMS, ORDERS)
    return page(request, "feed_form.html", view, status=form.status)


def secret_page(request: AnyRequest, made: WebhookSigned) -> Html:
    return page(request, "feed_secret.html", SecretView(made.data.id, made.data.secret, made.data.public_key))


ROUTES: list[Any] = [show_new_webhook, make_webhook, show_webhook_form, change_webhook]
