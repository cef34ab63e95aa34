"""Every event and every aggregate there is."""

from typing import Any, get_args

from domain.customer import CUSTOMER, CustomerEvent
from domain.event import Decider, Event, tag
from domain.label import LABEL, LabelEvent
from domain.order import ORDER, OrderEvent
from domain.user import USER, UserEvent
from domain.webhook import WEBHOOK, WebhookEvent

EVENTS: tuple[type[Event], ...] = get_args(CustomerEvent | OrderEvent | UserEvent | LabelEvent | WebhookEvent)
TAGS: tuple[str, ...] = tuple(sorted(map(tag, EVENTS)))
ERASING: tuple[type[Event], ...] = tuple(event for event in EVENTS if event.outlives_erasure)
DECIDERS: dict[str, Decider[Any]] = {decider.category: decider for decider in (CUSTOMER, ORDER, USER, LABEL, WEBHOOK)}
