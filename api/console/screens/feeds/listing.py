"""All webhooks: where each is, and which need somebody."""

from typing import Any, NamedTuple

from litestar import get

from api.console.door import needs
from api.console.pages import page
from api.handling.serving import AnyRequest, serving
from api.http.html import Html
from projections.models.webhooks import WebhookRow
from projections.queries.webhooks import every_webhook


class FeedsView(NamedTuple):
    webhooks: list[WebhookRow]


@get("/feeds", opt=needs("feeds/manage"))
async def show_feeds(request: AnyRequest) -> Html:
    found = await every_webhook(serving(request).store.pool)
    return page(request, "feeds.html", FeedsView(found), api="/webhooks")


ROUTES: list[Any] = [show_feeds]
