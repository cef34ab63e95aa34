"""Makes the README's pictures of the console: `make pictures`. Nothing of it depends on the day but the dates shown."""

import asyncio
import re
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import Page, ViewportSize, async_playwright

from tests.cli.process import Process
from tests.cli.test_serve import free_port
from tests.console.conftest import FLAGS

DOCS = Path(__file__).parents[2] / "docs"
SIZE = ViewportSize(width=1280, height=860)
WHO = "Marguerite"  # whose past has most in it


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="custodiary-pictures-") as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there when root runs it
        served = Process("serve", "--sample", "--port", free_port(), CUSTODIARY_DATA=Path(directory) / "data")
        try:
            [link] = [said for line in served.lines_until("Its documentation") if (said := link(line))]
            asyncio.run(_take(link))
        finally:
            served.process.terminate()
            served.end()


def link(line: str) -> str:
    """The address in a line of what `serve` says, by which one is signed in; empty in the others."""
    found = re.match(r"http\S+/console/welcome/\S+", line)
    return found[0] if found else ""


async def _take(link: str) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page(viewport=SIZE, reduced_motion="reduce", timezone_id="UTC")
        await page.goto(link)
        console = page.url
        await page.goto(f"{console}?range=12m")
        await _picture(page, "dark")
        await page.goto(f"{console}/customers?search={WHO}")
        await page.locator("main .rows tbody a.cover").first.click()
        await page.wait_for_load_state()
        await _picture(page, "light")
        await browser.close()


async def _picture(page: Page, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    path = DOCS / f"console-{scheme}.png"
    await page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    main()
