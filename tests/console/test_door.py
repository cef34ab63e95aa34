"""Signing in and out, and what a session is."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from time import perf_counter

import pytest

from api.access.throttle import FREE, LONGEST, STEP
from api.console.personal import Veil
from api.edge.limits import MAX_HEADER_BYTES, MAX_URL_BYTES
from api.http.paths import BASE, WELCOME
from api.process.settings import RequestRate
from tests.api.shop import ROLES, SETTINGS, Shop, open_shop
from tests.console.browsing import LOGIN, Visitor, signed_in, visiting

WRONG = "This login and this application password do not belong together."
COOKIE = re.compile(r"custodiary=[\w-]{43}; Path=/console; HttpOnly; SameSite=Strict")
SECURE_COOKIE = re.compile(r"__Host-custodiary=[\w-]{43}; Path=/; Secure; HttpOnly; SameSite=Strict")
MANY = FREE + int(LONGEST / STEP)
NEWEST = "SELECT digest FROM sessions ORDER BY began_at DESC OFFSET 1 LIMIT 1"  # but for the colleague's
AGO = "UPDATE sessions SET used_at = now() - $1::interval, began_at = now() - $2::interval"


async def is_in(visitor: Visitor) -> bool:
    answer = await visitor.get("/console")
    assert (answer.status_code, answer.headers.get("location")) in {(200, None), (303, f"{LOGIN}?to=%2Fconsole")}
    return answer.status_code == 200


async def test_who_signs_in_gets_where_he_wanted_to_go(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        asked = await visitor.get("/console?range=a%20b")
        assert (asked.status_code, asked.headers["location"]) == (303, f"{LOGIN}?to=%2Fconsole%3Frange%3Da%2520b")
        page = await visitor.get(asked.headers["location"])
        assert 'name="to" value="/console?range=a%20b"' in page.text
        entered = await visitor.sign_in("worker", shop.passwords["worker"], "/console?range=a%20b")
        assert (entered.status_code, entered.headers["location"]) == (303, "/console?range=a%20b")
        assert await is_in(visitor)


async def test_whose_session_ends_before_a_form_is_sent_comes_back_to_its_page(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        for path, to in (
            ("/console/customers/7/edit", "?to=%2Fconsole%2Fcustomers%2F7%2Fedit"),
            ("/console/theme", ""),
        ):
            answer = await visitor.post(path, {"email": "jane@example.com"})
            assert (answer.status_code, answer.headers["location"]) == (303, f"{LOGIN}{to}")


@pytest.mark.parametrize("to", ["", "https://evil.example", "//evil.example", "/console.evil", "/console\\evil",
                                "/console/\r\nX: y", "/docs", "console", "/console/ü"])  # fmt: skip
async def test_nobody_is_sent_anywhere_else(shop: Shop, to: str) -> None:
    async with visiting(shop) as visitor:
        entered = await visitor.sign_in("worker", shop.passwords["worker"], to)
        assert (entered.status_code, entered.headers["location"]) == (303, "/console")


async def test_a_wrong_password_is_a_403_that_opens_no_dialog_of_the_browsers(shop: Shop) -> None:
    for login, password in (("worker", "wrong"), ("nobody", shop.passwords["worker"]), ("", ""), ("a\nb", "x")):
        await shop.forgive()
        async with visiting(shop) as visitor:
            answer = await visitor.sign_in(login, password)
            assert answer.status_code == 403
            assert WRONG in answer.text
            assert 'role="alert"' in answer.text
            assert "www-authenticate" not in answer.headers
            assert "set-cookie" not in answer.headers
            assert not await is_in(visitor)


async def test_the_cookie_is_strict_and_over_tls_it_is_this_hosts_alone(shop: Shop) -> None:
    for scheme, shape in (("http", COOKIE), ("https", SECURE_COOKIE)):
        async with visiting(shop, scheme=scheme) as visitor:
            entered = await visitor.sign_in("worker", shop.passwords["worker"])
            assert shape.fullmatch(entered.headers["set-cookie"])
            assert await is_in(visitor)


async def test_what_is_stored_is_no_token(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        token = visitor.http.cookies["custodiary"]
        rows = await shop.pool.fetch("SELECT sessions::text AS row FROM sessions")
        assert rows
        assert not [row for row in rows if token in row["row"] or token.encode().hex() in row["row"]]


async def test_who_signs_out_is_out_even_with_the_cookie_that_he_had(shop: Shop) -> None:
    async with signed_in(shop) as visitor, visiting(shop) as thief:
        thief.http.cookies.set("custodiary", visitor.http.cookies["custodiary"])
        assert await is_in(thief)
        answer = await visitor.post("/console/logout", await visitor.hidden("/console"))
        assert (answer.status_code, answer.headers["location"]) == (303, LOGIN)
        assert answer.headers["clear-site-data"] == '"cache", "storage"'
        assert "Max-Age=0" in answer.headers["set-cookie"]
        assert not await is_in(visitor)
        assert not await is_in(thief)


async def test_a_revoked_credential_ends_its_sessions_when_that_is_answered(empty_shop: Shop) -> None:
    shop = empty_shop
    async with signed_in(shop, "worker") as visitor:
        assert await is_in(visitor)
        credentials = (await shop.get("/credentials")).json()["credentials"]
        [uuid] = [each["uuid"] for each in credentials if each["login"] == "worker"]
        assert (await shop.delete(f"/credentials/{uuid}")).status_code == 200
        assert not await is_in(visitor)


@pytest.mark.parametrize(
    ("used", "began", "lives"),
    [(timedelta(minutes=29), timedelta(hours=11), True), (timedelta(minutes=31), timedelta(hours=1), False),
     (timedelta(0), timedelta(hours=12, minutes=1), False)],
)  # fmt: skip
async def test_a_session_ends_when_it_is_idle_or_old(
    empty_shop: Shop, used: timedelta, began: timedelta, *, lives: bool
) -> None:
    async with signed_in(empty_shop) as visitor:
        await empty_shop.pool.execute(AGO, used, began)
        assert await is_in(visitor) is lives
        await empty_shop.app.state.service.authenticator.write()
        left = await empty_shop.pool.fetch("SELECT now() - used_at < interval '1 minute' FROM sessions")
        assert [row[0] for row in left] == [True] * lives


async def test_rest_reads_no_cookie_and_the_console_no_authorization(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        assert (await visitor.get(f"{BASE}/labels")).status_code == 401
    async with visiting(shop) as visitor:
        answer = await visitor.http.get("/console", auth=("worker", shop.passwords["worker"]))
        assert answer.status_code == 303


async def test_a_form_without_the_token_of_its_session_is_refused(shop: Shop) -> None:
    async with signed_in(shop) as visitor, signed_in(shop) as other:
        others = (await other.hidden("/console"))["csrf"]
        for csrf in ({}, {"csrf": ""}, {"csrf": others}, {"csrf": "é"}):
            answer = await visitor.post("/console/theme", {"theme": "dark", **csrf})
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
        for site in ("cross-site", "same-site"):
            hidden = await visitor.hidden("/console")
            answer = await visitor.post("/console/theme", hidden, **{"Sec-Fetch-Site": site})
            assert answer.status_code == 403
        answer = await visitor.post("/console/theme", await visitor.hidden("/console") | {"theme": "dark"})
        assert answer.status_code == 303
        assert 'data-theme="dark"' in (await visitor.get("/console")).text


async def test_nobody_signs_a_browser_in_from_another_sites_page(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        form = {"login": "worker", "password": shop.passwords["worker"]}
        answer = await visitor.post(LOGIN, form, **{"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403
        assert not await is_in(visitor)


@pytest.mark.parametrize(
    ("path", "headers", "status", "said"),
    [
        ("/console/theme", {"Sec-Fetch-Site": "cross-site"}, 403, "no page of your session"),
        ("/console/theme?a=" + "x" * MAX_URL_BYTES, {}, 414, "An address may not be longer"),
        ("/console/theme", {"Cookie": "x" * MAX_HEADER_BYTES}, 431, "The headers of a request may not be longer"),
        ("/console/theme", {"Content-Encoding": "gzip"}, 415, "Content-Encoding"),
    ],
)
async def test_people_get_a_page_for_what_is_refused_before_any_route(
    shop: Shop, path: str, headers: dict[str, str], status: int, said: str
) -> None:
    async with visiting(shop) as visitor:
        answer = await visitor.post(path, {"theme": "dark"}, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert said in answer.text
    assert 'href="/console"' in answer.text
    assert "trusted-types" in answer.headers["content-security-policy"]


async def test_a_link_from_elsewhere_comes_again_with_its_cookie(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        answer = await visitor.get("/console?a=<&b=1", **{"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
        assert '<meta http-equiv="refresh" content="0;url=/console?a=%3C&amp;b=1">' in answer.text
    async with signed_in(shop) as visitor:
        answer = await visitor.get("/console", **{"Sec-Fetch-Site": "cross-site"})
        assert "refresh" not in answer.text


async def test_who_guesses_waits_as_over_rest_and_a_right_password_does_not(shop: Shop) -> None:
    await shop.forgive()
    async with visiting(shop) as visitor:
        guesses = [visitor.sign_in("jim", f"wrong {number}") for number in range(MANY)]
        assert {answer.status_code for answer in await asyncio.gather(*guesses)} == {403}
        began = perf_counter()
        assert (await visitor.sign_in("jim", "wrong")).status_code == 403
        assert perf_counter() - began >= LONGEST - 1  # something is forgiven meanwhile
        assert (await visitor.sign_in("worker", shop.passwords["worker"])).status_code == 303
    await shop.forgive()


async def test_a_link_signs_in_once_within_the_hour_and_on_this_machine_alone(empty_shop: Shop) -> None:
    shop, sessions = empty_shop, empty_shop.app.state.service.authenticator.sessions
    credential = await shop.pool.fetchval("SELECT uuid FROM credentials WHERE login = 'manager'")
    late, elsewhere, link = [await sessions.offer(credential) for _ in range(3)]
    async with visiting(shop, address="192.0.2.1") as visitor:
        assert (await visitor.get(f"{WELCOME}/{elsewhere}")).status_code == 404
    async with visiting(shop) as visitor:
        entered = await visitor.get(f"{WELCOME}/{link}")
        assert (entered.status_code, entered.headers["location"]) == (303, "/console")
        assert '<span class="who">manager</span>' in (await visitor.get("/console")).text
        await shop.pool.execute("UPDATE sign_in_links SET made_at = now() - interval '61 minutes'")
        for used_up in (link, late, "guessed"):
            answer = await visitor.get(f"{WELCOME}/{used_up}")
            assert answer.status_code == 403
            assert "has been used" in answer.text
            assert "set-cookie" not in answer.headers


async def test_personal_data_is_masked_until_it_is_asked_for_which_is_logged(
    shop: Shop, capfd: pytest.CaptureFixture[str]
) -> None:
    async with signed_in(shop, "worker") as visitor, signed_in(shop, "worker") as colleague:
        form = await visitor.hidden("/console")
        capfd.readouterr()
        answer = await visitor.post("/console/customers/7/reveal", form)
        address = answer.headers["location"]
        await asyncio.sleep(0)  # in which turn of the loop lines of the log are written
        assert re.fullmatch(r"/console/customers/7\?revealed=[0-9a-f]{32}", address)
        log = capfd.readouterr().err
        assert '"route":"/console/customers/{customer_id}/reveal","ids":{"customer_id":"7"}' in log
        assert f'"session":"{(await shop.pool.fetchval(NEWEST)).hex()[:8]}"' in log
        sessions = shop.app.state.service.authenticator.sessions
        own, others = [await sessions.find(each.http.cookies["custodiary"]) for each in (visitor, colleague)]
        token = address.partition("=")[2]
        assert sessions.mark(own, "reveal 7") == token
        assert token not in {sessions.mark(others, "reveal 7"), sessions.mark(own, "reveal 8")}


def test_a_drawn_veil_shows_initials_and_nothing_else() -> None:
    drawn, open_ = Veil(is_drawn=True), Veil(is_drawn=False)
    told = (drawn.name("Jane  van Smith"), drawn.email("jane@example.com"), drawn.text("1 Main Street"), drawn.text(""))
    assert told == ("J. v. S.", "j•••@•••", "•••", "")
    assert (open_.name("Jane Smith"), open_.email("a@b.c"), open_.text("c")) == ("Jane Smith", "a@b.c", "c")


async def test_pages_count_lightly_against_a_rate_and_forms_fully(database: str) -> None:
    async with open_shop(database, replace(SETTINGS, rate_limit=RequestRate(5, 3600))) as shop:
        async with signed_in(shop) as visitor:
            form = await visitor.hidden("/console")
            for _ in range(28):
                assert (await visitor.get("/console")).status_code == 200
            statuses = [(await visitor.post("/console/theme", form)).status_code for _ in range(4)]
            refused = await visitor.post("/console/theme", form)
            pages = [await visitor.get("/console") for _ in range(10)]
        assert statuses == [303, 303, 303, 429]
        assert "Too many requests" in refused.text
        assert "data-retry" not in refused.text  # a form is sent again by who wants it to be
        [asked_again] = [page for page in pages if page.status_code == 429]
        assert f'data-retry="{asked_again.headers["retry-after"]}"' in asked_again.text


@pytest.mark.parametrize("role", ROLES)
async def test_the_menu_has_what_one_may_see(shop: Shop, role: str) -> None:
    async with signed_in(shop, role) as visitor:  # type: ignore[arg-type]
        page = (await visitor.get("/console")).text
    assert f'<span class="who">{role}</span>' in page
    assert 'href="/console/replays"' not in page or role == "administrator"


async def test_a_fault_of_ours_names_the_request_and_nothing_else(empty_shop: Shop) -> None:
    shop, service = empty_shop, empty_shop.app.state.service
    async with signed_in(shop) as visitor:
        shop.app.state.service = service._replace(store=None)
        answer = await visitor.get("/console/customers/7", **{"X-Request-Id": "request-7"})
        shop.app.state.service = service
    assert answer.status_code == 500
    assert "<h1>A fault of ours</h1>" in answer.text
    assert "<code>request-7</code>" in answer.text
    assert "NoneType" not in answer.text


async def test_what_is_not_there_is_a_page_too(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        for method, path, status in (("GET", "/console/nowhere", 404), ("GET", "/console/theme", 405)):
            answer = await visitor.http.request(method, path)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "text/html; charset=utf-8"
            assert "<h1>Not found</h1>" in answer.text
