"""What an operation is to clients. It is declared where it is done, at its handler."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Self, TypeAlias

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method
from msgspec import Struct

from api.http.refusals import HttpRefusal
from service.credentials.roles import Permission
from service.fields.input import Input

# A refusal as it is answered, or what the domain raises, whose class is enough where it has no facts.
Refusal: TypeAlias = HttpRefusal | Exception | type[Exception]


class Operation(NamedTuple):
    """`takes` nothing but what its path has, unless it says so; the fields of several types are one request's.

    `answers` is None for plain text, and has two types where it depends on what is asked. `refuses` is beside what any
    request may meet. `versioned`: the answer has the customer's version, or has it unless the customer is erased, or
    that of a new one. `unready`: it may be 503, with the same body. `streams` the names of server-sent events, each
    of which holds the answer.
    """

    group: str
    permission: Permission | None
    takes: Sequence[type[Input]] = ()
    answers: Sequence[type[Struct]] = ()
    refuses: Sequence[Refusal] = ()
    versioned: bool | Literal["unless erased", "new"] = False
    unready: bool = False
    streams: Sequence[str] = ()

    def __deepcopy__(self, _memo: object) -> Self:
        """Litestar copies handlers; exceptions can't be copied, and nothing of this changes."""
        return self


def operation(
    method: Method,
    path: str,
    summary: str,
    group: str,
    permission: Permission | None,
    *,
    takes: type[Input] | Sequence[type[Input]] = (),
    answers: type[Struct] | Sequence[type[Struct]] = (),
    refuses: Refusal | Sequence[Refusal] = (),
    versioned: bool | Literal["unless erased", "new"] = False,
    unready: bool = False,
    streams: Sequence[str] = (),
    before_request: Callable[[Request[Any, Any, Any]], Awaitable[None]] | None = None,
) -> HTTPRouteHandler:
    """A handler's decorator."""
    several = _several(takes), _several(answers), _several(refuses)
    declared = Operation(group, permission, *several, versioned, unready, streams)
    opt = {"permission": permission, "operation": declared}
    return HTTPRouteHandler(
        path, http_method=method, status_code=200, summary=summary, opt=opt, before_request=before_request
    )


get = partial(operation, "GET")
post = partial(operation, "POST")
put = partial(operation, "PUT")
patch = partial(operation, "PATCH")
delete = partial(operation, "DELETE")


def _several(of: Any) -> Sequence[Any]:
    return of if isinstance(of, Sequence) else (of,)
