"""Who may call what: every route of the application, with every role."""

import re
from base64 import b64encode
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from api.http.paths import BASE
from service.credentials.roles import Role
from tests.api.shop import FORBIDDEN, ROLES, UNAUTHENTICATED, Method, Shop, done, reason, refusal

# As the API document's "Permission" lines say.
DOCUMENTED: dict[tuple[str, str], str] = {
    ("GET", "/customers"): "customers/view",
    ("POST", "/customers"): "customers/manage",
    ("GET", "/customers/{}"): "customers/view",
    ("PUT", "/customers/{}"): "customers/manage",
    ("PUT", "/customers/{}/additional-info"): "customers/manage",
    ("POST", "/customers/do-bulk-action"): "customers/manage",
    ("GET", "/customers/get-stats/{}"): "customers/view",
    ("GET", "/customers/{}/orders"): "customers/view",
    ("GET", "/customers/{}/order"): "customers/view",
    ("POST", "/customers/{}/recalculate-ltv"): "customers/manage",
    ("GET", "/customers/{}/address"): "customers/view",
    ("POST", "/customers/{}/address"): "customers/manage",
    ("PUT", "/customers/{}/address"): "customers/manage",
    ("DELETE", "/customers/{}/address"): "customers/delete",
    ("POST", "/customers/{}/address/make-primary"): "customers/manage",
    ("GET", "/customers/attachable-user"): "customers/manage",
    ("POST", "/customers/{}/attachable-user"): "customers/manage",
    ("POST", "/customers/{}/detach-user"): "customers/manage",
}
# As the contract's sections 4 and 5 say, and where they say nothing, as it is.
OURS: dict[tuple[str, str], str] = {
    ("GET", "/labels"): "labels/view",
    ("POST", "/labels"): "labels/manage",
    ("GET", "/labels/{}"): "labels/view",
    ("PUT", "/labels/{}"): "labels/manage",
    ("DELETE", "/labels/{}"): "labels/manage",
    ("GET", "/users"): "users/view",
    ("PUT", "/users/{}"): "users/manage",
    ("DELETE", "/users/{}"): "users/manage",
    ("PATCH", "/customers/{}"): "customers/manage",
    ("DELETE", "/customers/{}"): "customers/delete",  # and customers/manage
    ("GET", "/orders"): "orders/view",
    ("POST", "/orders"): "orders/manage",
    ("GET", "/orders/{}"): "orders/view",
    ("PUT", "/orders/{}"): "orders/manage",
    ("DELETE", "/orders/{}"): "orders/manage",
    ("POST", "/orders/{}/payments"): "orders/manage",
    ("POST", "/orders/{}/refunds"): "orders/manage",
    ("POST", "/orders/{}/transfer"): "orders/manage",
    ("GET", "/customers/{}/history"): "customers/view",
    ("GET", "/customers/{}/ltv/explain"): "customers/view",
    ("GET", "/history"): "history/view",
    ("GET", "/events"): "feeds/view",  # and feeds/full
    ("GET", "/events/types"): "feeds/view",
    ("GET", "/events/stream"): "feeds/view",  # and feeds/full
    ("GET", "/customers/{}/export"): "users/view",  # and customers/view
    ("GET", "/customers/{}/erasure"): "history/view",
    ("POST", "/replays"): "replays/manage",
    ("GET", "/replays"): "replays/manage",
    ("GET", "/replays/{}"): "replays/manage",
    ("GET", "/replays/{}/progress"): "replays/manage",
    ("POST", "/replays/{}/cancel"): "replays/manage",
    ("POST", "/replays/{}/swap"): "replays/manage",
    ("POST", "/replays/{}/rollback"): "replays/manage",
    ("GET", "/webhooks"): "feeds/manage",
    ("POST", "/webhooks"): "feeds/manage",
    ("GET", "/webhooks/{}"): "feeds/manage",
    ("PUT", "/webhooks/{}"): "feeds/manage",
    ("DELETE", "/webhooks/{}"): "feeds/manage",
    ("POST", "/webhooks/{}/pause"): "feeds/manage",
    ("POST", "/webhooks/{}/resume"): "feeds/manage",
    ("POST", "/webhooks/{}/test"): "feeds/manage",
    ("POST", "/webhooks/{}/rotate-secret"): "feeds/manage",
    ("POST", "/webhooks/{}/replay"): "feeds/manage",
    ("GET", "/webhooks/{}/deliveries"): "feeds/manage",
    ("POST", "/webhooks/{}/deliveries/{}/resend"): "feeds/manage",
    ("GET", "/credentials"): "credentials/own",
    ("POST", "/credentials"): "credentials/manage",
    ("DELETE", "/credentials/{}"): "credentials/own",
}
EXPECTED = DOCUMENTED | OURS
VIEWS = {"customers/view", "orders/view", "labels/view", "credentials/own"}
ALLOWED: dict[Role, set[str]] = {
    "worker": VIEWS,
    "manager": VIEWS
    | {"customers/manage", "customers/delete", "orders/manage", "labels/manage", "users/view", "feeds/view"},
    "administrator": set(EXPECTED.values()),
    "monitor": {"credentials/own"},
}
NO_ROUTE = (
    404,
    {
        "code": "rest_no_route",
        "message": "No route was found matching the URL and request method.",
        "data": {"status": 404},
    },
)


def routes(shop: Shop) -> set[tuple[Any, str]]:
    """Method and path, below the base."""
    return {
        (method, re.sub(r"\{[^}]*\}", "{}", route.path.removeprefix(BASE)))
        for route in shop.app.routes
        if isinstance(route, HTTPRoute) and route.path.startswith(BASE)
        for method in route.methods - {"OPTIONS", "HEAD"}
    }


def basic(text: str) -> str:
    return f"Basic {b64encode(text.encode()).decode()}"


async def test_every_documented_operation_is_served(shop: Shop) -> None:
    assert DOCUMENTED.keys() <= routes(shop)


async def test_every_route_is_one_that_the_contract_names(shop: Shop) -> None:
    assert routes(shop) <= EXPECTED.keys()


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_may_do_what_its_permissions_say_and_no_more(shop: Shop, role: Role) -> None:
    """Requests are about nobody and have an empty body: whoever is let in finds nothing, or lacks something."""
    before = await shop.position()
    for method, path in sorted(routes(shop)):
        permission = EXPECTED[method, path]
        answer = await shop.ask(method, path.replace("{}", "999999"), auth=(role, shop.passwords[role]))
        if permission in ALLOWED[role]:
            assert answer.status_code != 500, (method, path)
            assert b"rest_forbidden" not in answer.content, (method, path)
        else:
            assert refusal(answer) == FORBIDDEN, (method, path)
    assert await shop.position() == before


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !",
        "Bearer abc",
        basic("administrator:wrong"),
        basic("nobody:x"),
        basic("x"),
        "Basic é",
    ],
)
async def test_nobody_gets_in_without_a_password(shop: Shop, authorization: str | None) -> None:
    headers = [] if authorization is None else [(b"Authorization", authorization.encode())]
    async with httpx.AsyncClient(transport=shop.http._transport, base_url=shop.http.base_url) as stranger:
        for method, path in sorted(routes(shop)):
            await shop.forgive()
            answer = await stranger.request(method, path.replace("{}", "1"), headers=headers)
            assert refusal(answer) == UNAUTHENTICATED, (method, path)
            assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_credentials_are_asked_for_before_anything_is_read(shop: Shop) -> None:
    worker = ("worker", shop.passwords["worker"])
    answer = await shop.http.post("/customers", content=b"{broken", auth=worker)
    assert refusal(answer) == FORBIDDEN
    answer = await shop.http.post("/customers", content=b"x" * (2 << 20), auth=("worker", "wrong"))
    assert refusal(answer) == UNAUTHENTICATED


async def test_a_trailing_slash_is_accepted(shop: Shop) -> None:
    id_ = await shop.customer()
    await shop.address(id_)
    paths = ["/customers", f"/customers/{id_}", f"/customers/{id_}/address", f"/customers/{id_}/orders"]
    for path in [*paths, f"/customers/get-stats/{id_}", "/customers/attachable-user", "/labels", "/users"]:
        plain, slashed = await shop.get(path), await shop.get(f"{path}/")
        assert done(plain) == done(slashed)
    done(await shop.post("/labels/", {"value": "slashed"}))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/nothing"),
        ("GET", "/customers/1/nothing"),
        ("GET", "/customers/do-bulk-action/1"),
        ("OPTIONS", "/customers/1/nothing"),
        ("HEAD", "/nothing"),
        ("GET", "/%00"),
        ("GET", "/../../../etc/passwd"),
    ],
)
async def test_an_unknown_route_is_a_404(shop: Shop, method: Method, path: str) -> None:
    answer = await shop.ask(method, path)
    assert answer.status_code == 404
    assert method == "HEAD" or refusal(answer) == NO_ROUTE


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/customers/1", "DELETE, GET, HEAD, PATCH, PUT"),
        ("OPTIONS", "/customers/1", "DELETE, GET, HEAD, PATCH, PUT"),
        ("POST", "/customers/1/", "DELETE, GET, HEAD, PATCH, PUT"),
        ("DELETE", "/customers", "GET, HEAD, POST"),
        ("OPTIONS", "/customers", "GET, HEAD, POST"),
        ("PATCH", "/orders", "GET, HEAD, POST"),
        ("GET", "/customers/do-bulk-action", "POST"),
        ("HEAD", "/customers/do-bulk-action", "POST"),
        ("PUT", "/customers/1/address/make-primary", "POST"),
        ("GET", "/customers/1/address/make-primary", "POST"),
        ("OPTIONS", "/customers/1/address/make-primary", "POST"),
        ("POST", "/labels/1", "DELETE, GET, HEAD, PUT"),
        ("POST", "http://store.example/health/live", "GET, HEAD"),
        ("DELETE", "http://store.example/metrics", "GET, HEAD"),
        ("POST", "http://store.example/docs/openapi.json", "GET, HEAD"),
    ],
)
async def test_a_known_path_with_another_method_says_which_it_takes(
    shop: Shop, method: Method, path: str, allowed: str
) -> None:
    answer = await shop.ask(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    if method != "HEAD":
        assert reason(answer) == "method_not_allowed"
        assert answer.json()["code"] == "rest_no_route"


async def test_no_path_takes_another_method_than_it_says(shop: Shop) -> None:
    """Tries each method that a path does not have; that needs no password."""
    known: dict[str, set[str]] = {}
    for method, path in routes(shop):
        known.setdefault(path, set()).add(method)
    async with httpx.AsyncClient(transport=shop.http._transport, base_url=shop.http.base_url) as stranger:
        for path, methods in known.items():
            allowed = methods | ({"HEAD"} if "GET" in methods else set())
            for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
                answer = await stranger.request(method, path.replace("{}", "1"))
                told = set(answer.headers.get("allow", "").split(", "))
                assert (answer.status_code, told) == (405, allowed), (method, path)


async def test_head_answers_as_get_without_a_body(shop: Shop) -> None:
    id_ = await shop.customer()
    for path in ("/customers?per_page=1", f"/customers/{id_}", "/customers/999999", f"/customers/{id_}/make-primary"):
        get, head = await shop.get(path), await shop.ask("HEAD", path)
        assert (head.status_code, head.headers, head.content) == (get.status_code, get.headers, b"")
    stranger = await shop.ask("HEAD", "/customers", auth=("nobody", "x"))
    assert (stranger.status_code, stranger.content) == (401, b"")


async def test_what_is_outside_the_base_is_no_route_either(shop: Shop) -> None:
    for path in ("/", "/customers", "/wp-json", "/health", "/favicon.ico"):
        assert refusal(await shop.get(f"http://store.example{path}")) == NO_ROUTE


async def test_health_asks_for_no_password(shop: Shop) -> None:
    async with httpx.AsyncClient(transport=shop.http._transport, base_url="http://store.example") as stranger:
        assert done(await stranger.get("/health/live")) == {"status": "ok"}
        assert done(await stranger.get("/health/ready")) == {"status": "ok", "drift": None}
