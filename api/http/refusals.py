"""Why the HTTP edge may refuse a request, and the contract's table of error bodies."""

from collections.abc import Collection, Mapping

from api.http.bodies import (
    Body,
    BothTransactions,
    DoorCode,
    DoorData,
    FaultData,
    InvalidFields,
    NoSuchCustomer,
    OurFault,
    RecordedMove,
    Refused,
    RefusedAtTheDoor,
    StaleData,
    StaleVersion,
    TransactionRefused,
)
from api.http.reasons import Reason
from eventstore.postgres.away import WORDS, Why
from service.fields.reader import Errors

NOT_ROUTED = "No route was found matching the URL and request method."
NOT_ALLOWED = "Sorry, you are not allowed to do that."
CHALLENGE = {"WWW-Authenticate": 'Basic realm="Custodiary", charset="UTF-8", Bearer realm="Custodiary"'}


class HttpRefusal(Exception):
    """A request that is not carried out, with its answer: the documented body, and a machine's word beside it."""

    def __init__(self, reason: Reason, body: Body, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, body)
        self.reason = reason
        self.status = reason.status
        self.body = body
        self.headers = dict(headers or {})


class Invalid(HttpRefusal):
    """Fields that do not fit, each with the rules that it breaks."""

    def __init__(self, errors: Errors, reason: Reason = Reason.INVALID_FIELDS) -> None:
        first = next(message for rules in errors.values() for message in rules.values())
        super().__init__(reason, InvalidFields("rest_request_validation", first, errors, reason))
        self.errors = errors


class Rule(HttpRefusal):
    """A business rule; the reason's status is also the body's code."""

    def __init__(self, reason: Reason, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, Refused(reason.status, message, "", reason), headers)


class AtTheDoor(HttpRefusal):
    """Refused before anything was done."""

    def __init__(self, reason: Reason, code: DoorCode, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason, RefusedAtTheDoor(code, message, DoorData(reason.status), reason), headers)


class OtherTransaction(HttpRefusal):
    """Under the id of a transaction something else is recorded. Both say `order_id`, `type` and `amount` (in cents)."""

    def __init__(self, transaction_id: str, recorded: RecordedMove, sent: RecordedMove) -> None:
        names = (name for name in RecordedMove.__struct_fields__ if getattr(recorded, name) != getattr(sent, name))
        other = " and ".join(name.removesuffix("_id") for name in names)
        message = f"Transaction {transaction_id} is recorded already, with another {other}. Nothing was done."
        reason, both = Reason.TRANSACTION_EXISTS, BothTransactions(transaction_id, recorded, sent)
        super().__init__(reason, TransactionRefused(409, message, both, reason))


class CustomerGone(HttpRefusal):
    """GET of one customer that is not there: the document gives it a body of its own."""

    def __init__(self) -> None:
        reason = Reason.CUSTOMER_NOT_FOUND
        super().__init__(reason, NoSuchCustomer("Customer not found", "Back to Customer List", "/customers", reason))


class Unauthenticated(AtTheDoor):
    """No credentials, or wrong ones."""

    def __init__(self) -> None:
        super().__init__(Reason.UNAUTHENTICATED, "rest_forbidden", NOT_ALLOWED, CHALLENGE)


class Forbidden(AtTheDoor):
    """Permissions are missing; people are told which."""

    def __init__(self, lacking: Collection[str] = ()) -> None:
        super().__init__(Reason.PERMISSION_MISSING, "rest_forbidden", NOT_ALLOWED)
        self.lacking = lacking


class Forged(AtTheDoor):
    """A browser has sent it for a page of another origin."""

    def __init__(self) -> None:
        message = "Pages of other origins may not write here, unless CUSTODIARY_CORS_ORIGINS names them."
        super().__init__(Reason.FOREIGN_ORIGIN, "rest_forbidden", message)


class NoRoute(AtTheDoor):
    """Nothing answers to this path."""

    def __init__(self) -> None:
        super().__init__(Reason.NO_ROUTE, "rest_no_route", NOT_ROUTED)


class MethodNotAllowed(AtTheDoor):
    """Something answers to this path, but to none but these methods; HEAD goes with GET."""

    def __init__(self, methods: Collection[str]) -> None:
        allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)
        headers = {"Allow": ", ".join(sorted(allowed - {"OPTIONS"}))}
        super().__init__(Reason.METHOD_NOT_ALLOWED, "rest_no_route", NOT_ROUTED, headers)


class InvalidJson(AtTheDoor):
    """The body is not a JSON object."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.INVALID_JSON, "rest_invalid_json", message)


class BadIfMatch(AtTheDoor):
    """It can't be read, or there is nothing that it could be about; the reason is a sentence."""

    def __init__(self, reason: str) -> None:
        super().__init__(Reason.INVALID_IF_MATCH, "rest_invalid_header", reason)


class Stale(HttpRefusal):
    """`If-Match` named another version than the current one."""

    def __init__(self, version: int, name: str = "customer") -> None:
        message = f"This {name} has changed meanwhile, and is now at version {version}."
        reason = Reason.VERSION_CHANGED
        super().__init__(reason, StaleVersion(412, message, StaleData(version), reason))


class TooLarge(Rule):
    """More bytes, fields or levels than are read."""

    def __init__(self, message: str) -> None:
        super().__init__(Reason.TOO_LARGE, message)


class BadEncoding(Rule):
    """A compressed body: a few bytes of it may be a gigabyte, and those that fit need no compression."""

    def __init__(self) -> None:
        message = "Bodies are read as they are: send them without Content-Encoding."
        super().__init__(Reason.BODY_ENCODED, message, {"Accept-Encoding": "identity"})


class Slow(Rule):
    """The body did not arrive within so many seconds. What there is of it is left in the connection."""

    def __init__(self, seconds: float) -> None:
        message = f"The request's body took longer than {seconds:g} s to arrive."
        super().__init__(Reason.BODY_TOO_SLOW, message, {"Connection": "close"})


class Late(Rule):
    """There was no answer in time; what was to be written has been written whole, or not at all."""

    def __init__(self) -> None:
        message = "This took too long, and was given up. A write may have been carried out all the same."
        super().__init__(Reason.TIMED_OUT, message, {"Retry-After": "30"})


class NoPrimary(Rule):
    """No database takes writes now, for the reason that is said, and nothing was done."""

    def __init__(self, why: Why) -> None:
        message = f"{WORDS[why].capitalize()}: nothing was done, and the request may be sent again."
        super().__init__(Reason.NO_PRIMARY, message, {"Retry-After": "1"})


class Unknown(Rule):
    """Nobody can tell whether it was done."""

    def __init__(self) -> None:
        message = (
            "The database went away while this was being written, and has not come back: whether it was written is not "
            "known. With the same Idempotency-Key, the request may be sent again without harm."
        )
        super().__init__(Reason.OUTCOME_UNKNOWN, message, {"Retry-After": "1"})


class TooMany(Rule):
    """`retry_after` in seconds."""

    def __init__(self, retry_after: int, reason: Reason = Reason.TOO_MANY_REQUESTS) -> None:
        message = f"Too many requests. Please try again in {retry_after} s."
        super().__init__(reason, message, {"Retry-After": str(retry_after)})


class InternalFault(HttpRefusal):
    """An error of ours. The log tells what it was, under the same request id."""

    def __init__(self, request_id: str) -> None:
        reason = Reason.INTERNAL_ERROR
        super().__init__(reason, OurFault(500, "Internal error", FaultData(request_id), reason))
