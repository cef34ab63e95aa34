"""The domain's choices by the names that typed clients give them: the same in requests and in answers."""

from typing import get_args

from domain.address import ADDRESS_TYPES
from domain.customer import CUSTOMER_STATUSES
from domain.events import TAGS
from domain.terms import ORDER_MODES, ORDER_STATUSES, ORDER_TYPES
from domain.value import PAYMENT_STATUSES, UNPAID_STATUSES
from domain.webhook import DELIVERY_ORDERS, FORMS, PAUSE_REASONS
from service.fields.kinds import Words
from service.fields.rules import FieldRule

CUSTOMER_STATUS = Words("CustomerStatus", CUSTOMER_STATUSES)
ADDRESS_TYPE = Words("AddressType", ADDRESS_TYPES)
ORDER_STATUS = Words("OrderStatus", ORDER_STATUSES)
ORDER_TYPE = Words("OrderType", ORDER_TYPES)
ORDER_MODE = Words("OrderMode", ORDER_MODES)
UNPAID_STATUS = Words("UnpaidStatus", UNPAID_STATUSES)
PAYMENT_STATUS = Words("PaymentStatus", PAYMENT_STATUSES)
EVENT_TYPE = Words("EventType", TAGS)
MESSAGE_FORM = Words("MessageForm", FORMS)
DELIVERY_ORDER = Words("DeliveryOrder", DELIVERY_ORDERS)
PAUSE_REASON = Words("PauseReason", PAUSE_REASONS)
FIELD_RULE = Words("FieldRule", get_args(FieldRule))
