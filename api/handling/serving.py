"""What every handler needs: the store and the settings, who asks, and which customer the path names."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any, NamedTuple, TypeAlias

import asyncpg
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.routes import HTTPRoute
from litestar.types import Scope

from api.access.authenticator import Authenticator
from api.access.rate_limit import RateLimit
from api.access.sender import sender
from api.handling.metrics import Metrics
from api.handling.readiness import Readiness
from api.http.headers import header
from api.http.refusals import Forbidden, MethodNotAllowed, Unauthenticated
from api.http.turns import Streams, Turns
from api.presentation.values import Row
from api.process.job_runner import JobRunner
from api.process.settings import Settings
from domain.refusals import CustomerNotFound
from eventstore.postgres.stream_ids import MAX_ID
from eventstore.store import By, Store
from projections.fold.past import Pasts
from projections.queries.totals import Totals
from service.background.summing import Summing
from service.credentials.auth import Principal
from service.feed.following import Following

AnyRequest: TypeAlias = Request[Any, Any, Any]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Service(NamedTuple):
    store: Store
    lists: asyncpg.Pool
    settings: Settings
    authenticator: Authenticator
    find_customer: Callable[[int], Awaitable[asyncpg.Record | None]]
    find_free_user: Callable[[str], Awaitable[int | None]]
    totals: Totals
    by_day: Summing
    jobs: JobRunner
    pasts: Pasts
    readiness: Readiness
    following: Following
    streams: Streams
    turns: Turns
    metrics: Metrics
    rate_limit: RateLimit | None


def serving(request: ASGIConnection[Any, Any, Any, Any]) -> Service:
    service: Service = request.app.state.service
    return service


async def authorise(request: AnyRequest) -> None:
    """Authenticates a request and requires its route's permission. A route without one is forbidden to everybody.

    This runs before each request, and is no guard: Litestar would copy the handler at every request.
    """
    if request.method == "OPTIONS":  # which Litestar answers to for every path
        raise MethodNotAllowed(methods(request))
    principal = await authenticated(request)
    request.scope["user"] = principal  # the access log names who is denied, too
    if (limit := serving(request).rate_limit) is not None:
        await limit.count(request.scope, principal.credential)
    if (permission := request.route_handler.opt.get("permission")) is None:
        raise Forbidden
    principal.require(permission)


def methods(request: AnyRequest) -> set[str]:
    """The methods of the path."""
    path = request.scope["path_template"]
    routes = (route for route in request.app.routes if isinstance(route, HTTPRoute) and route.path_format == path)
    return {method for route in routes for method in route.methods}


async def is_still_authenticated(request: AnyRequest) -> bool:
    """Whether the credential of a long answer is still valid: it may have been revoked since the request."""
    try:
        await authenticated(request)
    except Unauthenticated:
        return False
    return True


async def authenticated(request: AnyRequest) -> Principal:
    """Whose credential it is, as of now. Raises Unauthenticated."""
    authorization = header(request.scope, b"authorization")
    return await serving(request).authenticator.authenticate(authorization, sender(request.scope))


def request_id(request: AnyRequest) -> str:
    return request_id_of(request.scope)


def request_id_of(scope: Scope) -> str:
    """The client's X-Request-Id, or one of ours; the same for the whole request."""
    state = scope.setdefault("state", {})  # which is not there yet at the edge
    known: str | None = state.get("request_id")
    if known is None:
        sent = header(scope, b"x-request-id")
        known = state["request_id"] = sent if sent and _REQUEST_ID.fullmatch(sent) else token_hex(16)
    return known


def asked_by(request: AnyRequest) -> By:
    """Who asks, for the envelope of the request's events."""
    principal: Principal = request.user
    id_ = request_id(request)
    return By(actor=principal.user, at=datetime.now(UTC), request_id=id_, correlation_id=id_)


def found(row: Row | None, otherwise: type[Exception]) -> Row:
    """What must be there. Raises `otherwise` where it is not."""
    if row is None:
        raise otherwise
    return row


def id_in_path(text: str) -> int:
    """The id; 0, which nothing has, if the text can't be one."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_ID else 0


def customer_in_path(text: str) -> int:
    """The id. Raises CustomerNotFound if the text can't be one."""
    if id_ := id_in_path(text):
        return id_
    raise CustomerNotFound
