"""What browsers are told with every answer, and that the page of the documentation lives with it."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.process.settings import Settings
from tests.api.client import client_of
from tests.api.documented import OPERATIONS
from tests.api.serving import served
from tests.api.shop import Shop, done, open_shop, refusal
from tests.api.test_hostile_http import writes

ALWAYS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
ANSWERS = ALWAYS | {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
}
CORS = ("access-control-allow-origin", "access-control-allow-headers", "access-control-allow-credentials")
SHOP, OTHER = "https://shop.example", "https://other.example"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")


def told(answer: httpx.Response, names: Any) -> dict[str, str]:
    return {name: answer.headers[name] for name in names if name in answer.headers}


async def test_every_answer_forbids_browsers_to_guess_keep_or_frame_it(shop: Shop) -> None:
    id_ = await shop.customer()
    answers = [
        (200, await shop.get("/customers")),
        (200, await shop.get(f"/customers/{id_}")),
        (200, await shop.ask("HEAD", f"/customers/{id_}")),
        (200, await shop.get("http://store.example/health/live")),
        (200, await shop.get("http://store.example/metrics")),
        (401, await shop.get("/customers", auth=("nobody", "x"))),
        (403, await shop.post("/customers", {}, auth=("worker", shop.passwords["worker"]))),
        (404, await shop.get("/nowhere")),
        (405, await shop.ask("OPTIONS", "/customers")),
        (400, await shop.post("/customers", content=b"{", headers={"Content-Type": "application/json"})),
        (414, await shop.get(f"/customers?{'a' * 40_000}")),
        (422, await shop.post("/customers", {})),
    ]
    assert [(answer.status_code, told(answer, ANSWERS)) for _, answer in answers] == [
        (status, ANSWERS) for status, _ in answers
    ]


async def test_a_customer_still_has_an_etag(shop: Shop) -> None:
    answer = await shop.get(f"/customers/{await shop.customer()}")
    assert (answer.headers["etag"], answer.headers["cache-control"]) == ('"1"', "no-store")


async def test_the_docs_may_load_what_is_served_here_and_nothing_else(shop: Shop) -> None:
    for path in ("/docs", "/docs/openapi.json", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/start.js"):
        answer = await shop.get(f"http://store.example{path}")
        assert (answer.status_code, told(answer, ALWAYS)) == (200, ALWAYS)
        assert answer.headers["cache-control"] == "no-cache"
        policy = dict(directive.split(" ", 1) for directive in answer.headers["content-security-policy"].split("; "))
        assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
        assert policy["frame-ancestors"] == "'none'"
    page = (await shop.get("http://store.example/docs")).text
    assert "<script>" not in page
    assert "http" not in page


async def test_nothing_insists_on_tls_unless_it_is_set(shop: Shop) -> None:
    assert "strict-transport-security" not in (await shop.get("/customers")).headers


async def test_tls_is_insisted_on_when_it_is_set(database: str) -> None:
    async with open_shop(database, Settings(hsts_seconds=31_536_000)) as shop:
        for path in ("/customers", "/nowhere", "http://store.example/docs"):
            assert (await shop.get(path)).headers["strict-transport-security"] == "max-age=31536000"


# Other origins


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization, content-type, if-match",
    }


async def test_no_other_origin_may_read_anything_unless_it_is_set(shop: Shop) -> None:
    for answer in (
        await shop.get("/customers", headers={"Origin": OTHER}),
        await shop.ask("OPTIONS", "/customers/1", headers=preflight(OTHER)),
    ):
        assert told(answer, CORS) == {}
    assert answer.status_code == 405


@pytest.fixture
async def open_to_shop(database: str) -> AsyncIterator[Shop]:
    async with open_shop(database, Settings(cors_origins=(SHOP, "http://localhost:3000"))) as shop:
        yield shop


@pytest.mark.parametrize("origin", [SHOP, "http://localhost:3000"])
async def test_the_origins_that_are_set_may_read(open_to_shop: Shop, origin: str) -> None:
    answer = await open_to_shop.ask("OPTIONS", "/customers/1", headers=preflight(origin))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, origin)
    assert "PUT" in answer.headers["access-control-allow-methods"]
    for path in ("/customers", "/nowhere"):
        answer = await open_to_shop.get(path, headers={"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "Origin" in answer.headers["vary"]
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [OTHER, "null", "http://shop.example", f"{SHOP}.evil.example", f"{SHOP}:8443", "https://evil-shop.example",
     "https://shopxexample", "HTTPS://SHOP.EXAMPLE", "*"],
)  # fmt: skip
async def test_no_other_origin_looks_like_one_of_them(open_to_shop: Shop, origin: str) -> None:
    refused = await open_to_shop.ask("OPTIONS", "/customers/1", headers=preflight(origin))
    read = await open_to_shop.get("/customers", headers={"Origin": origin})
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in read.headers


async def test_a_preflight_needs_no_password_and_does_nothing(open_to_shop: Shop) -> None:
    async with client_of(open_to_shop.app) as stranger:
        before = await open_to_shop.position()
        path = "/wp-json/fluent-cart/v2/customers"
        assert (await stranger.request("OPTIONS", path, headers=preflight(SHOP))).status_code == 204
        assert (await stranger.get(path, headers={"Origin": SHOP})).status_code == 401
        assert await open_to_shop.position() == before


# Pages that write in somebody's name


FORM_OF_ANOTHER = {"Content-Type": "text/plain", "Origin": OTHER}
FORGED = (
    403,
    {
        "code": "rest_forbidden",
        "message": "Pages of other origins may not write here, unless CUSTODIARY_CORS_ORIGINS names them.",
        "data": {"status": 403},
    },
)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_browser_may_not_write_for_another_origins_page(shop: Shop, site: str) -> None:
    """It would add the password by itself, and needs no leave to send a form."""
    before = await shop.position()
    for method, path, body in await writes(shop):
        before = await shop.position()
        headers = FORM_OF_ANOTHER | {"Sec-Fetch-Site": site}
        answer = await shop.ask(method, path, headers=headers, content=json.dumps(body))
        assert refusal(answer) == FORGED, (method, path)
        assert await shop.position() == before


@pytest.mark.parametrize("site", ["same-origin", "none", None])
async def test_a_page_of_its_own_and_other_programs_may_write(shop: Shop, site: str | None) -> None:
    headers = {"Sec-Fetch-Site": site} if site else {}
    done(await shop.post("/labels", {"value": f"from {site!r}"}, headers=headers))


async def test_a_page_of_an_origin_that_is_set_may_write(open_to_shop: Shop) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": SHOP}
    done(await open_to_shop.post("/labels", {"value": "theirs"}, headers=headers))
    refused = await open_to_shop.post("/labels", {"value": "none's"}, headers=headers | {"Origin": OTHER})
    assert refusal(refused) == FORGED


# A real browser


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on the PATH")
async def test_the_docs_page_shows_every_operation_in_a_browser(database: str) -> None:
    with served(database) as address:
        page, log = looked_at(f"{address}/docs")
    assert page.count('class="opblock ') == len(OPERATIONS)
    assert "Content Security Policy" not in log, log


def looked_at(url: str) -> tuple[str, str]:
    """The page when its scripts have run, and what the browser has to say about it."""
    with tempfile.TemporaryDirectory(prefix="custodiary-test-") as profile:
        browser = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                   "--enable-logging=stderr", "--virtual-time-budget=3000", "--dump-dom", url]  # fmt: skip
        ended = subprocess.run(browser, check=True, capture_output=True, text=True, timeout=180)
    return ended.stdout, ended.stderr
