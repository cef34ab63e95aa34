"""Pages, as ASGI applications: see `Answer`."""

from collections.abc import Sequence

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

HTML = (b"content-type", b"text/html; charset=utf-8")


class Html(ASGIResponse):
    def __init__(self, body: bytes, *, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = (HTML,)) -> None:
        self.body = body
        self.status_code = status
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        headers = [*self._headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})


def see_other(path: str, *headers: tuple[bytes, bytes]) -> Html:
    """What follows a form that was carried out, so that nothing is sent twice."""
    return Html(b"", status=303, headers=[(b"location", path.encode("ascii")), *headers])
