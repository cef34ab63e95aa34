"""All webhooks: where each is, and which need somebody."""

from typing import Any, NamedTuple

from litestar import get

from api.console.door import needs
from api.console.pages import page
from api.handling.serving import AnyRequest, serving
from api.http.html import Html
from projections.models.webhooks import WebhookRow
from service.webhooks import endpoints
from service.webhooks.delivery.reading import EndpointLag


class FeedsView(NamedTuple):
    """Each with how far behind it is; None until a process has begun with it."""

    webhooks: list[tuple[WebhookRow, EndpointLag | None]]


@get("/feeds", opt=needs("feeds/manage"))
async def show_feeds(request: AnyRequest) -> Html:
    found = await endpoints.listed(serving(request).store)
    return page(request, "feeds.html", FeedsView(found), api="/webhooks")


ROUTES: list[Any] = [show_feeds]
