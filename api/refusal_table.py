"""From the domain's refusals to HTTP."""

import logging

from eventsourcing.persistence import MapperDeserialisationError

from api.access.credentials import CredentialExists, CredentialNotFound, LastAdministrator
from api.errors import Refusals
from api.refusals import HttpRefusal, Invalid, Rule, TooMany
from domain import refusals
from domain.refusals import ClaimTaken
from eventstore.transact import Contended, OutcomeUnknown, Overloaded
from projections.fold import PoisonedError
from projections.queries.refusals import QueryRefused
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError
from projections.replay.registry import ReplayNotFoundError

logger = logging.getLogger("custodiary.api")

TAKEN: dict[str, HttpRefusal] = {
    "customer-email": Rule(400, "Customer already exists."),
    "user-link": Invalid({"user_id": {"unique": "User already linked to a customer."}}),
    "user-login": Invalid({"user_login": {"unique": "Another user has this login."}}),
    "user-email": Invalid({"user_email": {"unique": "Another user has this email address."}}),
    "label": Invalid({"value": {"unique": "Another label has this value."}}),
}


def _taken(refusal: ClaimTaken) -> HttpRefusal:
    return TAKEN[refusal.args[0]]


def _too_much(refusal: refusals.RefundExceedsPayment) -> HttpRefusal:
    _amount, refundable = refusal.args
    return Invalid(
        {"amount": {"max": f"The amount field may not be greater than {refundable}, which is left of the payment."}}
    )


def _beyond(refusal: refusals.AmountTooLarge) -> HttpRefusal:
    _amount, largest = refusal.args
    return Invalid({"amount": {"max": f"The amounts together may not be greater than {largest}."}})


def _settled(refusal: refusals.PaymentStatusFollowsAmounts) -> HttpRefusal:
    [status] = refusal.args
    problem = f"The payment status is {status}: it follows from the amounts, once money has moved."
    return Invalid({"payment_status": {"settled": problem}})


def _unlisted(refusal: QueryRefused) -> HttpRefusal:
    message = f"The {refusal.field.replace('_', ' ')} field {refusal.problem}"
    return Invalid({refusal.field: {"invalid": message}})


def _in_the_way(refusal: Exception) -> HttpRefusal:
    return Rule(409, str(refusal))


def _poisoned(error: PoisonedError) -> HttpRefusal:
    position, _problem = error.args
    return Rule(409, f"The event at position {position} can't be applied: what depends on it can't be told.")


def _unreadable(error: MapperDeserialisationError) -> HttpRefusal:
    logger.error("a command met an event that can't be read: %s", error)
    return Rule(409, "An event of what this is about can't be read any more: nothing can be decided on it.")


UNKNOWN = (
    "The database went away while this was being written, and has not come back: whether it was written is not known. "
    "With the same Idempotency-Key, the request may be sent again without harm."
)

REFUSALS: Refusals = {
    refusals.ClaimTaken: _taken,
    refusals.CustomerNotFound: Rule(404, "Customer not found."),
    refusals.CustomerExists: Rule(409, "A customer with this id exists."),
    refusals.AddressNotFound: Rule(404, "Address not found, please reload the page and try again!"),
    refusals.AddressExists: Rule(409, "An address with this id exists."),
    refusals.PrimaryAddressKept: Rule(403, "Primary address cannot be deleted!"),
    refusals.LastAddressKept: Rule(403, "At least one address must remain. Address deletion failed!"),
    refusals.PrimaryAddressNotSet: Rule(400, "Address set as primary failed."),
    refusals.UserAlreadyAttached: HttpRefusal(422, {"message": "Can not attach user"}),
    refusals.UserNotFound: Rule(404, "User not found."),
    refusals.LabelNotFound: Rule(404, "Label not found."),
    refusals.LabelExists: Rule(409, "A label with this id exists."),
    refusals.OrderNotFound: Rule(404, "Order not found."),
    refusals.OrderExists: Rule(409, "An order with this id exists."),
    refusals.RefundExceedsPayment: _too_much,
    refusals.AmountTooLarge: _beyond,
    refusals.PaymentStatusFollowsAmounts: _settled,
    CredentialExists: Invalid({"name": {"unique": "This login has an application password of that name."}}),
    CredentialNotFound: Rule(404, "Credential not found."),
    LastAdministrator: Rule(409, "This is the last administrator's: make another administrator first."),
    Contended: TooMany(1),
    Overloaded: TooMany(1),
    OutcomeUnknown: Rule(503, UNKNOWN),
    MapperDeserialisationError: _unreadable,
    ReplayNotFoundError: Rule(404, "Replay not found."),
    ReplayRunningError: Rule(409, "Another replay is running."),
    ReplayStuckError: Rule(409, "Readers or writers held the tables all the time; try again."),
    NotReadyError: _in_the_way,
    NothingToRollBackError: _in_the_way,
    QueryRefused: _unlisted,
    PoisonedError: _poisoned,
}
