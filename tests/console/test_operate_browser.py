"""What only a script does on the screens of those who operate: what is typed opens a button, and work is followed."""

from playwright.async_api import expect

from service import replays
from tests.console.windows import Windows
from tests.projections.replays import asked
from tests.projections.test_replay_ends import held_ranges


async def test_who_is_erased_is_typed_before_the_button_opens(windows: Windows) -> None:
    shop = windows.shop
    id_ = await shop.customer(first_name="Zelda")
    email = (await shop.shown(id_))["email"]
    page = await windows.open(f"/console/privacy/{id_}", "administrator")
    button = page.get_by_role("button", name="Erase Zelda")
    await page.get_by_label("Reason").fill("asked by letter")
    for typed in ("", email[:-1], email.upper()):
        await page.get_by_label("to confirm").fill(typed)
        await expect(button).to_be_disabled()
    await page.get_by_label("to confirm").fill(email)
    await button.click()
    await expect(page.get_by_role("heading", name=f"Customer {id_} is erased")).to_be_visible()
    await expect(page.get_by_text("asked by letter")).to_be_visible()


async def test_a_replay_is_followed_live_and_its_dialogs_are_there_when_it_is_ready(windows: Windows) -> None:
    shop = windows.shop
    await shop.customer()
    id_ = (await replays.start(shop.store, asked())).replay.id
    async with held_ranges(shop.store, shop.dsn, 0):
        shop.app.state.service.jobs.replay(id_)
        page = await windows.open(f"/console/replays/{id_}", "administrator")
        await expect(page.get_by_text("building", exact=True)).to_be_visible()
        await page.get_by_role("button", name="Cancel replay…").click()
        await expect(page.get_by_role("dialog", name="Cancel the replay?")).to_be_visible()
        await page.keyboard.press("Escape")
    await expect(page.get_by_text("ready", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Swap in rebuilt rows…").click()
    await expect(page.get_by_role("dialog", name="Swap in rebuilt rows?")).to_contain_text("rebuilt rows")
    await page.get_by_role("button", name="Swap", exact=True).click()
    await expect(page.get_by_text("swapped", exact=True)).to_be_visible()
