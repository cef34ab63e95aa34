"""All events about a customer, without what they say: where one may stop on the way through its past."""

from datetime import datetime
from typing import NamedTuple

import asyncpg

from domain.event import tag
from domain.order import OrderTransferred
from eventstore.postgres.connection import Executor
from eventstore.postgres.stream_ids import from_uuid

# Without what they say: a page shows most of them as points of a line.
STOP = "SELECT notification_id, occurred_at, actor, topic, originator_id, customer_id FROM stored_events"
STOPS = f"{STOP} WHERE customer_id = $1 UNION ALL {STOP} WHERE former_customer_id = $1 ORDER BY notification_id"


class Stop(NamedTuple):
    """An event about the customer: `order_id` where it is an order's, `came` where it brought one from another."""

    position: int
    occurred_at: datetime
    actor: str
    type: str
    order_id: int | None
    came: bool


async def stops_of(on: Executor, customer_id: int) -> list[Stop]:
    """All events about a customer, as many as its version says, the oldest first."""
    return [_stop(customer_id, row) for row in await on.fetch(STOPS, customer_id)]


def _stop(customer_id: int, row: asyncpg.Record) -> Stop:
    position, at, actor, topic, stream, owner = row
    category, id_ = from_uuid(stream)
    type_ = topic.partition("#")[0]
    came = type_ == tag(OrderTransferred) and owner == customer_id
    return Stop(position, at, actor, type_, id_ if category == "order" else None, came)
