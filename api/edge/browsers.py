"""Headers for browsers: to guess no types, keep no answers, frame no pages, and which other origins may ask."""

from litestar.config.cors import CORSConfig
from litestar.enums import ScopeType
from litestar.status_codes import HTTP_200_OK
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.http.docs_page import DOCS
from api.http.paths import ASSETS, CONSOLE
from api.process.settings import Settings

REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "Last-Event-ID", "X-Request-Id")
RATE_HEADERS = ("RateLimit-Policy", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
Headers = list[tuple[bytes, bytes]]

_ALWAYS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
# Answers are about people, and nobody's to keep. They are no pages either: a browser has nothing to load for them.
_OF_ANSWERS: Headers = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
]
# Swagger UI draws its icons from data: addresses.
_DOCS_POLICY = b"; ".join([
    b"default-src 'none'", b"script-src 'self'", b"style-src 'self'", b"img-src 'self' data:",
    b"connect-src 'self'", b"base-uri 'none'", b"form-action 'none'", b"frame-ancestors 'none'",
])  # fmt: skip
_OF_DOCS: Headers = [(b"cache-control", b"no-cache"), (b"content-security-policy", _DOCS_POLICY)]
# Markup that a script inserts has to come through a policy of its own, and nothing that is typed becomes a script.
_CONSOLE_POLICY = b"; ".join([
    b"default-src 'none'", b"script-src 'self'", b"style-src 'self'", b"img-src 'self' data:", b"connect-src 'self'",
    b"form-action 'self'", b"base-uri 'none'", b"frame-ancestors 'none'", b"require-trusted-types-for 'script'",
    b"trusted-types custodiary",
])  # fmt: skip
_OF_CONSOLE: Headers = [(b"cache-control", b"no-store"), (b"content-security-policy", _CONSOLE_POLICY)]


def telling_browsers(app: ASGIApp, hsts_seconds: int) -> ASGIApp:
    """Insisting on TLS is for a service behind it: 0 seconds say nothing."""
    insisting: Headers = [(b"strict-transport-security", b"max-age=%d" % hsts_seconds)] if hsts_seconds else []
    of_answers, of_docs, of_console = ([*_ALWAYS, *each, *insisting] for each in (_OF_ANSWERS, _OF_DOCS, _OF_CONSOLE))
    of_assets = [header for header in of_console if header[0] != b"cache-control"]  # which each has its own

    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        path, added = scope["path"], of_answers
        if path.startswith(DOCS):
            added = of_docs
        elif path.startswith(CONSOLE):
            added = of_console

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                is_asset = path.startswith(ASSETS) and message["status"] == HTTP_200_OK
                message["headers"] = [*message["headers"], *(of_assets if is_asset else added)]
            await send(message)

        await app(scope, receive, telling)

    return answering


def cors(settings: Settings) -> CORSConfig | None:
    """Only for pages of the origins that are named. REST reads no cookies: they send a password of their own."""
    if not settings.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=list(REQUEST_HEADERS),
        expose_headers=["ETag", "Retry-After", "X-Request-Id", *RATE_HEADERS],
    )
