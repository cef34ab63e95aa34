"""Every event there is."""

from typing import get_args

from domain.customer import CustomerEvent
from domain.event import Event
from domain.label import LabelEvent
from domain.order import OrderEvent
from domain.user import UserEvent

EVENTS: tuple[type[Event], ...] = get_args(CustomerEvent | OrderEvent | UserEvent | LabelEvent)
