"""Why the HTTP edge may refuse a request, and the contract's table of error bodies."""

from collections.abc import Mapping
from typing import Any, TypeAlias

# field → rule → a sentence for people
Errors: TypeAlias = dict[str, dict[str, str]]

NOT_ALLOWED = "Sorry, you are not allowed to do that."
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Custodiary", charset="UTF-8", Bearer realm="Custodiary"'}


def envelope(code: int | str, message: str, data: Any = "") -> dict[str, Any]:
    return {"code": code, "message": message, "data": data}


class HttpRefusal(Exception):
    """A request that is not carried out, with its answer."""

    def __init__(self, status: int, body: dict[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = dict(headers or {})


class Invalid(HttpRefusal):
    """Fields that do not fit, all of them, in the order in which they were read."""

    def __init__(self, errors: Errors) -> None:
        first = next(message for rules in errors.values() for message in rules.values())
        super().__init__(422, {"code": "rest_request_validation", "message": first, "errors": errors})
        self.errors = errors


class Rule(HttpRefusal):
    """A business rule; `status` is also the body's code."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, envelope(status, message))


class CustomerGone(HttpRefusal):
    """GET of one customer that is not there: the document gives it a body of its own."""

    def __init__(self) -> None:
        body = {"message": "Customer not found", "back_text": "Back to Customer List", "back_url": "/customers"}
        super().__init__(404, body)


class Unauthenticated(HttpRefusal):
    """No credentials, or wrong ones."""

    def __init__(self) -> None:
        super().__init__(401, envelope("rest_forbidden", NOT_ALLOWED, {"status": 401}), CHALLENGE)


class Forbidden(HttpRefusal):
    """The permission is missing."""

    def __init__(self) -> None:
        super().__init__(403, envelope("rest_forbidden", NOT_ALLOWED, {"status": 403}))


class Forged(HttpRefusal):
    """A browser has sent it for a page of another origin."""

    def __init__(self) -> None:
        message = "Pages of other origins may not write here, unless CUSTODIARY_CORS_ORIGINS names them."
        super().__init__(403, envelope("rest_forbidden", message, {"status": 403}))


class NoRoute(HttpRefusal):
    """Nothing answers to this path and method."""

    def __init__(self) -> None:
        message = "No route was found matching the URL and request method."
        super().__init__(404, envelope("rest_no_route", message, {"status": 404}))


class InvalidJson(HttpRefusal):
    """The body is not a JSON object; the reason is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, envelope("rest_invalid_json", reason, {"status": 400}))


class Stale(HttpRefusal):
    """`If-Match` named another version than the current one."""

    def __init__(self, version: int) -> None:
        message = f"This customer has changed meanwhile, and is now at version {version}."
        super().__init__(412, envelope(412, message, {"version": version}))


class TooLarge(HttpRefusal):
    """More bytes, fields or levels than are read."""

    def __init__(self, message: str) -> None:
        super().__init__(413, envelope(413, message))


class BadEncoding(HttpRefusal):
    """A compressed body: a few bytes of it may be a gigabyte, and those that fit need no compression."""

    def __init__(self) -> None:
        message = "Bodies are read as they are: send them without Content-Encoding."
        super().__init__(415, envelope(415, message), {"Accept-Encoding": "identity"})


class Slow(HttpRefusal):
    """The body did not arrive within so many seconds. What there is of it is left in the connection."""

    def __init__(self, seconds: float) -> None:
        message = f"The request's body took longer than {seconds:g} s to arrive."
        super().__init__(408, envelope(408, message), {"Connection": "close"})


class Late(HttpRefusal):
    """There was no answer in time; what was to be written has been written whole, or not at all."""

    def __init__(self) -> None:
        message = "This took too long, and was given up. A write may have been carried out all the same."
        super().__init__(503, envelope(503, message), {"Retry-After": "30"})


class TooMany(HttpRefusal):
    """`retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        message = f"Too many requests. Please try again in {retry_after} s."
        super().__init__(429, envelope(429, message), {"Retry-After": str(retry_after)})


class Fault(HttpRefusal):
    """An error of ours. The log tells what it was, under the same request id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(500, envelope(500, "Internal error", {"request_id": request_id}))
