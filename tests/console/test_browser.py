"""What only a real browser shows of the console's frame."""

import re

from playwright.async_api import expect

from service.credentials.passwords import everywhere
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


async def test_by_keyboard_alone_from_the_sign_in_to_another_primary_address(windows: Windows) -> None:
    shop = windows.shop
    id_ = await shop.customer()
    first, second = await shop.address(id_), await shop.address(id_, label="Office")
    page = await windows.open(f"/console/customers/{id_}?tab=addresses")
    for text, key in (("manager", "Tab"), (shop.passwords["manager"], "Enter")):
        await page.keyboard.type(text)
        await page.keyboard.press(key)
    figures = page.get_by_label("Figures")
    await expect(figures).to_be_visible()
    await page.keyboard.press(",")
    await expect(page.get_by_text("3 of 4")).to_be_visible()
    await expect(page.get_by_role("button", name="Make primary")).to_have_count(0)  # the past can't be written
    await page.keyboard.press("n")
    await expect(page.get_by_text("4 of 4")).to_be_visible()
    for _ in range(60):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.textContent") == "Make primary":
            break
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("5 of 5")).to_be_visible()
    assert await shop.primaries(id_) == [second] != [first]


async def test_the_keys_can_be_switched_off(windows: Windows) -> None:
    page = await windows.open("/console", "administrator")
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


async def test_who_is_signed_out_meanwhile_signs_in_and_is_back_where_he_was(windows: Windows) -> None:
    page = await windows.open("/console?from=here", "worker")
    await windows.shop.pool.execute("DELETE FROM sessions")
    await everywhere()
    await page.reload()
    await page.get_by_label("Login").fill("worker")
    await page.get_by_label("Application password").fill(windows.shop.passwords["worker"])
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    assert page.url == f"{windows.address}/console?from=here"


async def test_everything_but_what_is_live_works_without_a_script(windows: Windows) -> None:
    page = await windows.open("/console", java_script_enabled=False)
    await page.get_by_label("Login").fill("manager")
    await page.get_by_label("Application password").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_contain_text("do not belong together")
    assert [each for each in windows.said if "403" in each] == windows.said
    windows.said.clear()
    await page.get_by_label("Application password").fill(windows.shop.passwords["manager"])
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("button", name="Use dark colours").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Login")).to_be_visible()


async def test_another_port_of_this_machine_sends_no_form_in_somebodys_name(windows: Windows) -> None:
    """Its pages are of the same site, so that the strict cookie goes with them."""
    page = await windows.open("/console", "administrator")
    form = f'''<form method="post" action="{windows.address}/console/logout"><button>Go</button></form>'''
    other = windows.address.replace("127.0.0.1", "localhost")
    for origin in (other, "http://127.0.0.1:9"):
        await page.context.route(f"{origin}/**", lambda route: route.fulfill(body=form, content_type="text/html"))
        await page.goto(f"{origin}/trap")
        await page.get_by_role("button", name="Go").click()
        await expect(page.locator("body")).to_contain_text("This form was on no page of your session")
    windows.said.clear()
    await page.goto("/console")
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()


async def test_a_customer_is_found_and_opened_by_keyboard_from_anywhere(windows: Windows) -> None:
    id_ = await windows.shop.customer(first_name="Grace", last_name="Hopper")
    page = await windows.open("/console/history", "administrator")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("dialog", name="Find")).to_be_visible()
    await page.keyboard.type("grace hop")
    await expect(page.locator("#found a.hit")).to_have_count(1)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{windows.address}/console/customers/{id_}")


async def test_what_is_found_is_walked_through_by_arrows(windows: Windows) -> None:
    for number in range(3):
        await windows.shop.customer(first_name=f"Ellen{number}", last_name="")
    page = await windows.open("/console/find", "worker")
    await page.keyboard.type("ellen")
    hits = page.locator('#found[data-of="ellen"] a.hit')
    await expect(hits).to_have_count(3)
    for key, focused in (("ArrowDown", hits.nth(0)), ("ArrowDown", hits.nth(1)), ("ArrowUp", hits.nth(0)),
                         ("ArrowUp", page.get_by_label("Find").last)):  # fmt: skip
        await page.keyboard.press(key)
        await expect(focused).to_be_focused()
    await expect(page).to_have_url(f"{windows.address}/console/find?q=ellen")


async def test_rows_are_walked_through_and_opened_by_keyboard(windows: Windows) -> None:
    ids = [await windows.shop.customer(first_name=f"Row{number}", last_name="") for number in range(3)]
    page = await windows.open("/console/customers?search=row&sort_by=id&sort_type=asc", "worker")
    for key in ("j", "j", "j", "k"):
        await page.keyboard.press(key)
    await expect(page.locator(f'a[href="/console/customers/{ids[1]}"]')).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{windows.address}/console/customers/{ids[1]}")


async def test_a_list_follows_what_one_types_and_says_what_does_not_fit(windows: Windows) -> None:
    await windows.shop.customer(first_name="Typed", last_name="Slowly")
    page = await windows.open("/console/customers", "administrator")
    await page.get_by_label("Search").press_sequentially("typed slo")
    await expect(page.locator("#list tbody tr")).to_have_count(1)
    await expect(page.locator("#count")).to_have_text("1 found")
    await expect(page).to_have_url(re.compile(r"search=typed\+slo&"))
    await page.get_by_label("As of").fill("2025-0")
    await expect(page.get_by_role("alert")).to_contain_text("must be a position, a date")
    windows.said.clear()  # a 422 is said to be one
