"""Writes over HTTP: carried out once for each Idempotency-Key, and only on the version that If-Match names."""

import re
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import asyncpg
from litestar import Response

from api.answer import answer
from api.refusals import Invalid, Rule, Stale
from api.serving import AnyRequest, asked_by, serving
from domain.event import Command, Decider
from domain.refusals import CustomerNotFound, Refusal
from eventstore.log import Connection, Executor
from eventstore.transact import Unit

T = TypeVar("T")

MAX_KEY = 255
IN_FLIGHT = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))"
FORGET = "DELETE FROM answers WHERE answered_at < now() - interval '24 hours'"
FIND = """
    SELECT fingerprint, status, etag, body FROM answers
    WHERE actor = $1 AND key = $2 AND answered_at >= now() - interval '24 hours'"""
KEPT = """
    INSERT INTO answers (actor, key, fingerprint, status, etag, body, customer_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
VERSION = "SELECT version FROM figures WHERE id = $1 FOR UPDATE"

_VERSION_TAG = re.compile(r'(?:W/)?"?([0-9]{1,18})"?')


class Shown(NamedTuple):
    """An answer's body; `version` and `customer_id` are those of the customer that it is about."""

    body: Any
    customer_id: int | None = None
    version: int | None = None


class Answered(Exception):
    """The same request was carried out before."""

    def __init__(self, response: Response[bytes]) -> None:
        super().__init__()
        self.response = response


class Key(NamedTuple):
    """An Idempotency-Key of an actor, and the request that it came with."""

    actor: str
    key: str
    fingerprint: bytes

    async def find(self, on: Executor) -> None:
        """Raises Answered, or Invalid when the key came with another request."""
        row = await on.fetchrow(FIND, self.actor, self.key)
        if row is None:
            return
        if row["fingerprint"] != self.fingerprint:
            problem = "This Idempotency-Key came with another request before."
            raise Invalid({"Idempotency-Key": {"unique": problem}})
        raise Answered(_replayed(row))

    async def begin(self, connection: Connection) -> None:
        """Let no other request with this key in, until the transaction ends."""
        if not await connection.fetchval(IN_FLIGHT, f"{self.actor}\n{self.key}"):
            raise Rule(409, "A request with this Idempotency-Key is still running.")
        await connection.execute(FORGET)
        await self.find(connection)

    async def keep(self, connection: Connection, shown: Shown, response: Response[bytes]) -> None:
        status, etag = response.status_code or 200, response.headers.get("ETag")
        await connection.execute(KEPT, *self, status, etag, response.content, shown.customer_id)


async def carry_out(
    request: AnyRequest,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Connection, T], Awaitable[Shown]],
    *,
    customer_id: int | None = None,
) -> Response[bytes]:
    """Do the work, and answer with what `show` makes of its result in the same transaction.

    `customer_id` is whom `If-Match` is about.
    """
    key, pool = await _key(request), serving(request).store.pool
    if key is None:
        return await _run(request, work, show, customer_id, None)
    try:
        await key.find(pool)
        return await _run(request, work, show, customer_id, key)
    except Answered as answered:
        return answered.response
    except Refusal as refusal:
        # The same request, carried out meanwhile, may be what now stands against this one.
        try:
            await key.find(pool)
        except Answered as answered:
            return answered.response
        raise refusal from None


async def _run(
    request: AnyRequest,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Connection, T], Awaitable[Shown]],
    customer_id: int | None,
    key: Key | None,
) -> Response[bytes]:
    expected = _expected_versions(request)

    async def check(connection: Connection) -> None:
        if key is not None:
            await key.begin(connection)
        if customer_id is not None and expected is not None:
            await _require_version(connection, customer_id, expected)

    async def respond(connection: Connection, result: T) -> Response[bytes]:
        shown = await show(connection, result)
        response = answer(shown.body, version=shown.version)
        if key is not None:
            await key.keep(connection, shown, response)
        return response

    return await serving(request).store.answer(asked_by(request), work, respond, check=check)


def decision(decider: Decider[Any], id_: int, command: Command) -> Callable[[Unit], Awaitable[int]]:
    """The work of a single command; its result is the stream's id."""

    async def work(unit: Unit) -> int:
        await unit.decide(decider, id_, command)
        return id_

    return work


async def nothing(_unit: Unit) -> None:
    """The work of a request that leads to no event."""


def just(body: Any) -> Callable[[Connection, Any], Awaitable[Shown]]:
    """An answer that is always the same."""

    async def show(_connection: Connection, _result: Any) -> Shown:
        return Shown(body)

    return show


def about(customer_id: int, body: Any) -> Callable[[Connection, Any], Awaitable[Shown]]:
    """As `just`, with the version that the customer is at now."""

    async def show(connection: Connection, _result: Any) -> Shown:
        version = await connection.fetchval(VERSION, customer_id)
        return Shown(body, customer_id=customer_id, version=version)

    return show


async def _key(request: AnyRequest) -> Key | None:
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return None
    if not 0 < len(sent) <= MAX_KEY or not sent.isprintable():
        problem = f"The Idempotency-Key must be 1 to {MAX_KEY} printable characters."
        raise Invalid({"Idempotency-Key": {"invalid": problem}})
    said = blake2b(digest_size=32)
    for part in (request.method.encode(), request.scope["path"].encode(), request.scope["query_string"]):
        said.update(part + b"\n")
    said.update(await request.body())
    return Key(request.user.user, sent, said.digest())


def _expected_versions(request: AnyRequest) -> frozenset[int] | None:
    """None when any will do."""
    sent = request.headers.get("if-match", "*").strip()
    if sent == "*":
        return None
    tags = (_VERSION_TAG.fullmatch(tag.strip()) for tag in sent.split(","))
    return frozenset(int(tag[1]) for tag in tags if tag)


async def _require_version(connection: Connection, customer_id: int, expected: frozenset[int]) -> None:
    current: int | None = await connection.fetchval(VERSION, customer_id)
    if current is None:
        raise CustomerNotFound
    if current not in expected:
        raise Stale(current)


def _replayed(row: asyncpg.Record) -> Response[bytes]:
    etag = {"ETag": row["etag"]} if row["etag"] else {}
    headers = etag | {"Idempotency-Replayed": "true"}
    return Response(row["body"], status_code=row["status"], media_type="application/json", headers=headers)
