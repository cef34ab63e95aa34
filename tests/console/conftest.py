"""A Chromium for the whole run, a server for each module, windows for each test, which have nothing to complain of."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, async_playwright

from tests.api.conftest import empty_shop, shop
from tests.api.serving import served
from tests.api.shop import Shop
from tests.console.windows import Windows

__all__ = ["empty_shop", "shop"]

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Nothing of its own on the network, and no sandbox, which root can't have.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium on the PATH")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture(scope="module")
async def address(shop: Shop) -> AsyncIterator[str]:
    """A server process on the shop's database: what is done in the shop is seen there."""
    with served(shop.dsn) as address:
        yield address


@pytest.fixture
async def windows(browser: Browser, address: str, shop: Shop) -> AsyncIterator[Windows]:
    """At the end of each test, nothing was said in the browser's console: so the policy is kept, too."""
    windows = Windows(browser, address, shop)
    yield windows
    await windows.close()
    assert windows.said == []
