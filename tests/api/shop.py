"""The service as its clients see it, on a database of its own."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Literal, TypeAlias, cast

import asyncpg
import httpx
from litestar import Litestar

from api.app import create_app
from api.http.paths import BASE
from api.http.reasons import Reason
from api.process.settings import Settings
from eventstore.store import Store
from service.credentials import passwords as credentials
from service.credentials.roles import Role
from tests.api.documented import Body, reasons_of
from tests.api.leaving import leaving

Method: TypeAlias = Literal["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

ROLES: tuple[Role, ...] = ("administrator", "manager", "worker", "monitor")
SETTINGS = Settings(store_url="https://shop.example")
POSITION = "SELECT coalesce(max(notification_id), 0) FROM stored_events"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NUMBERS = count(1)
# Applications that have ended and may start again: to put one together takes longer than most tests.
AT_REST: defaultdict[Settings, list[Litestar]] = defaultdict(list)
# Why any request, any write or any list may be refused.
OF_ANY: frozenset[str] = frozenset({
    Reason.NO_ROUTE, Reason.URL_TOO_LONG, Reason.HEADERS_TOO_LARGE, Reason.BAD_REQUEST, Reason.INVALID_MULTIPART,
    Reason.INVALID_FIELDS, Reason.BUSY, Reason.EVENT_UNREADABLE, Reason.SCHEMA_MISMATCH, Reason.METHOD_NOT_ALLOWED,
    Reason.FOREIGN_ORIGIN, Reason.TOO_EXPENSIVE,
})  # fmt: skip
REASONS = {it.value: it for it in Reason}

HOME: Body = {
    "type": "billing",
    "name": "Jane Smith",
    "email": "jane@example.com",
    "address_1": "1 Main Street",
    "city": "New York",
    "state": "NY",
    "postcode": "10001",
    "country": "US",
}  # fmt: skip


class Shop:
    """Requests are an administrator's; bodies are JSON."""

    def __init__(
        self, app: Litestar, http: httpx.AsyncClient, store: Store, passwords: dict[Role, str], dsn: str
    ) -> None:
        self.dsn = dsn
        self.app = app
        self.http = http
        self.store = store
        self.passwords = passwords

    @property
    def pool(self) -> asyncpg.Pool:
        return self.store.pool

    async def ask(self, method: Method, path: str, body: Any = None, **options: Any) -> httpx.Response:
        if body is not None:  # in ASCII, so that lone surrogates can be sent
            options = {"content": json.dumps(body), "headers": JSON | options.pop("headers", {})} | options
        return await self.http.request(method, path, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("POST", path, body, **options)

    async def put(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("PUT", path, body, **options)

    async def delete(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return await self.ask("DELETE", path, body, **options)

    async def forgive(self) -> None:
        """All wrong passwords, so that the next one costs no time."""
        await self.pool.execute("DELETE FROM login_failures")

    async def position(self) -> int:
        """The position of the log's last event."""
        position: int = await self.pool.fetchval(POSITION)
        return position

    async def customer(self, **said: Any) -> int:
        """A new customer's id."""
        body = {"email": new_email(), "first_name": "Jane", "last_name": "Smith"} | said
        return int(done(await self.post("/customers", body))["data"]["id"])

    async def shown(self, customer_id: int) -> Body:
        found: Body = done(await self.get(f"/customers/{customer_id}"))["customer"]
        return found

    async def address(self, customer_id: int, /, **said: Any) -> int:
        return int(done(await self.post(f"/customers/{customer_id}/address", HOME | said))["data"]["id"])

    async def addresses(self, customer_id: int, type_: str = "billing") -> list[Body]:
        answer = await self.get(f"/customers/{customer_id}/address", params={"type": type_})
        return cast("list[Body]", done(answer)["addresses"])

    async def primaries(self, customer_id: int, type_: str = "billing") -> list[int]:
        return [address["id"] for address in await self.addresses(customer_id, type_) if address["is_primary"]]

    async def user(self, **said: Any) -> int:
        """A new WordPress user's ID."""
        id_ = 1_000 + next(NUMBERS)
        body = {"user_login": f"user{id_}", "user_email": f"user{id_}@example.org"} | said
        done(await self.put(f"/users/{id_}", body))
        return id_

    async def order(self, customer_id: int, total: int = 1_000, /, **said: Any) -> int:
        """A new order's id; unpaid unless said otherwise."""
        body = {"customer_id": customer_id, "total_amount": total} | said
        return int(done(await self.post("/orders", body))["data"]["id"])

    async def pay(self, order_id: int, amount: int, transaction_id: str = "") -> Body:
        body = {"amount": amount, "transaction_id": transaction_id or f"t{next(NUMBERS)}"}
        return done(await self.post(f"/orders/{order_id}/payments", body))

    async def refund(self, order_id: int, amount: int, transaction_id: str = "") -> Body:
        body = {"amount": amount, "transaction_id": transaction_id or f"t{next(NUMBERS)}"}
        return done(await self.post(f"/orders/{order_id}/refunds", body))

    async def label(self) -> int:
        return int(done(await self.post("/labels", {"value": f"label {next(NUMBERS)}"}))["data"]["id"])


def new_email() -> str:
    return f"jane{next(NUMBERS)}@example.com"


def done(answer: httpx.Response) -> Body:
    """The body of a success."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    body: Body = answer.json()
    return body


def refusal(answer: httpx.Response) -> tuple[int, Body]:
    """Status and body, to be compared with what the API document gives word by word: it has no reason."""
    body = answer.json()
    del body["reason"]
    return answer.status_code, body


def reason(answer: httpx.Response) -> Reason:
    return REASONS[answer.json()["reason"]]


async def has_reason(answer: httpx.Response) -> None:
    """Whatever is not carried out says why, in a word of the table; but a browser's own question needs none."""
    method, path = answer.request.method, answer.request.url.path
    if answer.status_code >= 400 and method not in {"HEAD", "OPTIONS"} and not path.startswith("/health"):
        await answer.aread()
        why = reason(answer)
        assert why.status == answer.status_code
        documented = reasons_of(method, path)
        assert documented is None or why in documented | OF_ANY, f"{method} {path}: refuses= lacks what gives {why!r}"


def rule(status: int, message: str) -> tuple[int, Body]:
    """The contract's body of a business rule."""
    return status, {"code": status, "message": message, "data": ""}


def problems(answer: httpx.Response) -> dict[str, list[str]]:
    """The rules broken, by field, of a 422 in the contract's envelope."""
    body = answer.json()
    assert answer.status_code == 422, answer.text
    assert list(body) == ["code", "message", "errors", "reason"]
    assert body["code"] == "rest_request_validation"
    sentences = [sentence for rules in body["errors"].values() for sentence in rules.values()]
    assert body["message"] == sentences[0]
    assert all(isinstance(sentence, str) and sentence for sentence in sentences)
    return {field: list(rules) for field, rules in body["errors"].items()}


NO_CUSTOMER = rule(404, "Customer not found.")
NO_ADDRESS = rule(404, "Address not found, please reload the page and try again!")
NO_ORDER = rule(404, "Order not found.")
FORBIDDEN = 403, {
    "code": "rest_forbidden", "message": "Sorry, you are not allowed to do that.", "data": {"status": 403},
}  # fmt: skip
UNAUTHENTICATED = 401, {
    "code": "rest_forbidden", "message": "Sorry, you are not allowed to do that.", "data": {"status": 401},
}  # fmt: skip


@asynccontextmanager
async def open_shop(dsn: str, settings: Settings = SETTINGS) -> AsyncIterator[Shop]:
    """The service on a migrated database, with a login for each role."""
    app = AT_REST[settings].pop() if AT_REST[settings] else create_app(settings, dsn)
    app.state.database_url = dsn
    async with _running(app):
        store: Store = app.state.service.store
        added = {role: await credentials.add(store.pool, role, role, f"test {next(NUMBERS)}") for role in ROLES}
        passwords = {role: added[role].password for role in ROLES}
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(
                cast("Any", leaving(app))
            ),  # the two libraries' types of an application differ
            base_url=f"http://store.example{BASE}",
            auth=("administrator", passwords["administrator"]),
            event_hooks={"response": [has_reason]},
        ) as http:
            yield Shop(app, http, store, passwords, dsn)
    AT_REST[settings].append(app)


@asynccontextmanager
async def _running(app: Litestar) -> AsyncIterator[None]:
    """Its lifespan must begin and end in one task; a fixture's two halves need not run in the same."""
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await stop.wait()

    living, starting = asyncio.create_task(live()), asyncio.create_task(started.wait())
    await asyncio.wait({living, starting}, return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    try:
        if started.is_set():
            yield
    finally:
        stop.set()
        await living
