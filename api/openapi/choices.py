"""Words of which one is chosen, by the names that typed clients give them: the same in requests and answers."""

from typing import get_args

from api.access.roles import Permission, Role
from api.openapi.kinds import Schema
from domain.address import AddressType
from domain.customer import CustomerStatus
from domain.order import OrderMode, OrderStatus, OrderType
from domain.transaction import PaymentStatus, UnpaidStatus
from service.fields.rules import FieldRule

CHOICES = {
    "CustomerStatus": get_args(CustomerStatus),
    "AddressType": get_args(AddressType),
    "OrderStatus": get_args(OrderStatus),
    "OrderType": get_args(OrderType),
    "OrderMode": get_args(OrderMode),
    "PaymentStatus": get_args(PaymentStatus),
    "UnpaidStatus": get_args(UnpaidStatus),
    "Role": get_args(Role),
    "Permission": get_args(Permission),
    "FieldRule": get_args(FieldRule),
}
COMPONENTS: dict[str, Schema] = {name: {"type": "string", "enum": list(words)} for name, words in CHOICES.items()}
