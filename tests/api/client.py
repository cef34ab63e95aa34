"""An HTTP client on an application of a test's own, in the test's event loop."""

from typing import Any, cast

import httpx
from litestar import Litestar


def client_of(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(cast("Any", app))  # the two libraries' types of an ASGI application differ
    return httpx.AsyncClient(transport=transport, base_url="http://store.example")
