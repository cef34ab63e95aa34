"""Writes over HTTP: carried out once for each Idempotency-Key, and only on the version that If-Match names."""

from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeVar

from api.handling.idempotency import Answered, IdempotencyKey, read_key
from api.handling.if_match import IfMatch, read_if_match
from api.handling.serving import AnyRequest, asked_by, serving
from api.http.answer import Answer, answer
from api.http.refusals import HttpRefusal
from domain.refusals import ClaimTaken, Refusal
from eventstore.postgres.connection import Connection, Session
from eventstore.store import OutcomeUnknown, Store, Unit
from projections.queries.customers import find_version

T = TypeVar("T")

AGAIN = 2


class Outcome(NamedTuple):
    """An answer's body, with the id and version of the customer that it is about, or the id of the user.

    `kept` is the body for a repetition with the same key, where it differs: a secret is shown once.
    """

    body: Any
    customer_id: int | None = None
    version: int | None = None
    kept: Any = None
    user_id: int | None = None


class Conditions(NamedTuple):
    """Whether a write goes in: once for a key, and only on the version that it is meant for."""

    if_match: IfMatch
    key: IdempotencyKey | None


async def carry_out(
    request: AnyRequest,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Session, T], Awaitable[Outcome]],
    *,
    customer_id: int | None = None,
    within: Callable[[], AbstractContextManager[None]] = nullcontext,
    again: Collection[str] = (),
    conditions: Conditions | None = None,
) -> Answer:
    """Do the work, and answer with what `show` makes of its result in the same transaction.

    `If-Match` is compared with the version of `customer_id`: None if the request is about no customer, 0 if it does not
    exist. `within` may translate refusals. If another command takes a claim of a kind in `again` first, the work runs
    again, twice at most, and finds something else to claim. The conditions are those of the headers unless handed in.
    """
    if_match, key = conditions or Conditions(read_if_match(request, customer_id), await read_key(request))
    store = serving(request).store

    async def run(key: IdempotencyKey | None) -> Answer:
        with within():
            for _ in range(AGAIN):
                try:
                    return await _run(request, work, show, if_match, key)
                except ClaimTaken as taken:
                    if taken.args[0] not in again:
                        raise
            return await _run(request, work, show, if_match, key)

    if key is None:
        return await run(None)
    try:
        await key.find(store.pool)
        try:
            return await run(key)
        except (Refusal, HttpRefusal):
            await key.find(store.pool)  # the same request, carried out meanwhile, may be what stands against this one
            raise
    except Answered:
        return await _again(store, key)


async def _run(
    request: AnyRequest,
    work: Callable[[Unit], Awaitable[T]],
    show: Callable[[Session, T], Awaitable[Outcome]],
    if_match: IfMatch,
    key: IdempotencyKey | None,
) -> Answer:
    store = serving(request).store

    async def check(connection: Session) -> None:
        if key is not None:
            await key.begin(connection)
        await if_match.require(connection)

    async def respond(connection: Session, result: T) -> Answer:
        shown = await show(connection, result)
        response = answer(shown.body, version=shown.version)
        if key is not None:
            kept = response if shown.kept is None else answer(shown.kept, version=shown.version)
            await key.keep(connection, kept, shown.customer_id, shown.user_id)
        return response

    # Also before the work: that the customer has changed is what may stand against it now.
    await if_match.require(store.pool)
    return await store.answer(asked_by(request), work, respond, check=check, alone=key and key.claim)


async def _again(store: Store, key: IdempotencyKey) -> Answer:
    """The stored answer. Raises OutcomeUnknown if it is visible but not durable."""

    async def look(connection: Connection) -> Answer:
        try:
            await key.find(connection)
        except Answered as answered:
            return answered.response
        raise OutcomeUnknown  # it is lost, with the server that had it a moment ago

    return await store.durably(look)


async def nothing(_unit: Unit) -> None:
    """The work of a request that leads to no event."""


def just(body: Any) -> Callable[[Session, Any], Awaitable[Outcome]]:
    """An answer that is always the same."""

    async def show(_connection: Session, _result: Any) -> Outcome:
        return Outcome(body)

    return show


def about(customer_id: int, body: Any) -> Callable[[Session, Any], Awaitable[Outcome]]:
    """Answers as `just` does, with the customer's current version."""

    async def show(session: Session, _result: Any) -> Outcome:
        return Outcome(body, customer_id=customer_id, version=await find_version(session, customer_id))

    return show
