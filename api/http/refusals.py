"""Why the HTTP edge may refuse a request, and the contract's table of error bodies."""

from collections.abc import Collection, Mapping
from typing import Any

from eventstore.postgres.away import WORDS, Why
from service.fields.reader import Errors
from service.reasons import Reason

NOT_ROUTED = "No route was found matching the URL and request method."
NOT_ALLOWED = "Sorry, you are not allowed to do that."
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Custodiary", charset="UTF-8", Bearer realm="Custodiary"'}


def envelope(code: int | str, message: str, data: Any = "") -> dict[str, Any]:
    return {"code": code, "message": message, "data": data}


class HttpRefusal(Exception):
    """A request that is not carried out, with its answer: the documented body, and a machine's word beside it."""

    def __init__(self, reason: Reason, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, body)
        self.reason = reason
        self.status = reason.status
        self.body = {**body, "reason": reason.value}
        self.headers = dict(headers or {})


class Invalid(HttpRefusal):
    """Fields that do not fit, each with the rules that it breaks."""

    def __init__(self, errors: Errors, reason: Reason = Reason.INVALID_FIELDS) -> None:
        first = next(message for rules in errors.values() for message in rules.values())
        super().__init__(reason, {"code": "rest_request_validation", "message": first, "errors": errors})
        self.errors = errors


class Rule(HttpRefusal):
    """A business rule; the reason's status is also the body's code."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(reason, envelope(reason.status, message))


class OtherTransaction(HttpRefusal):
    """Under the id of a transaction something else is recorded. Both say `order_id`, `type` and `amount` (in cents)."""

    def __init__(self, transaction_id: str, recorded: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        other = " and ".join(name.removesuffix("_id") for name in recorded if recorded[name] != sent[name])
        message = f"Transaction {transaction_id} is recorded already, with another {other}. Nothing was done."
        data = {"transaction_id": transaction_id, "recorded": recorded, "sent": sent}
        super().__init__(Reason.TRANSACTION_EXISTS, envelope(409, message, data))


class CustomerGone(HttpRefusal):
    """GET of one customer that is not there: the document gives it a body of its own."""

    def __init__(self) -> None:
        body = {"message": "Customer not found", "back_text": "Back to Customer List", "back_url": "/customers"}
        super().__init__(Reason.CUSTOMER_NOT_FOUND, body)


class Unauthenticated(HttpRefusal):
    """No credentials, or wrong ones."""

    def __init__(self) -> None:
        super().__init__(Reason.UNAUTHENTICATED, envelope("rest_forbidden", NOT_ALLOWED, {"status": 401}), CHALLENGE)


class Forbidden(HttpRefusal):
    """The permission is missing."""

    def __init__(self) -> None:
        super().__init__(Reason.PERMISSION_MISSING, envelope("rest_forbidden", NOT_ALLOWED, {"status": 403}))


class Forged(HttpRefusal):
    """A browser has sent it for a page of another origin."""

    def __init__(self) -> None:
        message = "Pages of other origins may not write here, unless CUSTODIARY_CORS_ORIGINS names them."
        super().__init__(Reason.FOREIGN_ORIGIN, envelope("rest_forbidden", message, {"status": 403}))


class NoRoute(HttpRefusal):
    """Nothing answers to this path."""

    def __init__(self) -> None:
        super().__init__(Reason.NO_ROUTE, envelope("rest_no_route", NOT_ROUTED, {"status": 404}))


class MethodNotAllowed(HttpRefusal):
    """Something answers to this path, but to none but these methods; HEAD goes with GET."""

    def __init__(self, methods: Collection[str]) -> None:
        allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)
        headers = {"Allow": ", ".join(sorted(allowed - {"OPTIONS"}))}
        super().__init__(Reason.METHOD_NOT_ALLOWED, envelope("rest_no_route", NOT_ROUTED, {"status": 405}), headers)


class InvalidJson(HttpRefusal):
    """The body is not a JSON object."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.INVALID_JSON, envelope("rest_invalid_json", message, {"status": 400}))


class BadIfMatch(HttpRefusal):
    """It can't be read, or there is nothing that it could be about; the reason is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(Reason.INVALID_IF_MATCH, envelope("rest_invalid_header", reason, {"status": 400}))


class Stale(HttpRefusal):
    """`If-Match` named another version than the current one."""

    def __init__(self, version: int) -> None:
        message = f"This customer has changed meanwhile, and is now at version {version}."
        super().__init__(Reason.VERSION_CHANGED, envelope(412, message, {"version": version}))


class TooLarge(HttpRefusal):
    """More bytes, fields or levels than are read."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.TOO_LARGE, envelope(413, message))


class BadEncoding(HttpRefusal):
    """A compressed body: a few bytes of it may be a gigabyte, and those that fit need no compression."""

    def __init__(self) -> None:
        message = "Bodies are read as they are: send them without Content-Encoding."
        super().__init__(Reason.BODY_ENCODED, envelope(415, message), {"Accept-Encoding": "identity"})


class Slow(HttpRefusal):
    """The body did not arrive within so many seconds. What there is of it is left in the connection."""

    def __init__(self, seconds: float) -> None:
        message = f"The request's body took longer than {seconds:g} s to arrive."
        super().__init__(Reason.BODY_TOO_SLOW, envelope(408, message), {"Connection": "close"})


class Late(HttpRefusal):
    """There was no answer in time; what was to be written has been written whole, or not at all."""

    def __init__(self) -> None:
        message = "This took too long, and was given up. A write may have been carried out all the same."
        super().__init__(Reason.TIMED_OUT, envelope(503, message), {"Retry-After": "30"})


class NoPrimary(HttpRefusal):
    """No database takes writes now, for the reason that is said, and nothing was done."""

    def __init__(self, why: Why) -> None:
        message = f"{WORDS[why].capitalize()}: nothing was done, and the request may be sent again."
        super().__init__(Reason.NO_PRIMARY, envelope(503, message), {"Retry-After": "1"})


class Unknown(HttpRefusal):
    """Nobody can tell whether it was done."""

    def __init__(self) -> None:
        message = (
            "The database went away while this was being written, and has not come back: whether it was written is not "
            "known. With the same Idempotency-Key, the request may be sent again without harm."
        )
        super().__init__(Reason.OUTCOME_UNKNOWN, envelope(503, message), {"Retry-After": "1"})


class TooMany(HttpRefusal):
    """`retry_after` in seconds."""

    def __init__(self, retry_after: int, reason: Reason = Reason.TOO_MANY_REQUESTS) -> None:
        message = f"Too many requests. Please try again in {retry_after} s."
        super().__init__(reason, envelope(429, message), {"Retry-After": str(retry_after)})


class Fault(HttpRefusal):
    """An error of ours. The log tells what it was, under the same request id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(Reason.INTERNAL_ERROR, envelope(500, "Internal error", {"request_id": request_id}))
