"""Words of which one is chosen, by the names that typed clients give them: the same in requests and answers."""

from typing import get_args

from api.access.roles import Permission, Role
from api.addresses import TYPES
from api.customers import STATUSES
from api.openapi.kinds import Schema
from api.order_input import MODES, ORDER_STATUSES, PAYMENT_STATUSES, UNPAID
from api.order_input import TYPES as ORDER_TYPES
from api.reasons import FieldRule

CHOICES = {
    "CustomerStatus": STATUSES,
    "AddressType": TYPES,
    "OrderStatus": ORDER_STATUSES,
    "OrderType": ORDER_TYPES,
    "OrderMode": MODES,
    "PaymentStatus": PAYMENT_STATUSES,
    "UnpaidStatus": UNPAID,
    "Role": get_args(Role),
    "Permission": get_args(Permission),
    "FieldRule": get_args(FieldRule),
}
COMPONENTS: dict[str, Schema] = {name: {"type": "string", "enum": list(words)} for name, words in CHOICES.items()}
