"""What a handler can't do without, on the same server and pool as the service: one INSERT, or one SELECT of the rows.

`python -m benchmarks.bare PORT` serves it until it is told to stop; the database is that of DATABASE_URL.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec
from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from litestar import Litestar, Request, Response, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Stream

from api.app import CONNECTIONS
from domain.text.folding import folded
from eventstore.postgres.connection import Connection
from projections.queries.customers import SHOWN

# In a filled store's database, with the same people.
TABLE = """
    CREATE TABLE bare_customers (
        id bigserial PRIMARY KEY, email text NOT NULL, first_name text NOT NULL, last_name text NOT NULL,
        country text, city text, state text, postcode text, status text NOT NULL DEFAULT 'active',
        ltv bigint NOT NULL DEFAULT 0, purchase_count int NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(), updated_at timestamptz NOT NULL DEFAULT now());
    INSERT INTO bare_customers (id, email, first_name, last_name, country, city, state, postcode)
    SELECT id, email, first_name, last_name, country, city, state, postcode FROM customers;
    SELECT setval('bare_customers_id_seq', max(id)) FROM bare_customers;
    ANALYZE bare_customers"""
INSERT = "INSERT INTO bare_customers (email, first_name, last_name, country) VALUES ($1, $2, $3, $4) RETURNING id"
SELECT = """
    SELECT id, email, first_name, last_name, country, city, state, postcode, status, ltv, purchase_count,
        created_at, updated_at
    FROM bare_customers WHERE id = $1"""
# The service's own tables: the columns that it shows, of the same rows.
LISTED = f"SELECT {', '.join(SHOWN)} FROM customers AS r JOIN figures USING (id) {{where}} ORDER BY id DESC LIMIT 10"
LIST, SEARCH = LISTED.format(where=""), LISTED.format(where="WHERE r.searched LIKE $1")
HISTORY = """
    SELECT notification_id, originator_id, originator_version, topic, state, occurred_at, recorded_at, actor,
        request_id
    FROM stored_events WHERE customer_id = $1 ORDER BY notification_id DESC LIMIT 10"""
FEED = """
    SELECT notification_id, originator_id, originator_version, topic, state, occurred_at, recorded_at, actor,
        request_id
    FROM stored_events WHERE notification_id > $1 ORDER BY notification_id LIMIT $2"""
FEED_PAGE = 200  # as a stream of the service reads them


class New(msgspec.Struct):
    email: str
    first_name: str
    last_name: str
    country: str


@post("/customers", status_code=200)
async def insert(request: Request[Any, Any, Any], data: JSONBody[New]) -> Response[bytes]:
    id_ = await request.app.state.pool.fetchval(INSERT, data.email, data.first_name, data.last_name, data.country)
    return Response(msgspec.json.encode({"id": id_}), media_type="application/json")


@get("/customers/{customer_id:int}")
async def select(request: Request[Any, Any, Any], customer_id: FromPath[int]) -> Response[bytes]:
    row = await request.app.state.pool.fetchrow(SELECT, customer_id)
    return Response(msgspec.json.encode({"customer": dict(row)}), media_type="application/json")


@get("/list")
async def customers(request: Request[Any, Any, Any]) -> Response[bytes]:
    return _rows(await request.app.state.pool.fetch(LIST))


@get("/search")
async def search(request: Request[Any, Any, Any], text: FromQuery[str]) -> Response[bytes]:
    return _rows(await request.app.state.pool.fetch(SEARCH, f"%{folded(text)}%"))


@get("/history/{customer_id:int}")
async def history(request: Request[Any, Any, Any], customer_id: FromPath[int]) -> Response[bytes]:
    return _rows(await request.app.state.pool.fetch(HISTORY, customer_id))


@get("/events/stream")
async def stream(request: Request[Any, Any, Any]) -> Stream:
    return Stream(_events(request.app.state.pool), media_type="text/event-stream")


async def _events(pool: asyncpg.Pool) -> AsyncIterator[bytes]:
    after = 0
    while rows := await pool.fetch(FEED, after, FEED_PAGE):
        yield b"".join(b"id: %d\ndata: %b\n\n" % (row[0], msgspec.json.encode(dict(row))) for row in rows)
        after = rows[-1][0]
    yield b"event: caught-up\ndata:\n\n"


def _rows(found: list[asyncpg.Record]) -> Response[bytes]:
    return Response(msgspec.json.encode([dict(row) for row in found]), media_type="application/json")


@get("/health/live")
async def live() -> str:
    return "ok"


def create_bare_app() -> Litestar:
    @asynccontextmanager
    async def serving(app: Litestar) -> AsyncIterator[None]:
        dsn = os.environ["DATABASE_URL"]
        async with asyncpg.create_pool(dsn, min_size=1, max_size=CONNECTIONS, reset=_keep) as pool:
            app.state.pool = pool
            yield

    handlers = [insert, select, customers, search, history, stream, live]
    return Litestar(handlers, lifespan=[serving], logging_config=None, openapi_config=None)


async def _keep(_connection: Connection) -> None:
    """No reset query, as in our own pool."""


if __name__ == "__main__":
    # As `custodiary serve` does it.
    Granian(
        "benchmarks.bare:create_bare_app",
        factory=True,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        websockets=False,
        port=int(sys.argv[1]),
        log_level=LogLevels.warning,
    ).serve()
