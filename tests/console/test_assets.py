"""Style and script of the console: small, compressed once, and kept for ever under the address of their content."""

import gzip
import re

from api.console.assets import ASSETS_PATH, FILES
from tests.api.shop import Shop
from tests.console.browsing import visiting

LARGEST = 60_000


async def test_a_page_names_assets_that_may_be_kept_for_ever(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        named = re.findall(r'"(/console/assets/[^"]+)"', (await visitor.get("/console/login")).text)
        assert len(named) > 3
        for path in named:
            answer = await visitor.get(path)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["content-encoding"] == "gzip"
            plain = await visitor.get(path, **{"Accept-Encoding": "identity"})
            assert "content-encoding" not in plain.headers
            assert plain.content == answer.content


async def test_a_page_of_another_version_gets_what_is_here_and_does_not_keep_it(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        answer = await visitor.get("/console/assets/000000000000/console.css")
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        for path in (f"{ASSETS_PATH}/nothing.js", f"{ASSETS_PATH}/..%2fdoor.py"):
            answer = await visitor.get(path)
            assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


def test_all_of_them_are_smaller_than_a_photograph() -> None:
    assert sum(len(asset.content) for asset in FILES.values()) <= LARGEST
    assert all(gzip.decompress(asset.compressed) == asset.content for asset in FILES.values())
