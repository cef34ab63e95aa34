"""What only a real browser shows of the console's frame."""

from playwright.async_api import expect

from tests.console.windows import Windows


async def test_one_signs_in_and_out_by_keyboard_and_back_shows_nothing(windows: Windows) -> None:
    page = await windows.open("/console")
    await expect(page.get_by_label("Login")).to_be_focused()
    await page.keyboard.type("worker")
    await page.keyboard.press("Tab")
    await page.keyboard.type(windows.shop.passwords["worker"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    await page.get_by_role("button", name="Sign out").press("Enter")
    await expect(page.get_by_label("Login")).to_be_focused()
    await page.go_back()
    await expect(page.get_by_label("Login")).to_be_visible()
    assert "Overview" not in await page.content()


async def test_keys_go_to_screens_and_can_be_switched_off(windows: Windows) -> None:
    page = await windows.open("/console/nowhere", "administrator")
    windows.said.clear()  # a 404 is said to be one
    await page.goto("/console")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.get_by_label("Single keys do something").uncheck()
    await page.get_by_role("button", name="Close").click()
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.reload()
    await page.get_by_role("button", name="Keys").click()
    await expect(page.get_by_label("Single keys do something")).not_to_be_checked()


async def test_no_request_leaves_the_origin(windows: Windows) -> None:
    await windows.open("/console", "administrator")
    assert len(windows.requested) > 3
    assert not [url for url in windows.requested if not url.startswith((windows.address, "data:"))]
