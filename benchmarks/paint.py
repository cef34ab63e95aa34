"""When a browser first paints each screen of the console, beside a bare answer of the same process.

`python -m benchmarks.paint [ROUNDS]` starts the sample on a store of its own, and needs a Chromium.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from playwright.async_api import async_playwright

from tests.cli.process import Process
from tests.cli.test_serve import free_port
from tests.console.conftest import FLAGS
from tests.console.pictures import link

ROUNDS = 9
AIM = 60  # milliseconds above the bare answer
BARE = "/health/live"
SCREENS = (
    "/console", "/console/customers", "/console/customers/{id}", "/console/customers/{id}?tab=ltv", "/console/history",
    "/console/replays", "/console/feeds", "/console/drift", "/console/audit", "/console/privacy",
    "/console/credentials",
)  # fmt: skip
PAINTED = """
    () => new Promise(resolve => new PerformanceObserver(list => resolve(list.getEntries().at(-1).startTime))
        .observe({type: "paint", buffered: true}))"""


def main() -> None:
    rounds = int(sys.argv[1]) if sys.argv[1:] else ROUNDS
    with tempfile.TemporaryDirectory(prefix="custodiary-paint-") as directory:
        Path(directory).chmod(0o711)  # so that the server's account gets there when root runs it
        served = Process("serve", "--sample", "--port", free_port(), CUSTODIARY_DATA=Path(directory) / "data")
        try:
            [address] = [found for line in served.lines_until("Its documentation") if (found := link(line))]
            painted = asyncio.run(_painted(address, rounds))
        finally:
            served.process.terminate()
            served.end()
    bare = median(painted[BARE])
    print(f"{'first paint, median of ' + str(rounds):<44}{'ms':>6}{'above bare':>12}   (aim: {AIM})")
    for path, times in painted.items():
        print(f"{path:<44}{median(times):>6.0f}{median(times) - bare:>12.0f}")


async def _painted(address: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds since the click. The screens take turns, and each was opened once before: assets are there then."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = await browser.new_page()
        await page.goto(address)
        origin = page.url.partition("/console")[0]
        await page.goto(f"{origin}/console/customers")
        customer = await page.locator("main .rows tbody a.cover").first.get_attribute("href")
        assert customer is not None
        paths = [BARE, *(path.format(id=customer.rpartition("/")[2]) for path in SCREENS)]
        painted: dict[str, list[float]] = {path: [] for path in paths}
        for round_ in range(rounds + 1):
            for path in paths:
                await page.goto(f"{origin}{path}")
                at: float = await page.evaluate(PAINTED)
                if round_:
                    painted[path].append(at)
        await browser.close()
    return painted


if __name__ == "__main__":
    main()
