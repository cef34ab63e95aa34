"""Every event and every aggregate there is."""

from typing import Any, get_args

from domain.customer import CUSTOMER, CustomerEvent
from domain.event import Decider, Event
from domain.label import LABEL, LabelEvent
from domain.order import ORDER, OrderEvent
from domain.user import USER, UserEvent

EVENTS: tuple[type[Event], ...] = get_args(CustomerEvent | OrderEvent | UserEvent | LabelEvent)
ERASING: tuple[type[Event], ...] = tuple(event for event in EVENTS if event.outlives_erasure)
DECIDERS: dict[str, Decider[Any]] = {decider.category: decider for decider in (CUSTOMER, ORDER, USER, LABEL)}
