"""From the domain's refusals to HTTP."""

import logging
from collections.abc import Callable

from eventsourcing.persistence import MapperDeserialisationError

from api.handling.errors import Refusals
from api.http.bodies import RecordedMove, Unattached
from api.http.reasons import Reason
from api.http.refusals import Forbidden, HttpRefusal, Invalid, OtherTransaction, Rule, TooMany, Unknown
from domain import refusals
from domain.refusals import ClaimTaken
from domain.terms import Move
from eventstore.postgres.migrate import MISFITS
from eventstore.store import Contended, OutcomeUnknown, Overloaded
from projections.fold.fold import PoisonedError
from projections.queries.language.refusals import QueryRefused, TooExpensive
from projections.replay.engine import NotReadyError, ReplayRunningError
from projections.replay.exchange import NothingToRollBackError, ReplayStuckError
from projections.replay.registry import ReplayNotFoundError
from service.addresses import AddressUnfit
from service.credentials.auth import PermissionMissing
from service.credentials.passwords import CredentialExists, CredentialNotFound, LastAdministrator
from service.feed.pages import AheadOfTheLog
from service.fields.reader import Errors, UnfitFields
from service.privacy import NotErased
from service.webhooks.delivery.reading import DeliveryNotFound
from service.webhooks.endpoints import MOST, TooManyWebhooks, UnknownLabelOfWebhook

logger = logging.getLogger("custodiary.api")

OTHERWISE = Rule(Reason.TRANSACTION_EXISTS, "This transaction is recorded already, as something else.")
TAKEN: dict[str, HttpRefusal] = {
    "customer-email": Rule(Reason.CUSTOMER_EXISTS, "Customer already exists."),
    "user-link": Invalid({"user_id": {"unique": "User already linked to a customer."}}, Reason.USER_LINKED),
    "user-login": Invalid({"user_login": {"unique": "Another user has this login."}}, Reason.USER_LOGIN_TAKEN),
    "user-email": Invalid({"user_email": {"unique": "Another user has this email address."}}, Reason.USER_EMAIL_TAKEN),
    "label": Invalid({"value": {"unique": "Another label has this value."}}, Reason.LABEL_EXISTS),
    "transaction": OTHERWISE,
}


def _forbidden(missing: PermissionMissing) -> HttpRefusal:
    return Forbidden(missing.lacking)


def _unfit(unfit: UnfitFields) -> HttpRefusal:
    return Invalid(unfit.errors)


def _taken(refusal: ClaimTaken) -> HttpRefusal:
    return TAKEN[refusal.args[0]]


def _too_much(refusal: refusals.RefundExceedsPayment) -> HttpRefusal:
    _amount, refundable = refusal.args
    message = f"The amount field may not be greater than {refundable}, which is left of the payment."
    return Invalid({"amount": {"max": message}}, Reason.REFUND_EXCEEDS_PAYMENT)


def _beyond(refusal: refusals.AmountTooLarge) -> HttpRefusal:
    _amount, largest = refusal.args
    message = f"The amounts together may not be greater than {largest}."
    return Invalid({"amount": {"max": message}}, Reason.AMOUNT_TOO_LARGE)


def _settled(refusal: refusals.PaymentStatusFollowsAmounts) -> HttpRefusal:
    [status] = refusal.args
    problem = f"The payment status is {status}: it follows from the amounts, once money has moved."
    return Invalid({"payment_status": {"settled": problem}}, Reason.PAYMENT_STATUS_SETTLED)


def _other(refusal: refusals.TransactionRecorded) -> HttpRefusal:
    transaction_id, (own, recorded), (order_id, sent) = refusal.args
    return OtherTransaction(transaction_id, _moved(own, recorded), _moved(order_id, sent))


def _moved(order_id: int, move: Move) -> RecordedMove:
    return RecordedMove(order_id, move.kind, move.amount)


def _unknown_label(field: str) -> Callable[[Exception], HttpRefusal]:
    return lambda refusal: Invalid(
        {field: {"exists": f"There is no label {refusal.args[0]}."}}, Reason.UNKNOWN_LABEL
    )  # fmt: skip


def _unknown_header(refusal: refusals.UnknownHeader) -> HttpRefusal:
    [name] = refusal.args
    return Invalid({"headers": {"exists": f"There is no header {name} whose value could stay."}}, Reason.UNKNOWN_HEADER)


def _misplaced(refusal: AddressUnfit) -> HttpRefusal:
    errors: Errors = {}
    for field, rule, problem in refusal.problems:
        errors.setdefault(field, {})[rule] = _sentence(field, problem)
    return Invalid(errors)


def _sentence(field: str, problem: str) -> str:
    return f"The {field.replace('_', ' ')} field {problem}"


def _unlisted(refusal: QueryRefused) -> HttpRefusal:
    message = _sentence(refusal.field, refusal.problem)
    reason = Reason.TOO_EXPENSIVE if isinstance(refusal, TooExpensive) else Reason.INVALID_FIELDS
    return Invalid({refusal.field: {"invalid": message}}, reason)


def _in_the_way(reason: Reason) -> Callable[[Exception], HttpRefusal]:
    return lambda refusal: Rule(reason, str(refusal))


def _ahead(refusal: AheadOfTheLog) -> HttpRefusal:
    message = f"The log ends at position {refusal.head}: this is a position of another one, or it was set back."
    return Rule(Reason.BEYOND_THE_LOG, message)


def _poisoned(error: PoisonedError) -> HttpRefusal:
    position, _problem = error.args
    return Rule(
        Reason.EVENT_NOT_APPLICABLE,
        f"The event at position {position} can't be applied: what depends on it can't be told.",
    )


def _unreadable(error: MapperDeserialisationError) -> HttpRefusal:
    logger.error("a command met an event that can't be read: %s", error)
    message = "An event of what this is about can't be read any more: nothing can be decided on it."
    return Rule(Reason.EVENT_UNREADABLE, message)


def _misfit(error: Exception) -> HttpRefusal:
    logger.error("a statement does not fit the schema in the database: %s", error)
    return Rule(Reason.SCHEMA_MISMATCH, "The database has the tables of another version of this service: ask that one.")


REFUSALS: Refusals = {
    UnfitFields: _unfit,
    refusals.ClaimTaken: _taken,
    refusals.CustomerNotFound: Rule(Reason.CUSTOMER_NOT_FOUND, "Customer not found."),
    refusals.CustomerExists: Rule(Reason.CUSTOMER_ID_TAKEN, "A customer with this id exists."),
    refusals.AddressNotFound: Rule(
        Reason.ADDRESS_NOT_FOUND, "Address not found, please reload the page and try again!"
    ),
    refusals.AddressExists: Rule(Reason.ADDRESS_ID_TAKEN, "An address with this id exists."),
    refusals.PrimaryAddressKept: Rule(Reason.PRIMARY_ADDRESS_KEPT, "Primary address cannot be deleted!"),
    refusals.LastAddressKept: Rule(
        Reason.LAST_ADDRESS_KEPT, "At least one address must remain. Address deletion failed!"
    ),
    refusals.PrimaryAddressNotSet: Rule(Reason.PRIMARY_ADDRESS_NOT_SET, "Address set as primary failed."),
    refusals.UserAlreadyAttached: HttpRefusal(
        Reason.CUSTOMER_HAS_USER, Unattached("Can not attach user", Reason.CUSTOMER_HAS_USER)
    ),
    refusals.UserNotFound: Rule(Reason.USER_NOT_FOUND, "User not found."),
    refusals.LabelNotFound: Rule(Reason.LABEL_NOT_FOUND, "Label not found."),
    refusals.LabelExists: Rule(Reason.LABEL_ID_TAKEN, "A label with this id exists."),
    refusals.WebhookNotFound: Rule(Reason.WEBHOOK_NOT_FOUND, "Webhook not found."),
    refusals.WebhookExists: Rule(Reason.WEBHOOK_ID_TAKEN, "A webhook with this id exists."),
    refusals.WebhookIsPaused: Rule(Reason.WEBHOOK_PAUSED, "The webhook is paused: resume it first."),
    refusals.UnknownHeader: _unknown_header,
    DeliveryNotFound: Rule(Reason.DELIVERY_NOT_FOUND, "Delivery not found."),
    TooManyWebhooks: Rule(Reason.TOO_MANY_WEBHOOKS, f"There are {MOST} webhooks already: delete one first."),
    refusals.OrderNotFound: Rule(Reason.ORDER_NOT_FOUND, "Order not found."),
    refusals.TransactionExists: OTHERWISE,
    refusals.TransactionRecorded: _other,
    refusals.OrderExists: Rule(Reason.ORDER_ID_TAKEN, "An order with this id exists."),
    refusals.RefundExceedsPayment: _too_much,
    refusals.AmountTooLarge: _beyond,
    refusals.PaymentStatusFollowsAmounts: _settled,
    refusals.UnknownUser: Invalid({"user_id": {"exists": "User not found."}}, Reason.UNKNOWN_USER),
    refusals.UnknownLabel: _unknown_label("labels"),
    UnknownLabelOfWebhook: _unknown_label("customers.labels"),
    refusals.UnknownOrder: Invalid({"order_id": {"exists": "This customer has no such order."}}, Reason.UNKNOWN_ORDER),
    AddressUnfit: _misplaced,
    NotErased: Rule(Reason.NOT_ERASED, "Customer is not erased."),
    PermissionMissing: _forbidden,
    CredentialExists: Invalid(
        {"name": {"unique": "This login has an application password of that name."}}, Reason.CREDENTIAL_EXISTS
    ),
    CredentialNotFound: Rule(Reason.CREDENTIAL_NOT_FOUND, "Credential not found."),
    LastAdministrator: Rule(
        Reason.LAST_ADMINISTRATOR, "This is the last administrator's: make another administrator first."
    ),
    Contended: TooMany(1, Reason.BUSY),
    Overloaded: TooMany(1, Reason.BUSY),
    OutcomeUnknown: Unknown(),
    MapperDeserialisationError: _unreadable,
    **dict.fromkeys(MISFITS, _misfit),
    ReplayNotFoundError: Rule(Reason.REPLAY_NOT_FOUND, "Replay not found."),
    ReplayRunningError: Rule(Reason.REPLAY_RUNNING, "Another replay is running."),
    ReplayStuckError: Rule(Reason.REPLAY_STUCK, "Readers or writers held the tables all the time; try again."),
    NotReadyError: _in_the_way(Reason.REPLAY_NOT_READY),
    NothingToRollBackError: _in_the_way(Reason.NOTHING_TO_ROLL_BACK),
    QueryRefused: _unlisted,
    AheadOfTheLog: _ahead,
    PoisonedError: _poisoned,
}
