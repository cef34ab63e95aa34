"""Pages of the console: templates, and what is around each page. Nowhere else is HTML made."""

import asyncio
import os
import secrets
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemBytecodeCache, PackageLoader, StrictUndefined
from litestar import Response

from api.access.sessions import SIGNED_IN, SignedIn
from api.console import filters
from api.console.assets import ASSETS_PATH
from api.console.menu import EVERYDAY, OPERATE, MenuEntry
from api.handling.serving import AnyRequest, request_id
from api.http.html import Html
from api.http.paths import BASE
from api.http.reasons import Reason
from api.http.refusals import Forbidden, HttpRefusal
from service.credentials.roles import Permission

THEME_COOKIE = "custodiary-theme"
PROGRAM = "custodiary "
THEMES = frozenset({"light", "dark"})
TITLES = {
    401: "Signed out",
    403: "Not allowed",
    404: "Not found",
    405: "Not found",
    409: "In the way",
    410: "Erased",
    412: "Changed meanwhile",
    413: "Too large",
    422: "Does not fit",
    429: "Too many requests",
    500: "A fault of ours",
    503: "Not available",
}
# In place of what programs are told.
NO_PAGE = "There is no page at this address."
WORDS = {
    Reason.NO_ROUTE: NO_PAGE,
    Reason.METHOD_NOT_ALLOWED: NO_PAGE,
    Reason.FOREIGN_ORIGIN: (
        "This form was on no page of your session, so nothing was done. Go back, load the page anew and try again."
    ),
}


def _bytecode() -> FileSystemBytecodeCache | None:
    """Compiled templates lie beside Python's own modules, if those may: to compile them takes half a second."""
    directory = Path(__file__).with_name("__pycache__")
    is_writable = os.access(directory, os.W_OK) and not sys.dont_write_bytecode
    return FileSystemBytecodeCache(str(directory)) if is_writable else None


_ENVIRONMENT = Environment(
    loader=PackageLoader("api.console"),
    bytecode_cache=_bytecode(),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {name: getattr(filters, name) for name in filters.__all__}


class Frame(NamedTuple):
    """What is around each page. `api` are commands that say the same."""

    assets: str
    here: str
    theme: str
    login: str
    role: str
    csrf: str
    permissions: Collection[Permission]
    everyday: list[MenuEntry]
    operate: list[MenuEntry]
    api: list[str]
    new_key: Callable[[], str]

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


class RefusalView(NamedTuple):
    """`lacking` are permissions; a page that may be asked for again has the seconds until then in `retry`."""

    status: int
    title: str
    message: str
    lacking: Collection[str]
    retry: int | None
    request_id: str


def page(request: AnyRequest, name: str, view: Any, *, status: int = 200, api: str | Collection[str] = ()) -> Html:
    """The template gets `view`, which is typed, and `frame`. `api` are paths of REST that answer the same, or commands
    of a shell.
    """
    return Html(whole_page(request, name, view, [api] if isinstance(api, str) else api).encode(), status=status)


def refused(request: AnyRequest, refusal: HttpRefusal) -> Response[str]:
    """The page for a request that is not carried out."""
    html = refusal_page(request, refusal)
    return Response(html, status_code=refusal.status, headers=refusal.headers, media_type="text/html")


def refusal_page(request: AnyRequest, refusal: HttpRefusal) -> str:
    retry = refusal.headers.get("Retry-After") if request.method == "GET" else None
    view = RefusalView(
        refusal.status,
        TITLES.get(refusal.status, "Not possible"),
        WORDS.get(refusal.reason, refusal.body.message),
        refusal.lacking if isinstance(refusal, Forbidden) else (),
        None if retry is None else int(retry),
        request_id(request) if refusal.status >= 500 else "",
    )
    return whole_page(request, "refused.html", view)


def signed_in_as(request: AnyRequest) -> SignedIn | None:
    """None on the pages that are there for everybody."""
    signed_in: SignedIn | None = request.scope["state"].get(SIGNED_IN)
    return signed_in


@asynccontextmanager
async def warming() -> AsyncIterator[None]:
    """Compiles all templates beside the event loop: the first visitor would hold it up for a tenth of a second."""
    compiling = asyncio.create_task(asyncio.to_thread(_compile))
    try:
        yield
    finally:
        await compiling


def _compile() -> None:
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)


def whole_page(request: AnyRequest, name: str, view: Any, api: Collection[str] = ()) -> str:
    """The HTML of `page`."""
    return _ENVIRONMENT.get_template(name).render(view=view, frame=_frame(request, api))


def _frame(request: AnyRequest, api: Collection[str]) -> Frame:
    signed_in = signed_in_as(request)
    theme = request.cookies.get(THEME_COOKIE, "")
    permissions = signed_in.principal.permissions if signed_in else frozenset[Permission]()

    def seen(menu: Collection[MenuEntry]) -> list[MenuEntry]:
        return [entry for entry in menu if entry.permissions & permissions]

    return Frame(
        ASSETS_PATH,
        request.url.path.rstrip("/"),
        theme if theme in THEMES else "",
        signed_in.principal.user if signed_in else "",
        signed_in.role if signed_in else "",
        signed_in.csrf if signed_in else "",
        permissions,
        seen(EVERYDAY),
        seen(OPERATE),
        [each if each.startswith(PROGRAM) else _curl(request, each) for each in api],
        lambda: secrets.token_urlsafe(16),
    )


def _curl(request: AnyRequest, path: str) -> str:
    base = f"{request.url.scheme}://{request.url.netloc}{BASE}"
    return f"curl --user {shlex.quote(request.user.user)} {shlex.quote(base + path)}"
