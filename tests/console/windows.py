"""Windows of a real browser on the console."""

from typing import Any

import httpx
from playwright.async_api import Browser, ConsoleMessage, Page, WebError, expect

from service.credentials.roles import Role
from tests.api.shop import Shop
from tests.console.browsing import LOGIN
from tests.plain import PLAIN

PATIENCE = 60_000  # milliseconds, on a machine that has much else to do
expect.set_options(timeout=PATIENCE)


class Windows:
    """`said` is what the browser complains of: scripts that fail, what the policy forbids, what is not there."""

    def __init__(self, browser: Browser, address: str, shop: Shop) -> None:
        self.address = address
        self.shop = shop
        self.said: list[str] = []
        self.requested: list[str] = []
        self._browser = browser

    async def open(self, path: str = "/console", role: Role | None = None, **options: Any) -> Page:
        """A page in a browser of its own, in which somebody with this role has signed in."""
        options = {"base_url": self.address, "reduced_motion": "reduce"} | options
        context = await self._browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        context.on("console", self._hear)
        context.on("weberror", self._note)
        context.on("request", lambda request: self.requested.append(request.url))
        if role is not None:
            token = await self._token(role)
            await context.add_cookies(
                [{"name": "custodiary", "value": token, "domain": "127.0.0.1", "path": "/console"}]
            )
        page = await context.new_page()
        await page.goto(path)
        return page

    async def close(self) -> None:
        for context in self._browser.contexts:
            await context.close()

    async def _token(self, role: Role) -> str:
        async with httpx.AsyncClient(base_url=self.address, verify=PLAIN) as http:
            answer = await http.post(LOGIN, data={"login": role, "password": self.shop.passwords[role]})
            return answer.cookies["custodiary"]

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.said.append(message.text)

    def _note(self, error: WebError) -> None:
        self.said.append(str(error.error))
