"""Every route of the console, with every role, without a session and with another session's token."""

from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from litestar.routes import HTTPRoute

from api.console.menu import EVERYDAY, OPERATE
from api.http.paths import CONSOLE
from service.credentials.roles import PERMISSIONS, Role
from tests.api.shop import ROLES, Shop
from tests.console.browsing import LOGIN, signed_in, visiting

OPEN = {f"{CONSOLE}/login", f"{CONSOLE}/welcome/{{token:str}}", f"{CONSOLE}/assets/{{digest:str}}/{{name:str}}"}


class Route(NamedTuple):
    method: str
    path: str
    needs: frozenset[str] | None

    def of(self, id_: str) -> str:
        """The path, with this in place of each parameter."""
        return "/".join(id_ if part.startswith("{") else part for part in self.path.split("/"))


def routes(shop: Shop) -> list[Route]:
    """All that need a session."""
    found = [route for route in shop.app.routes if isinstance(route, HTTPRoute) and route.path.startswith(CONSOLE)]
    return [
        Route(method, route.path, handler.opt.get("needs"))
        for route in found
        if route.path not in OPEN
        for method, (handler, _model) in route.route_handler_map.items()
        if method != "OPTIONS"
    ]


async def test_a_screen_needs_what_its_entry_in_the_menu_needs(shop: Shop) -> None:
    needed = {route.path: route.needs for route in routes(shop) if route.method == "GET"}
    entries = {entry.path: entry.permissions for entry in (*EVERYDAY, *OPERATE)}
    assert entries == {path: needed[path] for path in entries}


async def test_nobody_gets_anywhere_without_a_session(shop: Shop) -> None:
    async with visiting(shop) as visitor:
        for route in routes(shop):
            for cookie in ("", "guessed"):
                visitor.http.cookies.set("custodiary", cookie)
                answer = await visitor.http.request(route.method, route.of("1"))
                assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, LOGIN), route


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_sees_what_its_permissions_say_and_is_told_which_it_lacks(shop: Shop, role: Role) -> None:
    before = await shop.position()
    async with signed_in(shop, role) as visitor:
        form = await visitor.hidden(CONSOLE)
        for route in routes(shop):
            assert route.needs is not None, route
            is_let_in = not route.needs or not PERMISSIONS[role].isdisjoint(route.needs)
            if route.method == "GET" and is_let_in:
                answer = await visitor.get(route.of("999999"))
                assert answer.status_code in {200, 303, 404, 422}, (route, answer.text)
            elif not is_let_in:
                answer = await visitor.http.request(route.method, route.of("1"), data=_data(route, form))
                assert answer.status_code == 403, route
                assert all(f"<code>{lacking}</code>" in answer.text for lacking in route.needs), route
    assert await shop.position() == before


async def test_no_form_does_anything_with_another_sessions_token(shop: Shop) -> None:
    before = await shop.position()
    async with signed_in(shop) as visitor, signed_in(shop) as other:
        others = await other.hidden(CONSOLE)
        posts = [route for route in routes(shop) if route.method != "GET"]
        assert len(posts) > 2
        for route in posts:
            for form in ({}, others):
                answer = await visitor.http.request(route.method, route.of("1"), data=form)
                assert answer.status_code == 403, route
                assert "Not allowed" in answer.text, route
    assert await shop.position() == before


async def test_nothing_is_kept_and_everything_has_the_policy(shop: Shop) -> None:
    async with signed_in(shop) as visitor:
        for route in routes(shop):
            answer = await visitor.http.request(route.method, route.of("999999"))
            assert answer.headers["cache-control"] == "no-store", route
            policy = answer.headers["content-security-policy"]
            assert "unsafe" not in policy
            assert "require-trusted-types-for 'script'; trusted-types custodiary" in policy
            assert "content-encoding" not in answer.headers
            assert len(answer.content) < LARGEST, route


def _data(route: Route, form: dict[str, str]) -> dict[str, Any] | None:
    return None if route.method == "GET" else form


LARGEST = 70_000
PARAMETERS = (
    "search", "q", "who", "actor", "type", "sort", "sort_by", "sort_type", "page", "per_page", "cursor", "as_of",
    "from", "to", "range", "tab", "rule", "order", "address", "before", "revealed", "status", "columns", "columns[]",
    "action", "customer_ids[]", "filter_type", "advanced_filters", "mended", "reason", "limit",
)  # fmt: skip
MARK = "<x-mark a=\"'>"


async def test_nothing_that_an_address_says_becomes_markup(shop: Shop) -> None:
    id_ = str(await shop.customer())
    async with signed_in(shop) as visitor:
        shown = [route for route in routes(shop) if route.method == "GET" and not route.path.endswith("/progress")]
        assert len(shown) > 10
        for path in (*(route.of(id_) for route in shown), LOGIN, f"{CONSOLE}/{quote(MARK)}"):
            for query in ({}, *({name: MARK} for name in PARAMETERS)):
                answer = await visitor.http.get(path, params=query)
                assert answer.status_code < 500, (path, query)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    assert "<x-mark" not in answer.text, (path, query)
                    assert "a=\"'" not in answer.text, (path, query)
