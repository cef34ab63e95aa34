"""One customer's figures from its whole history, against what is stored."""

from typing import Any

import msgspec

from domain.event import Recorded
from domain.value import Figures, figures
from eventstore.log import Connection, Log
from eventstore.streams import from_uuid
from projections.figures import FIGURES, with_figures
from projections.orders import ORDERS, OrderRow
from projections.replay import value_of

# Every order that is or was this customer's: its events name the customer.
STREAMS = """
    SELECT DISTINCT originator_id FROM stored_events WHERE customer_id = $1
    UNION SELECT DISTINCT originator_id FROM stored_events WHERE former_customer_id = $1"""


class Drift(msgspec.Struct, frozen=True):
    stored: Any
    recalculated: Any


async def recalculate(connection: Connection, log: Log, customer_id: int) -> dict[str, Drift] | None:
    """Repair the figures, and the orders that they come from; what was wrong by field, or None for no customer.

    Writers about this customer wait until the connection's transaction ends. Appends no event.
    """
    rows = await FIGURES.table.load(connection, [customer_id])
    if customer_id not in rows:
        return None
    row = rows[customer_id]
    true = await history_figures(connection, log, customer_id)
    drift = {
        name: Drift(stored, recalculated)
        for name in Figures.__struct_fields__
        if (stored := getattr(row, name)) != (recalculated := getattr(true, name))
    }
    if drift:
        await FIGURES.table.save(connection, {customer_id: with_figures(row, true)})
    return drift


async def history_figures(connection: Connection, log: Log, customer_id: int) -> Figures:
    """From events alone; orders whose rows differ from their events are repaired on the way."""
    uuids = [row["originator_id"] for row in await connection.fetch(STREAMS, customer_id)]
    events: list[Recorded] = await log.streams(connection, [from_uuid(uuid) for uuid in uuids])
    orders: dict[int, OrderRow | None] = {}
    ORDERS.fold(orders, sorted(events, key=lambda recorded: recorded.position))
    ids = {recorded.stream.id for recorded in events if recorded.stream.category == "order"}
    own = {id_: order for id_, order in orders.items() if id_ in ids and order and order.customer_id == customer_id}
    stored = await ORDERS.table.load(connection, own)
    if differing := {id_: order for id_, order in own.items() if stored.get(id_) != order}:
        await ORDERS.table.save(connection, dict(differing))
    return figures(value_of(order) for order in own.values())
