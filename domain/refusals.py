"""Why a command may be refused. Facts that the command's stream does not tell are the exception's arguments, as each
docstring names them.
"""


class Refusal(Exception):
    """A command that a rule forbids. It leaves no trace."""


class ClaimTaken(Refusal):
    """kind, value: another stream holds this value."""


class CustomerNotFound(Refusal):
    """Never registered, or erased."""


class CustomerExists(Refusal):
    """The id is taken."""


class AddressNotFound(Refusal):
    """address_id: this customer has no such address."""


class AddressExists(Refusal):
    """address_id"""


class PrimaryAddressKept(Refusal):
    """address_id: a primary address can't be removed."""


class LastAddressKept(Refusal):
    """address_id: the last address can't be removed."""


class PrimaryAddressNotSet(Refusal):
    """address_id, type: this customer has no such address of this type."""


class UserAlreadyAttached(Refusal):
    """user_id: the customer already has this user, or another."""


class UserNotFound(Refusal):
    """Never registered, or deleted."""


class LabelNotFound(Refusal):
    """Never created, or deleted."""


class LabelExists(Refusal):
    """The id is taken."""


class WebhookNotFound(Refusal):
    """Never created, or deleted."""


class WebhookExists(Refusal):
    """The id is taken."""


class WebhookIsPaused(Refusal):
    """Nothing is sent to it."""


class UnknownHeader(Refusal):
    """name: a webhook has no header of this name whose value could stay."""


class OrderNotFound(Refusal):
    """Never placed, deleted, or another customer's."""


class OrderExists(Refusal):
    """The id is taken."""


class AmountTooLarge(Refusal):
    """amount, largest: in cents; beyond what every client keeps exact."""


class TransactionExists(Refusal):
    """transaction_id, recorded, sent: of this order, something else is recorded under this id."""


class RefundExceedsPayment(Refusal):
    """amount, refundable: both in cents."""


class PaymentStatusFollowsAmounts(Refusal):
    """payment_status: money has moved, so the amounts decide."""


class UnknownUser(Refusal):
    """user_id: a command names a user who is not there."""


class UnknownLabel(Refusal):
    """label_id: a command names a label that is not there."""


class UnknownOrder(Refusal):
    """order_id: a command names an order that this customer does not have."""


class TransactionRecorded(Refusal):
    """transaction_id, recorded, sent: something else is recorded under this id. Both are an order's id and a move."""
