"""The edge: how large a request may be before anybody reads it, and how long it may take to arrive and to be answered.

Bodies are counted by Litestar while they are read; connections, and headers that do not end, are granian's.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import Any, TypeAlias

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from api.edge.deadlines import Deadlines
from api.http.reasons import Reason
from api.http.refusals import BadEncoding, Forged, HttpRefusal, Late, Rule, Slow
from eventstore.postgres.json import encode_numbers

MAX_URL_BYTES = 32 << 10  # a thousand ids fit, with PHP's brackets around each
MAX_HEADER_BYTES = 32 << 10
ANSWER_SECONDS = 300  # until an answer begins: a past of a very long log takes that, and nothing else should

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_BODY = frozenset({b"content-length", b"transfer-encoding"})
_LOOKED_AT = _BODY | {b"content-encoding", b"sec-fetch-site", b"origin"}


Show: TypeAlias = Callable[[HTTPScope, HttpRefusal], tuple[str, bytes]]


def in_json(_scope: HTTPScope, refusal: HttpRefusal) -> tuple[str, bytes]:
    return "application/json", encode_numbers(refusal.body)


def guarding(
    app: ASGIApp,
    client_seconds: float,
    origins: Collection[str] = (),
    answer_seconds: float = ANSWER_SECONDS,
    show: Show = in_json,
) -> ASGIApp:
    """`client_seconds` is how long a body may take to arrive; `origins` are those whose pages may write. `show` makes
    the media type and the body of a refusal.
    """
    may_write, deadlines = frozenset(origin.encode() for origin in origins), Deadlines(answer_seconds)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        try:
            size = _looked_at(scope, may_write)
        except HttpRefusal as refusal:
            await _answer(scope, refusal, send, show)
        else:
            arriving = receive if size is None else _in_time(receive, size, client_seconds)
            try:
                await _answered_in_time(app, scope, arriving, send, deadlines)
            except Late as late:
                await _answer(scope, late, send, show)

    return guarded


def _looked_at(scope: HTTPScope, may_write: Collection[bytes]) -> float | None:
    """The length of its body, infinite where it does not say; None when it has none.

    Raises HttpRefusal for what nobody should read.
    """
    if len(scope["path"]) + len(scope["query_string"]) > MAX_URL_BYTES:
        raise Rule(
            Reason.URL_TOO_LONG,
            f"An address may not be longer than {MAX_URL_BYTES} bytes. Send long lists in the body.",
        )
    size, found = 0, dict[bytes, bytes]()
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        if name in _LOOKED_AT:
            found[name] = value
    if size > MAX_HEADER_BYTES:
        raise Rule(
            Reason.HEADERS_TOO_LARGE,
            f"The headers of a request may not be longer than {MAX_HEADER_BYTES} bytes together.",
        )
    if not found:
        return None
    if found.get(b"content-encoding", b"").strip().lower() not in {b"", b"identity"}:
        raise BadEncoding
    if scope["method"] not in _SAFE and _is_forged(found, may_write):
        raise Forged
    if found.keys().isdisjoint(_BODY):
        return None
    announced = found.get(b"content-length", b"")
    return int(announced) if announced.isdigit() else inf


def _is_forged(headers: Mapping[bytes, bytes], may_write: Collection[bytes]) -> bool:
    """Sent by a browser for another's page. It adds the password that it was once given, and a form needs no leave."""
    elsewhere = headers.get(b"sec-fetch-site", b"none") not in {b"none", b"same-origin"}
    return elsewhere and headers.get(b"origin") not in may_write


def _in_time(receive: Receive, size: float, seconds: float) -> Receive:
    """Raises Slow when the body is not there in time, counted from when it is first asked for."""
    until, arrived, whole = 0.0, 0, False

    async def receiving() -> Any:
        nonlocal until, arrived, whole
        if whole:
            return await receive()
        until = until or asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError as error:
            raise Slow(seconds) from error
        if message["type"] == "http.request":
            arrived += len(message["body"])
            if arrived >= size:  # granian says so in a message more, for which its thread and the loop take turns
                message["more_body"] = False
        whole = not message.get("more_body", False)
        return message

    return receiving


async def _answered_in_time(app: ASGIApp, scope: Scope, receive: Receive, send: Send, deadlines: Deadlines) -> None:
    deadline = asyncio.timeout(None)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":  # what streams may go on
            deadlines.end(deadline)
        await send(message)

    try:
        async with deadline:
            deadlines.begin(deadline)
            await app(scope, receive, sending)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise Late from None
    finally:
        deadlines.end(deadline)


async def _answer(scope: HTTPScope, refusal: HttpRefusal, send: Send, show: Show) -> None:
    media_type, body = show(scope, refusal)
    headers = {"content-type": media_type, "content-length": str(len(body)), **refusal.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})
