"""Where one begins, until there is more to see."""

from typing import Any, NamedTuple

from litestar import get

from api.console.door import needs
from api.console.pages import page
from api.handling.serving import AnyRequest
from api.http.html import Html


class StartView(NamedTuple):
    login: str


@get("/", opt=needs("customers/view", "metrics/view"))
async def start(request: AnyRequest) -> Html:
    return page(request, "start.html", StartView(request.user.user))


ROUTES: list[Any] = [start]
