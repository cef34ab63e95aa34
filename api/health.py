"""For those who watch over the service."""

import asyncpg
from litestar import Response, get

from api.answer import answer
from api.serving import AnyRequest, serving


@get("/health/live", tags=["Health"], summary="The process answers")
async def live() -> Response[bytes]:
    return answer({"status": "ok"})


@get("/health/ready", tags=["Health"], summary="The store answers too")
async def ready(request: AnyRequest) -> Response[bytes]:
    try:
        await serving(request).store.pool.fetchval("SELECT 1", timeout=5)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        return answer({"status": "unavailable"}, status=503)
    return answer({"status": "ok"})
