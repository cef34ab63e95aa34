"""Machines' words for why a request is not carried out: one table, which OpenAPI and docs/errors.md show."""

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """Why a request was not carried out. More words may come."""

    status: int
    meaning: str

    def __new__(cls, word: str, status: int, meaning: str) -> Self:
        reason = str.__new__(cls, word)
        reason._value_, reason.status, reason.meaning = word, status, meaning
        return reason

    BAD_REQUEST = "bad_request", 400, "The request can't be read as HTTP."
    INVALID_JSON = "invalid_json", 400, "The body is no JSON object, or is nested too deep."
    INVALID_MULTIPART = "invalid_multipart", 400, "The multipart body can't be read."
    INVALID_IF_MATCH = (
        "invalid_if_match",
        400,
        "If-Match can't be read, or the write is about neither one customer nor a webhook.",
    )
    INCOMPLETE_BODY = "incomplete_body", 400, "The connection ended within the body."
    CUSTOMER_EXISTS = "customer_exists", 400, "Another customer has this email address."
    PRIMARY_ADDRESS_NOT_SET = "primary_address_not_set", 400, "The customer has no such address of this type."
    INVALID_ACTION = "invalid_action", 400, "There is no such bulk action."

    UNAUTHENTICATED = "unauthenticated", 401, "No credentials, or wrong ones."

    PERMISSION_MISSING = "permission_missing", 403, "The credential lacks the permission that the operation needs."
    FOREIGN_ORIGIN = "foreign_origin", 403, "A browser sent a write for a page of another origin."
    SELECTION_MISSING = "selection_missing", 403, "The bulk action names no customers."
    INVALID_STATUS = "invalid_status", 403, "The bulk action names no status that there is."
    INVALID_ADDRESS_ID = "invalid_address_id", 403, "The address to delete is not named by an id."
    PRIMARY_ADDRESS_KEPT = "primary_address_kept", 403, "A primary address can't be deleted."
    LAST_ADDRESS_KEPT = "last_address_kept", 403, "The last address can't be deleted."

    NO_ROUTE = "no_route", 404, "Nothing answers to this path."
    CUSTOMER_NOT_FOUND = "customer_not_found", 404, "There is no such customer, or no longer."
    ADDRESS_NOT_FOUND = "address_not_found", 404, "The customer has no such address."
    USER_NOT_FOUND = "user_not_found", 404, "There is no such user."
    LABEL_NOT_FOUND = "label_not_found", 404, "There is no such label."
    ORDER_NOT_FOUND = "order_not_found", 404, "There is no such order, or no longer."
    WEBHOOK_NOT_FOUND = "webhook_not_found", 404, "There is no such webhook, or no longer."
    DELIVERY_NOT_FOUND = "delivery_not_found", 404, "The webhook has had no such delivery in the last 30 days."
    REPLAY_NOT_FOUND = "replay_not_found", 404, "There is no such replay."
    CREDENTIAL_NOT_FOUND = "credential_not_found", 404, "There is no such credential that one may see."
    NOT_ERASED = "not_erased", 404, "The customer is there, or never was."

    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "The path is there, but not with this method; `Allow` has those."

    BODY_TOO_SLOW = "body_too_slow", 408, "The body did not arrive in time."

    CUSTOMER_ID_TAKEN = "customer_id_taken", 409, "Another customer has this id."
    ADDRESS_ID_TAKEN = "address_id_taken", 409, "Another address has this id."
    LABEL_ID_TAKEN = "label_id_taken", 409, "Another label has this id."
    ORDER_ID_TAKEN = "order_id_taken", 409, "Another order has this id."
    WEBHOOK_ID_TAKEN = "webhook_id_taken", 409, "Another webhook has this id."
    WEBHOOK_PAUSED = "webhook_paused", 409, "Nothing is sent to the webhook until it is resumed."
    TOO_MANY_WEBHOOKS = "too_many_webhooks", 409, "The store has as many webhooks as it may have."
    TRANSACTION_EXISTS = "transaction_exists", 409, "The transaction is recorded with another amount, type or order."
    LAST_ADMINISTRATOR = "last_administrator", 409, "Without this credential nobody could make another."
    KEY_IN_USE = "key_in_use", 409, "A request with the same Idempotency-Key is still running."
    REPLAY_RUNNING = "replay_running", 409, "Another replay is running."
    REPLAY_STUCK = "replay_stuck", 409, "Tables were in use all the time: the replay may be swapped later."
    REPLAY_NOT_READY = "replay_not_ready", 409, "The replay is in no state that allows this."
    NOTHING_TO_ROLL_BACK = "nothing_to_roll_back", 409, "The replay has nothing left that could come back."
    EVENT_NOT_APPLICABLE = "event_not_applicable", 409, "An event can't be applied, so the figures can't be told."
    EVENT_UNREADABLE = "event_unreadable", 409, "An event can't be read, so nothing can be decided on it."
    BEYOND_THE_LOG = "beyond_the_log", 409, "The log ends before this position: it is another log's, or was set back."

    ANSWER_FORGOTTEN = "answer_forgotten", 410, "What the Idempotency-Key stood for was about somebody who is erased."
    VERSION_CHANGED = "version_changed", 412, "The customer or webhook has another version than If-Match names."
    TOO_LARGE = "too_large", 413, "The request has more bytes, fields or levels than are read."
    URL_TOO_LONG = "url_too_long", 414, "The address with its query is too long."
    BODY_ENCODED = "body_encoded", 415, "The body is compressed."
    HEADERS_TOO_LARGE = "headers_too_large", 431, "The headers are too long together."

    INVALID_FIELDS = "invalid_fields", 422, "Fields do not fit; `errors` says which, and the rules that they break."
    UNKNOWN_USER = "unknown_user", 422, "The request names a user who is not there."
    UNKNOWN_LABEL = "unknown_label", 422, "The request names a label that is not there."
    UNKNOWN_HEADER = "unknown_header", 422, "The request keeps the value of a header that the webhook does not have."
    UNKNOWN_ORDER = "unknown_order", 422, "The request names an order that is not this customer's."
    USER_LINKED = "user_linked", 422, "The user is linked to another customer."
    CUSTOMER_HAS_USER = "customer_has_user", 422, "The customer is linked to a user already."
    USER_LOGIN_TAKEN = "user_login_taken", 422, "Another user has this login."
    USER_EMAIL_TAKEN = "user_email_taken", 422, "Another user has this email address."
    LABEL_EXISTS = "label_exists", 422, "Another label has this value."
    CREDENTIAL_EXISTS = "credential_exists", 422, "The login has a credential of this name."
    REFUND_EXCEEDS_PAYMENT = "refund_exceeds_payment", 422, "More would be refunded than was paid."
    AMOUNT_TOO_LARGE = "amount_too_large", 422, "The order's amounts would be more than is counted exactly."
    PAYMENT_STATUS_SETTLED = "payment_status_settled", 422, "Money has moved: the payment status follows from it."
    KEY_REUSED = "key_reused", 422, "The Idempotency-Key came with another request before."
    TOO_EXPENSIVE = "too_expensive", 422, "The list asks for more than can be found in time."

    TOO_MANY_REQUESTS = "too_many_requests", 429, "The credential, or wrong passwords, came too often."
    BUSY = "busy", 429, "The service has too much of this to do at the moment."

    INTERNAL_ERROR = "internal_error", 500, "A fault of ours; the log tells more, by the request id."

    TIMED_OUT = "timed_out", 503, "No answer in time; what was to be written is written whole, or not at all."
    NO_PRIMARY = "no_primary", 503, "No database takes writes at the moment: nothing was done."
    SCHEMA_MISMATCH = "schema_mismatch", 503, "The database has the tables of another version of this service."
    OUTCOME_UNKNOWN = "outcome_unknown", 503, "Whether it was written is not known: send it again with the same key."
