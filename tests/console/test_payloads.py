"""Text that means something to a browser is text, wherever a page shows it."""

from playwright.async_api import Page

from tests.api.shop import Shop, done
from tests.api.test_injection_http import PAYLOADS, fits
from tests.console.windows import Windows

NAMES = list(dict.fromkeys(payload.strip() for payload in PAYLOADS if fits(payload)))
FOREIGN = (
    "main :is(script, img, iframe, object, embed, base, link, meta, style, [onerror], [onload], [href^='javascript:'])"
)


async def renamed(shop: Shop) -> int:
    """A customer who has had each of these names, and has some of them as notes, labels and in an address."""
    id_ = await shop.customer(first_name="Jane", last_name="")
    for name in NAMES:
        done(await shop.ask("PATCH", f"/customers/{id_}", {"first_name": name}))
    marked = [name for name in NAMES if "<" in name]
    assert len(marked) > 3
    labels = [done(await shop.post("/labels", {"value": name}))["data"]["id"] for name in marked]
    done(await shop.put(f"/customers/{id_}/additional-info", {"labels": labels}))
    done(await shop.ask("PATCH", f"/customers/{id_}", {"notes": "\n".join(marked)}))
    await shop.address(id_, name=marked[0], label=marked[0][:15])
    return id_


async def texts(page: Page) -> list[str]:
    """What the timeline shows, page by page."""
    found: list[str] = []
    while True:
        assert await page.locator(FOREIGN).count() == 0
        found += await page.locator(".chip").all_text_contents()
        older = page.get_by_role("link", name="Older")
        if not await older.count():
            return found
        await older.click()
        await page.wait_for_load_state()


async def test_no_name_of_a_customer_is_anything_but_text(windows: Windows) -> None:
    id_ = await renamed(windows.shop)
    page = await windows.open(f"/console/customers/{id_}", "administrator")
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    found = await texts(page)
    shown = {name for name in NAMES if any(name[:100] in text for text in found)}
    assert shown == set(NAMES)
    for path in ("?tab=addresses", "/edit"):
        await page.goto(f"/console/customers/{id_}{path}")
        assert await page.locator(FOREIGN).count() == 0
    assert dialogs == []
