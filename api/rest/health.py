"""For those who watch over the service."""

from typing import Any

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from api.handling.metrics import of_store
from api.handling.serving import AnyRequest, authorise, needs, serving
from api.http.answer import Answer, answer
from projections.checks.findings import Known
from projections.tables.projection import utc
from service.values import shown


@get("/health/live", tags=["Health"], summary="The process answers")
async def live() -> Answer:
    """The process answers requests; the database is not asked."""
    return answer({"status": "ok"})


@get("/health/ready", tags=["Health"], summary="Writes work")
async def ready(request: AnyRequest) -> Answer:
    """Or why they don't, within two seconds, whatever the database does. `drift` tells of the last verification; wrong
    figures are no reason to stop asking this service.
    """
    standing = await serving(request).readiness.now()
    if standing.unready is not None:
        return answer({"status": "unavailable", "reason": standing.unready}, status=503)
    return answer({"status": "ok", "drift": standing.drift and _shown(standing.drift)})


def _shown(drift: Known) -> dict[str, Any]:
    return drift._asdict() | {"checked_at": shown(utc(drift.checked_at))}


# Not for everybody: how much a shop sells can be read off these numbers.
@get("/metrics", tags=["Health"], opt=needs("metrics/view"), before_request=authorise, summary="What to watch")
async def metrics(request: AnyRequest) -> Response[bytes]:
    """Requests, their times, and what the store knows of itself, in Prometheus's text format. Of all worker processes
    of the service together.
    """
    service = serving(request)
    body = service.metrics.told(await of_store(service.store))
    return Response(body, media_type=CONTENT_TYPE_PLAIN_0_0_4)
