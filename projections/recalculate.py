"""One customer's figures from its whole history, against what is stored."""

from typing import Any

import msgspec

from domain.value import Figures
from eventstore.log import Connection, Log
from projections.figures import FIGURES
from projections.fold import fold_some
from projections.orders import ORDERS


class Drift(msgspec.Struct, frozen=True):
    stored: Any
    recalculated: Any


class PoisonedError(Exception):
    """position, problem: an event of the customer can't be applied, so that its figures can't be told."""


async def recalculate(connection: Connection, log: Log, customer_id: int) -> dict[str, Drift] | None:
    """Repair the figures, and the orders that they come from; what was wrong by field, or None for no customer.

    Writers about this customer wait until the connection's transaction ends. Appends no event. Raises PoisonedError.
    """
    stored = (await FIGURES.table.load(connection, [customer_id])).get(customer_id)
    folded = await fold_some(connection, log, "customer", [customer_id], await log.head(connection))
    for poison in folded.poison:
        raise PoisonedError(poison.position, poison.error)
    true = folded.rows[FIGURES.name].get(customer_id)
    if true is None or stored is None:
        return None
    orders = folded.rows[ORDERS.name]
    loaded = await ORDERS.table.load(connection, orders)
    await ORDERS.table.save(connection, {id_: row for id_, row in orders.items() if row != loaded.get(id_)}, loaded)
    if stored != true:
        await FIGURES.table.save(connection, {customer_id: true}, {customer_id: stored})
    return {
        name: Drift(getattr(stored, name), getattr(true, name))
        for name in Figures.__struct_fields__
        if getattr(stored, name) != getattr(true, name)
    }
