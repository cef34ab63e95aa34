"""Personal data is masked for who lacks `customers/personal`, until asked for: asking is a POST, which is logged."""

import secrets
from typing import Any, NamedTuple
from urllib.parse import urlencode

from litestar import post
from litestar.params import FromPath

from api.access.sessions import SIGNED_IN
from api.console.door import needs
from api.console.forms import read_sent
from api.handling.serving import AnyRequest, customer_in_path, serving
from api.http.html import Html, see_other
from api.http.paths import CONSOLE

REVEALED = "revealed"  # in the address of a page
DOTS = "•••"


class Veil(NamedTuple):
    """What a page shows of a person. `token` goes along in the page's links and forms, so that it stays as it is."""

    is_drawn: bool
    token: str = ""

    def name(self, text: str) -> str:
        """Initials."""
        return " ".join(f"{word[0]}." for word in text.split()) if self.is_drawn else text

    def email(self, text: str) -> str:
        return f"{text[:1]}{DOTS}@{DOTS}" if self.is_drawn and text else text

    def text(self, text: str) -> str:
        return DOTS if self.is_drawn and text else text


def veil_of(request: AnyRequest, customer_id: int | None = None) -> Veil:
    """One customer's, or that of a page with many."""
    if "customers/personal" in request.user.permissions:
        return Veil(is_drawn=False)
    sent = request.query_params.get(REVEALED, "")
    if customer_id is None or not secrets.compare_digest(sent.encode(), _token(request, customer_id).encode()):
        return Veil(is_drawn=True)
    return Veil(is_drawn=False, token=sent)


@post("/customers/{customer_id:str}/reveal", opt=needs("customers/view"))
async def reveal(request: AnyRequest, customer_id: FromPath[str]) -> Html:
    """Back to the customer's page, as this session alone may see it. The access log has who asked, and for whom."""
    id_, sent = customer_in_path(customer_id), await read_sent(request)
    query = {name: str(sent[name]) for name in ("tab", "as_of") if name in sent}
    return see_other(f"{CONSOLE}/customers/{id_}?{urlencode(query | {REVEALED: _token(request, id_)})}")


def _token(request: AnyRequest, customer_id: int) -> str:
    return serving(request).authenticator.sessions.mark(request.scope["state"][SIGNED_IN], f"reveal {customer_id}")


ROUTES: list[Any] = [reveal]
