"""A browser as HTTP sees it: it has cookies, follows nothing by itself and sends forms of pages."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from typing import Any, cast

import httpx

from service.credentials.roles import Role
from tests.api.shop import Shop

LOGIN = "/console/login"
_HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')


class Visitor:
    """Somebody before the console, signed in or not."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=headers)

    async def post(self, path: str, form: dict[str, Any], **headers: str) -> httpx.Response:
        return await self.http.post(path, data=form, headers=headers)

    async def sign_in(self, login: str, password: str, to: str = "") -> httpx.Response:
        return await self.post(LOGIN, {"login": login, "password": password, "to": to})

    async def hidden(self, path: str) -> dict[str, str]:
        """The hidden fields of a page: its token, a key, a version. Of those that are there twice, the last."""
        return {name: unescape(value) for name, value in _HIDDEN.findall((await self.get(path)).text)}


@asynccontextmanager
async def visiting(shop: Shop, *, scheme: str = "http", address: str = "127.0.0.1") -> AsyncIterator[Visitor]:
    """A browser of its own, that nobody has signed in with."""
    transport = httpx.ASGITransport(cast("Any", shop.app), client=(address, 1))  # the two libraries' types differ
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://store.example") as http:
        yield Visitor(http)


@asynccontextmanager
async def signed_in(shop: Shop, role: Role = "administrator") -> AsyncIterator[Visitor]:
    async with visiting(shop) as visitor:
        answer = await visitor.sign_in(role, shop.passwords[role])
        assert answer.status_code == 303, answer.text
        yield visitor
