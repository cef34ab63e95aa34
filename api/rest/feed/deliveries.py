"""What a webhook was sent, each attempt with its answer; and what it is sent once more."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from litestar.params import FromPath
from msgspec import Struct

from api.handling.serving import AnyRequest, id_in_path, serving
from api.handling.writes import Outcome, carry_out, nothing
from api.http.answer import Answer, answer
from api.http.pages import PER_PAGE, read_page
from api.http.request import read
from api.openapi.operation import get, post
from api.presentation.values import Done
from api.presentation.webhooks import ShownDelivery, delivery
from api.rest.feed.webhooks import GROUP, PATH
from domain.refusals import WebhookNotFound
from eventstore.postgres.connection import Session
from service.fields.input import Input, Nothing
from service.fields.kinds import Id
from service.webhooks import endpoints
from service.webhooks.delivery.reading import DeliveryNotFound


class DeliveriesWanted(Input):
    cursor: Annotated[int | None, Id(about="The `next_cursor` of the last page.")] = None
    per_page: Annotated[Any, PER_PAGE] = None


class DeliveryPage(Struct):
    data: list[ShownDelivery]
    next_cursor: str | None


class DeliveriesListed(Struct):
    deliveries: DeliveryPage


@get(
    f"{PATH}/deliveries", "List what a webhook was sent", GROUP, "feeds/manage", takes=DeliveriesWanted,
    answers=DeliveriesListed, refuses=WebhookNotFound,
)  # fmt: skip
async def list_deliveries(request: AnyRequest, webhook_id: FromPath[str]) -> Answer:
    """Attempts of the last 30 days, the newest first, each with the first kB of what was answered to it."""
    wanted = await read(request, DeliveriesWanted)
    limit = read_page({"per_page": wanted.per_page}).per_page
    found = await endpoints.attempts(serving(request).store, id_in_path(webhook_id), wanted.cursor, limit)
    return answer(DeliveriesListed(DeliveryPage(list(map(delivery, found.attempts)), _cursor(found.before))))


def _cursor(before: int | None) -> str | None:
    return None if before is None else str(before)


@post(
    f"{PATH}/deliveries/{{delivery_id:str}}/resend", "Send a delivery once more", GROUP, "feeds/manage", takes=Nothing,
    answers=Done, refuses=(WebhookNotFound, DeliveryNotFound(1)),
)  # fmt: skip
async def resend_delivery(request: AnyRequest, webhook_id: FromPath[str], delivery_id: FromPath[str]) -> Answer:
    """With the same id, now, ahead of what waits; to a webhook that is paused, once it is resumed."""
    await read(request, Nothing)
    return await carry_out(request, nothing, resending(id_in_path(webhook_id), id_in_path(delivery_id)))


def resending(webhook_id: int, delivery_id: int) -> Callable[[Session, None], Awaitable[Outcome]]:
    async def show(session: Session, _result: None) -> Outcome:
        await endpoints.resend(session, webhook_id, delivery_id)
        return Outcome(Done("It is sent once more."))

    return show


HANDLERS = [list_deliveries, resend_delivery]
