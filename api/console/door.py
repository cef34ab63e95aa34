"""The way in and out: what every request for a page must have, signing in, signing out."""

import re
import secrets
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from api.access.authorization import claim
from api.access.sender import is_loopback, sender
from api.access.sessions import SIGNED_IN
from api.console.forms import CSRF, read_sent
from api.console.pages import THEME_COOKIE, THEMES, page, signed_in_as, whole_page
from api.handling.serving import AnyRequest, methods, serving
from api.http.headers import header
from api.http.html import Html, see_other
from api.http.paths import CONSOLE
from api.http.refusals import Forbidden, Forged, MethodNotAllowed, NoRoute, Unauthenticated
from service.credentials.auth import PermissionMissing
from service.credentials.passwords import everywhere
from service.credentials.roles import Permission

# A browser drops a cookie with `Secure` on plain HTTP, which is for loopback.
COOKIE, SECURE_COOKIE = "custodiary", "__Host-custodiary"
YEAR = 365 * 86_400
WRONG = "This login and this application password do not belong together."
USED = "This link has been used, or is older than an hour. Sign in with the application password."
# Nothing but a path of ours may be gone to after signing in.
_TARGET = re.compile(rf"{CONSOLE}(?:[/?][!-\[\]-~]*)?")


class SignInNeeded(Exception):
    """Nobody is signed in."""


class SignInView(NamedTuple):
    to: str
    login: str = ""
    problem: str = ""


def needs(*any_of: Permission) -> dict[str, frozenset[Permission]]:
    """`opt` of a handler, as REST's `permission`: one of them is enough. Without any, whoever is signed in may."""
    return {"needs": frozenset(any_of)}


async def enter(request: AnyRequest) -> None:
    """Before each page. Raises SignInNeeded, PermissionMissing, TooMany, and Forged for a form that no page had."""
    if request.method == "OPTIONS":
        raise MethodNotAllowed(methods(request))
    service, reads = serving(request), request.method == "GET"
    try:
        signed_in = await service.authenticator.sessions.find(_token(request))
    except Unauthenticated as error:
        raise SignInNeeded from error
    principal = signed_in.principal
    request.scope["user"] = principal
    request.scope["state"][SIGNED_IN] = signed_in
    service.authenticator.uses.note(principal.credential, sender(request.scope).address)
    service.authenticator.sessions.note(signed_in)
    if service.rate_limit is not None:
        count = service.rate_limit.count_page if reads else service.rate_limit.count
        await count(request.scope, principal.credential)
    needed = request.route_handler.opt.get("needs")
    if needed is None:
        raise Forbidden
    if needed and principal.permissions.isdisjoint(needed):
        raise PermissionMissing(needed)
    if not reads and not secrets.compare_digest(await _csrf(request), signed_in.csrf.encode()):
        raise Forged


async def _csrf(request: AnyRequest) -> bytes:
    sent = await read_sent(request)
    return str(sent.get(CSRF)).encode(errors="replace")


async def is_still_signed_in(request: AnyRequest) -> bool:
    """Whether a long answer may go on: its session may have ended since the request."""
    try:
        await serving(request).authenticator.sessions.find(_token(request))
    except Unauthenticated:
        return False
    return True


def to_sign_in(request: AnyRequest, _error: SignInNeeded) -> Response[str]:
    """Where a request goes that lacks a session.

    A browser keeps a strict cookie to itself when somebody follows a link from elsewhere. Sent by a page of ours, the
    same request has it.
    """
    query = request.scope["query_string"].decode("latin-1")
    target = quote(request.url.path) + (f"?{query}" if query else "")
    if request.method == "GET" and header(request.scope, b"sec-fetch-site") == "cross-site":
        return Response(whole_page(request, "again.html", target), media_type="text/html")
    way = f"?to={quote(target, safe='')}" if "GET" in methods(request) else ""  # else there is no page to come back to
    return Response("", status_code=303, headers={"location": f"{CONSOLE}/login{way}"}, media_type="text/html")


@get("/login")
async def show_sign_in(request: AnyRequest) -> Html:
    return page(request, "sign_in.html", SignInView(_target(request.query_params.get("to"))))


@post("/login", status_code=303)
async def sign_in(request: AnyRequest) -> Html:
    """What is wrong is a 403: with a 401, and how to do better, a browser asks for the password by itself."""
    sent, authenticator = await read_sent(request), serving(request).authenticator
    login, target = str(sent.get("login", "")).strip(), _target(sent.get("to"))
    try:
        principal = await authenticator.sign_in(claim(login, str(sent.get("password", ""))), sender(request.scope))
    except Unauthenticated:
        return page(request, "sign_in.html", SignInView(target, login, WRONG), status=403)
    request.scope["user"] = principal
    authenticator.uses.note(principal.credential, sender(request.scope).address)
    return see_other(target, await _begin(request, principal.credential))


@get("/welcome/{token:str}", status_code=303)
async def follow_link(request: AnyRequest, token: FromPath[str]) -> Html:
    """For whoever has started the service, on the same machine: signs in, once."""
    sessions, sent_from = serving(request).authenticator.sessions, sender(request.scope)
    if not is_loopback(sent_from):
        raise NoRoute
    try:
        credential = await sessions.follow(token)
    except Unauthenticated:
        return page(request, "sign_in.html", SignInView(CONSOLE, problem=USED), status=403)
    return see_other(CONSOLE, await _begin(request, credential))


async def _begin(request: AnyRequest, credential: UUID) -> tuple[bytes, bytes]:
    """The cookie of a new session."""
    agent = header(request.scope, b"user-agent") or ""
    token = await serving(request).authenticator.sessions.begin(credential, sender(request.scope), agent)
    return _session_cookie(request, token)


@post("/logout", status_code=303, opt=needs())
async def sign_out(request: AnyRequest) -> Html:
    """When this answers, no process knows the session. The browser forgets all that it has of these pages."""
    if (signed_in := signed_in_as(request)) is not None:
        await serving(request).authenticator.sessions.end(signed_in.principal.user, signed_in.digest)
        await everywhere()
    forget = (b"clear-site-data", b'"cache", "storage"')
    return see_other(f"{CONSOLE}/login", _session_cookie(request, "", "; Max-Age=0"), forget)


@post("/theme", status_code=303, opt=needs())
async def choose_theme(request: AnyRequest) -> Html:
    sent = await read_sent(request)
    theme = sent.get("theme") if sent.get("theme") in THEMES else ""
    cookie = _set_cookie(f"{THEME_COOKIE}={theme}; Path={CONSOLE}; Max-Age={YEAR if theme else 0}")
    return see_other(_target(sent.get("to")), cookie)


def _token(request: AnyRequest) -> str:
    return request.cookies.get(SECURE_COOKIE if _is_secure(request) else COOKIE, "")


def _is_secure(request: AnyRequest) -> bool:
    """Whether the client, or a proxy that is trusted, says so."""
    return request.scope["scheme"] == "https"


def _session_cookie(request: AnyRequest, token: str, ending: str = "") -> tuple[bytes, bytes]:
    shape = f"{SECURE_COOKIE}={token}; Path=/; Secure" if _is_secure(request) else f"{COOKIE}={token}; Path={CONSOLE}"
    return _set_cookie(shape + ending)


def _set_cookie(shape: str) -> tuple[bytes, bytes]:
    return b"set-cookie", f"{shape}; HttpOnly; SameSite=Strict".encode("ascii")


def _target(asked: object) -> str:
    return str(asked) if _TARGET.fullmatch(str(asked)) else CONSOLE
