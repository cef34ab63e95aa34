"""Every page for those who see badly, use no mouse or have a small window."""

from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from litestar.routes import HTTPRoute
from playwright.async_api import Page, ViewportSize

from api.console.screens.customer.views.asked import TABS
from api.http.paths import CONSOLE
from tests.api.shop import Shop
from tests.console.windows import Windows

LARGE, SMALL = ViewportSize(width=1280, height=900), ViewportSize(width=390, height=844)
COLOURS = ["color-contrast"]  # all that a scheme can change
RUN = """
    options => axe.run({resultTypes: ["violations"], ...options}).then(found =>
        found.violations.map(each => [each.id, each.nodes.map(node => node.html.slice(0, 200))]))"""
CUSTOMER, POSITION = "{customer_id:str}", "{position:str}"  # in paths of routes
ERASED = "erased"
FAILURE = """
    INSERT INTO webhook_attempts (webhook_id, position, until, events, digest, type, customer_id, kind, attempt, at,
        milliseconds, status, error, answer)
    VALUES ($1, 1, 1, 1, '', 'customer-registered', $2, 'resent', 3, now(), 31, 500, '', repeat('full', 250)::bytea)"""
DOWNLOADS = {f"{CONSOLE}/customers/file"}  # which a browser does not go to


def pages(shop: Shop, one: dict[str, int]) -> list[str]:
    """Addresses of all pages that are shown to somebody who is signed in, of one thing each."""
    paths = {
        "/".join(str(one.get(part, part)) for part in route.path.split("/"))
        for route in shop.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(CONSOLE) and "GET" in route.methods
        if not route.path.endswith((".json", "/progress"))  # downloads, streams
    }
    customer = f"{CONSOLE}/customers/{one[CUSTOMER]}"
    erased = f"{CONSOLE}/customers/{one[ERASED]}"
    tabs = {f"{customer}?tab={tab}" for tab in TABS} | {f"{customer}?tab={tab}&as_of={one[POSITION]}" for tab in TABS}
    return sorted({path for path in paths - DOWNLOADS if "{" not in path} | tabs | {erased})


async def violations(page: Page, **options: Any) -> list[Any]:
    """Each rule with what breaks it. The script is half a megabyte: a page gets it once."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(Axe().axe_script)
    found: list[Any] = await page.evaluate(RUN, options)
    return found


@pytest.fixture(scope="module")
async def one(shop: Shop) -> dict[str, int]:
    """A customer with something of everything, and one of whatever else pages show by its id."""
    id_ = await shop.customer(first_name="Jane", last_name="Smith", notes="Calls on Mondays.")
    address = await shop.address(id_)
    await shop.address(id_, label="Office")
    order = await shop.order(id_, 12_345)
    await shop.pay(order, 12_345)
    await shop.refund(order, 2_345)
    await shop.put(f"/customers/{id_}/address", {"id": address, "type": "billing", "city": "Boston"})
    await shop.pool.execute("UPDATE figures SET ltv = 1")
    webhook = await shop.post("/webhooks", {"url": f"https://crm.example.com/{'long' * 40}", "headers": {"x-a": "1"}})
    await shop.post(f"/webhooks/{webhook.json()['data']['id']}/pause")
    await shop.pool.execute(FAILURE, webhook.json()["data"]["id"], id_)
    replay = await shop.post("/replays")
    id_of_replay: int = replay.json()["data"]["id"]
    await shop.get(f"/replays/{id_of_replay}/progress")  # to its end
    position = await shop.position() - 1
    erased = await shop.customer()
    await shop.delete(f"/customers/{erased}", {"reason": "asked to be"})
    return {
        "{webhook_id:str}": webhook.json()["data"]["id"],
        CUSTOMER: id_,
        POSITION: position,
        "{replay_id:str}": id_of_replay,
        ERASED: erased,
    }


@pytest.mark.parametrize("half", [0, 1])
async def test_axe_finds_nothing_and_nothing_sticks_out(windows: Windows, one: dict[str, int], half: int) -> None:
    page = await windows.open(role="administrator", viewport=LARGE)
    found: dict[str, Any] = {}
    for path in pages(windows.shop, one)[half::2]:
        await page.set_viewport_size(LARGE)
        answer = await page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        found[path] = await violations(page)
        found[f"{path} sticks out"] = await sticking_out(page)
        await page.emulate_media(color_scheme="dark")
        found[f"{path} in the dark"] = await violations(page, runOnly=COLOURS)
        await page.set_viewport_size(SMALL)
        found[f"{path} on a telephone, in the dark"] = await violations(page)
        found[f"{path} sticks out of a telephone"] = await sticking_out(page)
        await page.emulate_media(color_scheme="light")
        found[f"{path} on a telephone"] = await violations(page, runOnly=COLOURS)
    assert {what: wrong for what, wrong in found.items() if wrong} == {}


async def sticking_out(page: Page) -> int:
    """Pixels beyond the window's right edge."""
    beyond: int = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(beyond, 0)
