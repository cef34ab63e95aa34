"""The access log: a line for each write and each request that was denied.

Its lines are as those of the rest of the log, but go past `logging`, which takes several times as long. Those of one
turn of the event loop, in which a whole batch may be answered, are written in one call.
"""

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeAlias

import msgspec
from litestar.types import Scope

from api.access.sessions import SIGNED_IN
from service.credentials.auth import Principal

UNDONE = "undone"  # of a request's state: it met no database that takes writes, which another line tells of all of them
READS = frozenset({"GET", "HEAD", "OPTIONS"})
DENIED = frozenset({"401", "403", "429"})
_ID = re.compile(r"[0-9]{1,16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

STDERR = 2
_encode = msgspec.json.encode

# A request, its method and route as they are counted, the status that it was answered with, the seconds until then.
Answered: TypeAlias = Callable[[Scope, str, str, str, float], None]


def is_logged(method: str, status: str) -> bool:
    return method not in READS or status in DENIED


def logging_access(request_id: Callable[[Scope], str], alias: Callable[[Scope], str]) -> Answered:
    """`alias` says in place of an address which requests came from the same one.

    Nothing is logged that a stranger has made up: no path, no login that was tried, no id that is nobody's.
    """
    lines: list[bytes] = []

    def write() -> None:
        written = b"\n".join([*lines, b""])
        lines.clear()
        with suppress(OSError):  # nobody reads it any more, which is no reason not to answer
            os.write(STDERR, written)

    def log(scope: Scope, method: str, route: str, status: str, seconds: float) -> None:
        state = scope.get("state", {})
        if not is_logged(method, status) or state.get(UNDONE):
            return
        principal: Principal | None = scope.get("user")
        line = {
            "level": "INFO",
            "logger": "custodiary.access",
            "message": "denied" if status in DENIED else "write",
            "request_id": request_id(scope),
            "actor": principal and principal.user,
            "credential": principal and str(principal.credential),
            "method": method,
            "route": route,
            "ids": _ids(scope.get("path_params", {})) if principal and status[0] in "23" else {},
            "status": int(status) if status.isdigit() else None,  # none when the client has gone away
            "seconds": round(seconds, 6),
            "from": alias(scope),
            "time": datetime.now(UTC),
        }
        if signed_in := state.get(SIGNED_IN):
            line["session"] = signed_in.digest.hex()[:8]
        if not lines:
            asyncio.get_running_loop().call_soon(write)
        lines.append(_encode(line))

    return log


def _ids(parameters: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if _ID.fullmatch(str(value))}
