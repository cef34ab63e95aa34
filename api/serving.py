"""What every handler needs: the store and the settings, who asks, and which customer the path names."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeAlias

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from api.auth import CredentialLookup, Permission, Principal, authenticate
from api.metrics import Metrics
from api.refusals import Forbidden, NoRoute
from api.replay_runner import ReplayRunner
from api.settings import Settings
from api.turns import Turns
from domain.refusals import CustomerNotFound
from eventstore.streams import MAX_ID
from eventstore.transact import By, Store
from projections.past import Pasts
from projections.queries.pages import Totals

AnyRequest: TypeAlias = Request[Any, Any, Any]

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Service(NamedTuple):
    store: Store
    settings: Settings
    credentials: CredentialLookup
    password_key: bytes
    totals: Totals
    replays: ReplayRunner
    pasts: Pasts
    turns: Turns
    metrics: Metrics


def serving(request: ASGIConnection[Any, Any, Any, Any]) -> Service:
    service: Service = request.app.state.service
    return service


def needs(permission: Permission) -> dict[str, Any]:
    """For a handler's `opt`."""
    return {"permission": permission}


async def authorise(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The guard of every route of the API. One that names no permission answers nobody."""
    if connection.scope.get("method") == "OPTIONS":  # which Litestar answers to for every path
        raise NoRoute
    service = serving(connection)
    header = connection.headers.get("authorization")
    principal = await authenticate(header, service.credentials, service.password_key)
    if (permission := handler.opt.get("permission")) is None:
        raise Forbidden
    principal.require(permission)
    connection.scope["user"] = principal


def request_id(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The client's X-Request-Id, or one of ours; the same for the whole request."""
    known: str | None = connection.state.get("request_id")
    if known is None:
        sent = connection.headers.get("x-request-id", "")
        known = connection.state["request_id"] = sent if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    return known


def asked_by(request: AnyRequest) -> By:
    """For the envelope of the events that the request leads to."""
    principal: Principal = request.user
    id_ = request_id(request)
    return By(actor=principal.user, at=datetime.now(UTC), request_id=id_, correlation_id=id_)


def id_in_path(text: str) -> int:
    """0, which nothing has, for what can't be an id."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_ID else 0


def customer_in_path(text: str) -> int:
    """Raises CustomerNotFound for what can't be an id."""
    if id_ := id_in_path(text):
        return id_
    raise CustomerNotFound
