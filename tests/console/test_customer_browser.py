"""A customer's page in a real browser: time under the thumb, and two who edit at once."""

import re
from datetime import timedelta

from playwright.async_api import Page, expect

from tests.api.shop import Shop, done
from tests.console.test_customer import expected, lived, positions
from tests.console.windows import Windows

BIG = ".figure .big"


async def names_and_figures(page: Page) -> dict[str, str]:
    cards = page.locator(".figure")
    names, values = await cards.locator("h2").all_inner_texts(), await page.locator(BIG).all_inner_texts()
    return dict(zip(names, values, strict=True))


async def test_a_drag_to_the_first_event_settles_on_the_figures_of_then(windows: Windows, shop: Shop) -> None:
    id_ = await lived(shop)
    first = (await positions(shop, id_))[0]
    page = await windows.open(f"/console/customers/{id_}", "administrator")
    slider = page.get_by_label("Point in time, by events")
    box = await slider.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] - 9, y)
    await page.mouse.down()
    for part in range(20, -1, -1):
        await page.mouse.move(box["x"] + 9 + (box["width"] - 18) * part / 20, y)
    await page.mouse.up()
    await expect(page.locator("#clock .step .num")).to_have_text(re.compile("^1 of "))
    await expect(page).to_have_url(f"{windows.address}/console/customers/{id_}?as_of={first}")
    then = done(await shop.get(f"/customers/{id_}", params={"as_of": first}))["customer"]
    assert await names_and_figures(page) == expected(then)
    await expect(slider).to_have_attribute("aria-valuetext", re.compile("Registered"))
    await expect(page.get_by_role("link", name="Edit")).to_have_count(0)


async def test_keys_step_through_time_and_focus_stays(windows: Windows, shop: Shop) -> None:
    id_ = await lived(shop)
    stops = await positions(shop, id_)
    page = await windows.open(f"/console/customers/{id_}?tab=ltv", "administrator")
    await page.get_by_role("link", name="One event earlier").focus()
    for _ in range(3):
        await page.keyboard.press(",")
    await page.keyboard.press(".")
    await expect(page).to_have_url(re.compile(rf"tab=ltv&as_of={stops[-3]}$"))
    await expect(page.locator("#clock .step .num")).to_have_text(f"{len(stops) - 2} of {len(stops)}")
    await expect(page.get_by_role("link", name="One event earlier")).to_be_focused()
    await page.keyboard.press("n")
    await expect(page.get_by_text("drag to see this customer as it was")).to_be_visible()
    await page.keyboard.press("e")
    await expect(page).to_have_url(re.compile(r"/edit$"))


async def test_times_and_days_are_those_of_the_reader(windows: Windows, shop: Shop) -> None:
    id_ = await lived(shop)
    [first] = await shop.pool.fetch(
        "SELECT occurred_at FROM stored_events WHERE customer_id = $1 ORDER BY notification_id LIMIT 1", id_
    )
    page = await windows.open(f"/console/customers/{id_}", "administrator", timezone_id="Pacific/Kiritimati")
    there = first["occurred_at"] + timedelta(hours=14)
    await expect(page.locator("#body li.date").last).to_have_text(f"{there.day} {there:%b %Y}")
    registered = page.locator("#body li.event").last.locator("time")
    await expect(registered).to_have_text(f"{there:%H:%M}")
    await expect(registered).to_have_attribute("title", re.compile(f"{first['occurred_at']:%H:%M} UTC$"))


async def test_without_a_script_one_steps_through_time_by_links(windows: Windows, shop: Shop) -> None:
    id_ = await lived(shop)
    stops = await positions(shop, id_)
    page = await windows.open(f"/console/customers/{id_}", "administrator", java_script_enabled=False)
    await page.get_by_role("link", name="One event earlier").click()
    await page.get_by_role("link", name="One event earlier").click()
    await expect(page).to_have_url(re.compile(rf"as_of={stops[-3]}$"))
    await page.get_by_role("link", name="One event later").click()
    await page.get_by_role("link", name="One event later").click()
    await expect(page).to_have_url(f"{windows.address}/console/customers/{id_}")


async def test_two_who_edit_one_customer_both_keep_what_they_typed(windows: Windows, shop: Shop) -> None:
    id_ = await shop.customer(first_name="Jane", city="Oslo")
    ann = await windows.open(f"/console/customers/{id_}/edit", "manager")
    bob = await windows.open(f"/console/customers/{id_}/edit", "administrator")
    await bob.get_by_role("textbox", name="First name").fill("Janet")
    await bob.get_by_role("textbox", name="City").fill("Bergen")
    await bob.get_by_role("button", name="Save").click()
    await expect(bob.get_by_role("heading", name="Janet Smith")).to_be_visible()
    await ann.get_by_role("textbox", name="First name").fill("Joan")
    await ann.get_by_role("button", name="Save").click()
    await expect(ann.get_by_role("alert")).to_contain_text("administrator was faster")
    windows.said[:] = [text for text in windows.said if "412" not in text]
    await expect(ann.get_by_label("Yours: Joan")).to_be_checked()
    await expect(ann.get_by_label("Theirs: Bergen")).to_be_checked()
    await ann.get_by_role("button", name="Save").click()
    await expect(ann.get_by_role("heading", name="Joan Smith")).to_be_visible()
    customer = await shop.shown(id_)
    assert (customer["first_name"], customer["city"]) == ("Joan", "Bergen")


async def test_an_address_is_made_primary_by_keyboard_alone(windows: Windows, shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.address(id_)
    second = await shop.address(id_, label="Office")
    page = await windows.open(f"/console/customers/{id_}", "manager")
    await page.get_by_role("link", name="Addresses").press("Enter")
    await page.get_by_role("button", name="Make primary").press("Enter")
    await expect(page.get_by_role("button", name="Make primary")).to_have_count(1)
    assert await shop.primaries(id_) == [second]


async def test_a_filter_shows_events_while_one_types(windows: Windows, shop: Shop) -> None:
    id_ = await lived(shop)
    page = await windows.open(f"/console/customers/{id_}", "administrator")
    await page.locator("summary", has_text="Filter").click()
    await page.get_by_label("What").select_option("refund-recorded")
    await expect(page.locator("#events .event")).to_have_count(1)
    await expect(page).to_have_url(re.compile("type=refund-recorded"))
    await page.get_by_role("link", name="One event earlier").click()
    await expect(page).to_have_url(re.compile("type=refund-recorded.*as_of="))
    await expect(page.locator("#events .event")).to_have_count(1)


async def test_after_a_refused_form_one_still_goes_through_time(windows: Windows, shop: Shop) -> None:
    id_ = await shop.customer()
    order = await shop.order(id_, 5_000)
    page = await windows.open(f"/console/customers/{id_}?tab=orders&order={order}", "administrator")
    form = page.locator("form", has=page.get_by_role("button", name="Record a payment"))
    await form.get_by_label("Amount").fill("much")
    await form.get_by_label("Transaction").fill("ch_much")
    await form.get_by_role("button").click()
    await expect(page.get_by_text("The amount must be a number")).to_be_visible()
    await expect(form.get_by_label("Amount")).to_be_focused()
    windows.said[:] = [text for text in windows.said if "422" not in text]
    await page.get_by_role("link", name="One event earlier").click()
    await expect(page).to_have_url(re.compile(rf"/console/customers/{id_}\?.*as_of="))
    await expect(page.get_by_text("No orders yet.")).to_be_visible()
