"""From any exception to the answer that the contract gives it."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from api.access.access_log import UNDONE
from api.http.bodies import Body
from api.http.reasons import Reason
from api.http.refusals import (
    HttpRefusal,
    InternalFault,
    MethodNotAllowed,
    NoPrimary,
    NoRoute,
    Rule,
    TooLarge,
    TooMany,
)
from eventstore.postgres.away import log_away

logger = logging.getLogger("custodiary.api")

AnyRequest: TypeAlias = Request[Any, Any, Any]
# What answers a domain refusal: always the same, or made from the facts in the refusal.
Refusals: TypeAlias = Mapping[type[Exception], HttpRefusal | Callable[[Any], HttpRefusal]]
Respond: TypeAlias = Callable[[AnyRequest, HttpRefusal], Response[Any]]


def in_json(_request: AnyRequest, refusal: HttpRefusal) -> Response[Body]:
    return Response(refusal.body, status_code=refusal.status, headers=refusal.headers, media_type="application/json")


def exception_handlers(
    refusals: Refusals, request_id: Callable[[AnyRequest], str], respond: Respond = in_json
) -> ExceptionHandlersMap:
    """For the whole application: the edge's own refusals, the domain's by the table, Litestar's, and what goes wrong
    with the database, or with us.
    """

    def by_table(request: AnyRequest, error: Exception) -> Response[Any]:
        return respond(request, in_words(refusals, error))

    def framework(request: AnyRequest, error: HTTPException) -> Response[Any]:
        return respond(request, translated(error)) if error.status_code < 500 else fault(request, error)

    def fault(request: AnyRequest, error: Exception) -> Response[Any]:
        if (why := log_away(error)) is not None:
            request.scope["state"][UNDONE] = True
            return respond(request, NoPrimary(why))
        reference = request_id(request)
        facts = {"request_id": reference, "route": request.scope.get("path_template")}
        logger.error("a request failed", extra=facts, exc_info=error)
        return respond(request, InternalFault(reference))

    return {**dict.fromkeys(refusals, by_table), HttpRefusal: respond, HTTPException: framework, Exception: fault}


def in_words(refusals: Refusals, error: Exception) -> HttpRefusal:
    """A refusal of the domain, or of the edge, as it is answered."""
    if isinstance(error, HttpRefusal):
        return error
    known = next(refusals[kind] for kind in type(error).mro() if kind in refusals)
    return known if isinstance(known, HttpRefusal) else known(error)


def translated(error: HTTPException) -> HttpRefusal:
    """What Litestar itself refused, in our words: its own may quote the request."""
    match error.status_code:
        case 404:
            return NoRoute()
        case 405:
            return MethodNotAllowed((error.headers or {}).get("allow", "").split(", "))
        case 413:
            return TooLarge("The request is larger than this service accepts.")
        case 429:
            return TooMany(int((error.headers or {}).get("Retry-After", 1)))
        case _:
            return Rule(Reason.BAD_REQUEST, "The request can't be read.")
