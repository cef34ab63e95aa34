"""For those who watch over the service."""

from typing import Annotated

from litestar import Response
from msgspec import UNSET, Meta, Struct, UnsetType
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from api.handling.metrics import of_store
from api.handling.readiness import Unready
from api.handling.serving import AnyRequest, authorise, serving
from api.http.answer import Answer, answer
from api.openapi.operation import get
from api.presentation.values import Moment
from projections.checks.findings import Known
from projections.tables.projection import utc
from service.values import shown

GROUP = "Health"


class Health(Struct):
    status: Annotated[str, Meta(examples=["ok"])]


class KnownDrift(Struct):
    """The last verification, at `checked_at`, looked at `checked` customers. Of all that were ever looked at, so many
    have stored figures that are not what their events give, or can't be verified, by the last look at each.
    """

    checked_at: Moment
    checked: Annotated[int, Meta(ge=0, examples=[23570])]
    drifted: Annotated[int, Meta(ge=0, examples=[0])]
    unverified: Annotated[int, Meta(ge=0, examples=[0])]


class Ready(Health):
    """`drift` is null before the first verification. Instead of it, `reason` says why nothing can be written now."""

    drift: KnownDrift | UnsetType | None = UNSET
    reason: Unready | UnsetType = UNSET


@get("/health/live", "The process answers", GROUP, None, answers=Health)
async def live() -> Answer:
    """The process answers requests; the database is not asked."""
    return answer(Health("ok"))


@get("/health/ready", "Writes work", GROUP, None, answers=Ready, unready=True)
async def ready(request: AnyRequest) -> Answer:
    """Or why they don't, within two seconds, whatever the database does. `drift` tells of the last verification; wrong
    figures are no reason to stop asking this service.
    """
    standing = await serving(request).readiness.now()
    if standing.unready is not None:
        return answer(Ready("unavailable", reason=standing.unready), status=503)
    return answer(Ready("ok", drift=standing.drift and _drift(standing.drift)))


def _drift(known: Known) -> KnownDrift:
    return KnownDrift(**known._asdict() | {"checked_at": shown(utc(known.checked_at))})


# Not for everybody: how much a shop sells can be read off these numbers.
@get("/metrics", "What to watch", GROUP, "metrics/view", before_request=authorise)
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Requests, their times, and what the store knows of itself, in Prometheus's text format. Of all worker processes
    of the service together.
    """
    service = serving(request)
    body = service.metrics.told(await of_store(service.store))
    return Response(body, media_type=CONTENT_TYPE_PLAIN_0_0_4)
