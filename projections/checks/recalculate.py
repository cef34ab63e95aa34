"""One customer's figures from its whole history, against what is stored."""

from typing import Any

import msgspec

from domain.event import Stream
from domain.value import Figures
from eventstore.log.log import Log
from eventstore.postgres.connection import Session
from eventstore.postgres.stream_ids import from_uuid, lock_key, to_uuid
from projections.checks import findings
from projections.fold.fold import PoisonedError, fold_some
from projections.models.figures import FIGURES
from projections.models.orders import ORDERS
from projections.tables.view import View

ITS_ROWS = "SELECT id FROM orders WHERE customer_id = $1"
OWNERS = """
    SELECT DISTINCT ON (originator_id) originator_id, customer_id FROM stored_events
    WHERE originator_id = ANY($1) ORDER BY originator_id, originator_version DESC"""
# No event tells of a repair: this makes lists count anew.
REPAIRED = "UPDATE read_models SET built_at = clock_timestamp() WHERE name = $1"


class Drift(msgspec.Struct, frozen=True):
    stored: Any
    recalculated: Any


async def recalculate(connection: Session, log: Log, customer_id: int) -> dict[str, Drift] | None:
    """Repair the figures, and the orders that they come from; what was wrong by field, or None for no customer.

    Writers about this customer wait until the connection's transaction ends. Appends no event. Raises PoisonedError,
    and Conflict in a batch that has events.
    """
    if isinstance(connection, View):
        connection.require_log()
    await _hold(connection, log, {customer_id})
    stored = (await FIGURES.table.load(connection, [customer_id])).get(customer_id)
    owners = await _owners(connection, customer_id)
    if strangers := {owner for owner in owners.values() if owner is not None} - {customer_id}:
        await _hold(connection, log, strangers)
    folded = await fold_some(connection, log, "customer", {customer_id, *strangers}, await log.head(connection))
    for poison in folded.poison:
        if customer_id in poison.ids:
            raise PoisonedError(poison.position, poison.error)
    true = folded.rows[FIGURES.name].get(customer_id)
    if true is None:
        return None
    untold = {id_ for poison in folded.poison for id_ in poison.ids}
    rows = folded.rows[ORDERS.name]
    orders = {id_: rows.get(id_) for id_, owner in owners.items() if owner not in untold}
    orders |= {id_: row for id_, row in rows.items() if row.customer_id == customer_id}
    loaded = await ORDERS.table.load(connection, orders)
    wrong = {id_: row for id_, row in orders.items() if row != loaded.get(id_)}
    if wrong or stored != true:
        await ORDERS.table.save(connection, wrong, loaded)
        await FIGURES.table.save(connection, {customer_id: true}, {} if stored is None else {customer_id: stored})
        await connection.execute(REPAIRED, FIGURES.name)
    await findings.keep(connection, [customer_id])
    return {
        name: Drift(getattr(stored, name, None), getattr(true, name))
        for name in Figures.__struct_fields__
        if getattr(stored, name, None) != getattr(true, name)
    }


async def _hold(connection: Session, log: Log, customer_ids: set[int]) -> None:
    """Nobody writes about them until the transaction ends."""
    await log.hold(connection, {}, [lock_key(Stream("customer", id_)) for id_ in customer_ids])


async def _owners(connection: Session, customer_id: int) -> dict[int, int | None]:
    """The owners, by their events, of the orders that are stored as the customer's; None for nobody."""
    ids = [row[0] for row in await connection.fetch(ITS_ROWS, customer_id)]
    events = await connection.fetch(OWNERS, [to_uuid(Stream("order", id_)) for id_ in ids])
    return dict.fromkeys(ids) | {from_uuid(originator_id).id: owner for originator_id, owner in events}
